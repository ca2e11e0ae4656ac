//! Log lines to stderr, for people (text) or machines (JSON). Values come from log files and bucket names, which others write:
//! control characters in them are escaped before they reach a terminal.

use super::ConfigError;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::str::FromStr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("{text:?} is neither \"text\" nor \"json\"")),
        }
    }
}

/// The `[telemetry]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Text or JSON; absent: text on a terminal, JSON otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
    /// A level (`info`) or a list of directives (`info,rdkafka=debug`).
    pub level: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry { format: None, level: "info".into() }
    }
}

impl Telemetry {
    /// Starts logging for the whole process.
    ///
    /// # Errors
    /// When `level` cannot be understood. A subscriber that is there already is left in place.
    pub fn start(&self) -> Result<(), ConfigError> {
        let filter = self.filter()?;
        let format = self.format.unwrap_or(if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json });
        // No colours: the writer lets no escape character through, ours neither.
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Stderr);
        // Already started (tests, a second stage in one process): the first one wins.
        let _ = match format {
            LogFormat::Text => lines.try_init(),
            LogFormat::Json => lines.json().flatten_event(true).try_init(),
        };
        Ok(())
    }

    /// Checks `level` without starting anything.
    ///
    /// # Errors
    /// When `level` cannot be understood.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.filter().map(|_| ())
    }

    fn filter(&self) -> Result<EnvFilter, ConfigError> {
        EnvFilter::try_new(&self.level).map_err(|error| ConfigError::at("telemetry.level", error.to_string()))
    }
}

/// Text that may hold anything, made fit for a terminal: control characters and those that turn the reading direction
/// are shown as `\u{…}`.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if unfit(c) {
                write!(f, "\\u{{{:x}}}", u32::from(c))?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Control characters, line separators, and the bidirectional controls behind "Trojan Source" (CVE-2021-42574).
fn unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A writer through which only [`Printable`] text and line ends pass; the formatter hands over one event a call.
#[derive(Debug, Clone, Copy)]
struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Stderr;

    fn make_writer(&'a self) -> Stderr {
        Stderr
    }
}

impl Write for Stderr {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(clean(event).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// One event as it may be printed: a line end at its end stays, anything else unfit does not.
fn clean(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    match text.strip_suffix('\n') {
        Some(line) => format!("{}\n", Printable(line)),
        None => Printable(&text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_steer_the_terminal() {
        for (input, expect) in [
            ("plain ünïcode", "plain ünïcode"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\r\nb\u{9b}", "a\\u{d}\\u{a}b\\u{9b}"),
            ("x\u{202e}y\u{2028}", "x\\u{202e}y\\u{2028}"),
        ] {
            assert_eq!(Printable(input).to_string(), expect);
        }
    }

    #[test]
    fn an_event_stays_one_line() {
        assert_eq!(clean(b"a\nfake ERROR line\x07\n"), "a\\u{a}fake ERROR line\\u{7}\n");
        assert_eq!(clean(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn a_level_that_makes_no_sense_is_a_config_error_naming_its_key() {
        let error = Telemetry { level: "loud=very=much".into(), ..Telemetry::default() }.check().unwrap_err();
        assert!(error.to_string().starts_with("telemetry.level: "), "{error}");
        Telemetry { level: "info,rdkafka=debug".into(), ..Telemetry::default() }.check().unwrap();
    }
}
