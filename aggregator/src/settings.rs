//! The aggregator's settings, section by section, with defaults that suit one machine.

use common::service::telemetry::Telemetry;
use common::service::{ConfigError, DurationSetting};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// All settings. Units are in the values (`10s`, `7d`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where log files come from.
    pub source: SourceSettings,
    /// Where messages go.
    pub kafka: Kafka,
    /// What is remembered between runs.
    pub state: State,
    /// How much is done at a time.
    pub limits: Limits,
    /// Log lines.
    pub telemetry: Telemetry,
}

/// The `[source]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceSettings {
    /// `s3://bucket/prefix` or a directory.
    pub url: String,
    /// Pause between two listings.
    pub poll: DurationSetting,
    /// List once, end when every file of that listing is acknowledged.
    pub once: bool,
}

/// The `[kafka]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `host:port,host:port`.
    pub brokers: String,
    /// Topic that the messages go to.
    pub topic: String,
    /// Make the topic when it is not there.
    pub create: bool,
    /// Partitions of a topic that we make.
    pub partitions: u32,
    /// Copies of each partition of a topic that we make.
    pub replication: u16,
    /// How long a topic that we make keeps messages; absent: the broker's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<DurationSetting>,
    /// librdkafka's own properties.
    pub properties: BTreeMap<String, String>,
}

/// The `[state]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// Directory that remembers which files were acknowledged; without it a restart sends all files again (which the
    /// persister drops).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

/// The `[limits]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Gets from S3 under way at a time. A directory is read by no more than two threads a core.
    pub concurrency: u32,
    /// Threads that inflate, transform and send; 0: one a core.
    pub workers: u32,
    /// First pause before a file is tried again; doubles each time, up to 60 times this when the log did not take it, up to ten minutes when
    /// the source did not give it.
    pub retry: DurationSetting,
}

impl Default for SourceSettings {
    fn default() -> Self {
        SourceSettings { url: String::new(), poll: DurationSetting(Duration::from_secs(10)), once: false }
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: String::new(),
            topic: "cloudtrail".into(),
            create: false,
            partitions: 4,
            replication: 1,
            retention: None,
            properties: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { concurrency: 64, workers: 0, retry: DurationSetting(Duration::from_millis(500)) }
    }
}

impl Settings {
    /// Checks what the types cannot: needed values, ranges, names.
    ///
    /// # Errors
    /// The first one that is wrong, by its key.
    pub fn check(&self) -> Result<(), ConfigError> {
        need("source.url", &self.source.url)?;
        need("kafka.brokers", &self.kafka.brokers)?;
        // Kafka's rule (Topic.validate): what is more cannot be a directory name on a broker.
        let topic = &self.kafka.topic;
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if topic.is_empty() || topic.len() > 249 || topic == "." || topic == ".." || !topic.bytes().all(legal) {
            return Err(ConfigError::at("kafka.topic", format!("{topic:?} is not a name that Kafka takes for a topic")));
        }
        within("kafka.partitions", self.kafka.partitions, 1, 10_000)?;
        within("kafka.replication", u32::from(self.kafka.replication), 1, 32)?;
        self.check_flow()
    }

    /// The part of [`Settings::check`] that matters whatever the log is.
    ///
    /// # Errors
    /// The first value that is wrong, by its key.
    pub fn check_flow(&self) -> Result<(), ConfigError> {
        within("limits.concurrency", self.limits.concurrency, 1, 1024)?;
        within("limits.workers", self.limits.workers, 0, 256)?;
        if self.source.poll.0 < Duration::from_millis(100) {
            return Err(ConfigError::at("source.poll", "listing more often than every 100ms helps nobody"));
        }
        self.telemetry.check()
    }
}

fn need(key: &str, value: &str) -> Result<(), ConfigError> {
    if value.trim().is_empty() { Err(ConfigError::at(key, "is needed and was not set")) } else { Ok(()) }
}

fn within(key: &str, value: u32, low: u32, high: u32) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::at(key, format!("{value} is not between {low} and {high}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::service::Layers;
    use std::path::Path;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// The shipped example with `set` over it, checked.
    fn example(set: &[(&str, &str)]) -> Result<Settings, String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/aggregator.toml");
        let layers = Layers { file: Some(file), env: Vec::new(), set: pairs(set) };
        let settings: Settings = layers.load().map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.found_in(&layers).to_string())?;
        Ok(settings)
    }

    #[test]
    fn the_shipped_example_is_taken() {
        let settings = example(&[]).unwrap();
        assert_eq!((settings.source.url.as_str(), settings.kafka.brokers.as_str()), ("s3://cloudtrail-logs", "kafka:9092"));
    }

    #[test]
    fn every_key_of_the_example_that_is_commented_out_is_a_real_one() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/aggregator.toml");
        let text = std::fs::read_to_string(file).unwrap();
        let spoken: Vec<&str> = text.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all.toml");
        std::fs::write(&path, spoken.join("\n")).unwrap();
        let settings: Settings = Layers { file: Some(path), ..Layers::default() }.load().unwrap();
        settings.check().unwrap();
        assert!(settings.state.dir.is_some() && settings.kafka.retention.is_some() && !settings.kafka.properties.is_empty());
    }

    #[test]
    fn values_that_make_no_sense_are_refused_by_key() {
        for (key, value) in [
            ("source.url", ""),
            ("source.poll", "1ms"),
            ("kafka.brokers", " "),
            ("kafka.topic", "a/b"),
            ("kafka.topic", ".."),
            ("kafka.partitions", "0"),
            ("kafka.replication", "0"),
            ("limits.concurrency", "0"),
            ("limits.workers", "257"),
            ("telemetry.level", "a=b=c"),
            ("telemetry.format", "xml"),
            ("source.urls", "x"),
            ("state.directory", "x"),
        ] {
            let error = example(&[(key, value)]).expect_err(key);
            assert!(error.starts_with(&format!("--set {key}: {key}: ")), "{error}");
        }
    }
}
