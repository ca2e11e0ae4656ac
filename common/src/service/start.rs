//! What all services share at their start and exit: common arguments, and the one place where a fatal error is printed.

use super::config::{self, Layers};
use super::{exit_status, one_line};
use serde::Serialize;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments that every service takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServiceArguments {
    /// TOML file (deploy/ has a commented example of each service's).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key, over what file and environment say.
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = config::parse_set)]
    set: Vec<(String, String)>,
    /// How log lines look: text or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// What is logged: a level, or a list like info,rdkafka=debug.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Check the configuration and end.
    #[arg(long)]
    check_config: bool,
    /// Print the configuration as it is understood, without secrets, and end.
    #[arg(long)]
    print_config: bool,
}

impl ServiceArguments {
    /// The layers of this process; `flags` are keys that a service's own arguments set.
    pub fn layers(&self, flags: impl IntoIterator<Item = (String, String)>) -> Layers {
        let said = |key: &str, value: &Option<String>| value.clone().map(|value| (key.to_owned(), value));
        let mut set = self.set.clone();
        set.extend(said("telemetry.format", &self.log_format));
        set.extend(said("telemetry.level", &self.log_level));
        set.extend(flags);
        Layers::of_process(self.config.as_deref(), set)
    }

    /// True when only the configuration, which was understood, was asked about: then there is nothing more to do.
    pub fn was_about_config(&self, settings: &impl Serialize) -> bool {
        if self.print_config {
            print!("{}", config::render(settings));
        }
        self.print_config || self.check_config
    }
}

/// The exit code of a process; if it failed, the error is printed in one line after the program's name.
pub fn exit_code<E: AsRef<dyn Error + Send + Sync>>(program: &str, result: Result<ExitCode, E>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{program}: {}", one_line(error.as_ref()));
        ExitCode::from(exit_status(error.as_ref()))
    })
}
