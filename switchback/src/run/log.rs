//! The log between the stages: `--log` is parsed once, the log is opened once.

use anyhow::Context;
use common::log::embedded::{EmbeddedLog, Retention};
use common::log::kafka::{KafkaConsumer, KafkaProducer, KafkaSettings, create_topic, describe};
use common::log::{Consumer, Producer};
use common::service::ConfigError;
use common::store::Location;
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Name of the stream when the log is embedded.
const EMBEDDED_TOPIC: &str = "cloudtrail";

/// Partitions by default: few partitions make large files, and one process needs no more.
const DEFAULT_PARTITIONS: u32 = 2;

/// Bytes that an embedded log keeps of what is in the table already, so that the table can be rebuilt from it for a while.
const EMBEDDED_RETENTION: u64 = 4 << 30;

/// The log as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogChoice {
    /// Embedded, in this state directory.
    Embedded(PathBuf),
    /// Kafka: brokers and topic.
    Kafka { brokers: String, topic: String },
}

impl fmt::Display for LogChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogChoice::Embedded(dir) => write!(f, "the embedded log in {}", dir.display()),
            LogChoice::Kafka { brokers, .. } => write!(f, "a broker of {brokers}"),
        }
    }
}

impl LogChoice {
    /// Reads `--log`; without it the log is embedded, beside a local table or in the user's state directory.
    pub(super) fn parse(text: Option<&str>, table: &Location) -> Result<LogChoice, ConfigError> {
        let Some(text) = text else { return default_state(table).map(LogChoice::Embedded) };
        let refuse =
            |why: &str| Err(ConfigError::at("--log", format!("{text:?} {why}; write embedded:DIR or kafka://HOST:PORT/TOPIC")));
        if let Some(dir) = text.strip_prefix("embedded:") {
            return if dir.is_empty() { refuse("names no directory") } else { Ok(LogChoice::Embedded(dir.into())) };
        }
        let Some(rest) = text.strip_prefix("kafka://") else { return refuse("is not a log") };
        match rest.split_once('/') {
            Some((brokers, topic)) if !brokers.is_empty() && !topic.is_empty() => {
                Ok(LogChoice::Kafka { brokers: brokers.to_owned(), topic: topic.to_owned() })
            }
            _ => refuse("names no topic"),
        }
    }

    /// Name of the stream.
    pub(super) fn topic(&self) -> &str {
        match self {
            LogChoice::Embedded(_) => EMBEDDED_TOPIC,
            LogChoice::Kafka { topic, .. } => topic,
        }
    }

    /// Where the aggregator keeps its index of processed files; only where one process owns the log.
    pub(super) fn aggregator_state(&self) -> Option<PathBuf> {
        match self {
            LogChoice::Embedded(dir) => Some(dir.clone()),
            LogChoice::Kafka { .. } => None,
        }
    }
}

/// Beside the table where that is a directory, so that deleting or moving the table takes its state along.
fn default_state(table: &Location) -> Result<PathBuf, ConfigError> {
    if let Location::Local(root) = table {
        return Ok(root.join("_state"));
    }
    let home = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    let home = home.ok_or_else(|| ConfigError::at("--log", "neither XDG_STATE_HOME nor HOME is set: say embedded:DIR"))?;
    Ok(home.join("switchback").join(short_hash(&table.to_string())))
}

fn short_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..6])
}

/// Properties of a log that is created.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewLog {
    pub(super) partitions: Option<u32>,
    pub(super) replication: u16,
    pub(super) retention: Option<Duration>,
}

/// Both ends of the log, and a description of it for people.
pub(super) struct OpenLog {
    pub(super) producer: Arc<dyn Producer>,
    pub(super) consumer: Box<dyn Consumer + Send>,
    pub(super) description: String,
}

/// Opens the log and creates it where it does not exist. Blocks.
pub(super) fn open(choice: &LogChoice, table: &Location, pinned: Option<u32>, new: NewLog) -> anyhow::Result<OpenLog> {
    match choice {
        LogChoice::Embedded(dir) => {
            let partitions = new.partitions.or(pinned).unwrap_or(DEFAULT_PARTITIONS);
            std::fs::create_dir_all(dir).with_context(|| format!("failed to create {}", dir.display()))?;
            let log = EmbeddedLog::open(dir, partitions, Retention { bytes: EMBEDDED_RETENTION })?;
            if pinned.is_none() {
                require_untrimmed(&log, dir)?;
            }
            let description = format!("embedded in {}, {partitions} partitions", dir.display());
            Ok(OpenLog { producer: Arc::new(log.producer()), consumer: Box::new(log.consumer()), description })
        }
        LogChoice::Kafka { brokers, topic } => {
            let mut settings = KafkaSettings {
                brokers: brokers.clone(),
                topic: topic.clone(),
                group: format!("switchback-{}", short_hash(&absolute(table))),
                ..KafkaSettings::default()
            };
            let (partitions, created) = match describe(&settings)? {
                Some(there) => {
                    if let Some(asked) = new.partitions.filter(|asked| *asked != there) {
                        let why = format!(
                            "topic {topic} has {there} partitions, not {asked}; a topic's partitions are never changed under a table"
                        );
                        return Err(ConfigError::at("--partitions", why).into());
                    }
                    (there, "")
                }
                None => {
                    let partitions = new.partitions.or(pinned).unwrap_or(DEFAULT_PARTITIONS);
                    create_topic(&settings, partitions, new.replication, new.retention)?;
                    (partitions, " (created)")
                }
            };
            // One process does all the work. As a member of a group it would wait after each crash until its previous instance has timed out.
            settings.static_partitions = Some((0..partitions).collect());
            let description = format!("topic {topic} at {brokers}, {partitions} partitions{created}");
            Ok(OpenLog {
                producer: Arc::new(KafkaProducer::open(&settings)?),
                consumer: Box::new(KafkaConsumer::open(&settings)?),
                description,
            })
        }
    }
}

/// A new table must find everything that was ever sent: the aggregator would not send again what was trimmed.
fn require_untrimmed(log: &Arc<EmbeddedLog>, dir: &Path) -> anyhow::Result<()> {
    let mut consumer = log.consumer();
    for partition in 0..log.partitions() {
        if consumer.watermarks(partition)?.low > 0 {
            let why = format!(
                "{} belongs to a table that no longer exists: delete it, and the log files are read again",
                dir.display()
            );
            return Err(ConfigError::at("--log", why).into());
        }
    }
    Ok(())
}

/// The same table must give the same consumer group, whatever the working directory is.
fn absolute(table: &Location) -> String {
    match table {
        Location::Local(root) => std::fs::canonicalize(root).unwrap_or_else(|_| root.clone()).display().to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: Option<&str>, table: &str, expect: Result<LogChoice, &str>) {
        let got = LogChoice::parse(text, &table.parse().unwrap());
        match (got, expect) {
            (Ok(got), Ok(expect)) => assert_eq!(got, expect),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, expect) => panic!("{text:?}: {got:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn a_log_is_read_as_it_is_documented() {
        let kafka = |brokers: &str, topic: &str| LogChoice::Kafka { brokers: brokers.into(), topic: topic.into() };
        check(Some("embedded:/x"), "t", Ok(LogChoice::Embedded("/x".into())));
        check(Some("kafka://a:1,b:2/t"), "t", Ok(kafka("a:1,b:2", "t")));
        check(None, "/table", Ok(LogChoice::Embedded("/table/_state".into())));
        for (bad, part) in
            [("embedded:", "no directory"), ("kafka://a:1", "no topic"), ("kafka:///t", "no topic"), ("redis://x", "not a log")]
        {
            check(Some(bad), "t", Err(part));
        }
    }
}
