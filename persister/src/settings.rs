//! What can be said to the persister, section by section, with defaults that suit one machine.

use crate::runtime::options::{DEFAULT_MEMORY, DEFAULT_SEAL};
use crate::sink::parquet::Layout;
use common::service::telemetry::Telemetry;
use common::service::{ConfigError, DurationSetting, SizeSetting};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// All settings. Units are in the values (`5m`, `128MiB`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where messages come from.
    pub kafka: Kafka,
    /// Where the table is, and how it is laid out.
    pub table: Table,
    /// When a batch is cut.
    pub seal: Seal,
    /// How much is used.
    pub limits: Limits,
    /// Log lines.
    pub telemetry: Telemetry,
}

/// The `[kafka]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `host:port,host:port`.
    pub brokers: String,
    /// Topic that the messages come from.
    pub topic: String,
    /// Consumer group: the persisters of one table share one.
    pub group: String,
    /// Read these partitions and join no group; empty: the group assigns.
    pub static_partitions: Vec<u32>,
    /// librdkafka's own properties.
    pub properties: BTreeMap<String, String>,
}

/// The `[table]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Table {
    /// `s3://bucket/prefix` or a directory.
    pub url: String,
    /// `date`, `date-hour`, `account-region-date` or `security-lake`.
    pub layout: String,
    /// The topic's life.
    pub epoch: String,
}

/// The `[seal]` section: whichever comes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seal {
    /// Parquet bytes of a batch.
    pub bytes: SizeSetting,
    /// Age of a batch's first message.
    pub age: DurationSetting,
    /// Hive partitions open in a batch.
    pub directories: u32,
    /// Log files in a batch.
    pub log_files: u32,
}

/// The `[limits]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory for rows and encoded files; the process takes about twice that and 100 MiB.
    pub memory: SizeSetting,
    /// Threads that encode Parquet; 0: one a core.
    pub encoders: u32,
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: String::new(),
            topic: "cloudtrail".into(),
            group: "switchback".into(),
            static_partitions: Vec::new(),
            properties: BTreeMap::new(),
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Table { url: String::new(), layout: Layout::default().to_string(), epoch: "0".into() }
    }
}

impl Default for Seal {
    fn default() -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Seal {
            bytes: SizeSetting(DEFAULT_SEAL.bytes as u64),
            age: DurationSetting(DEFAULT_SEAL.age),
            directories: count(DEFAULT_SEAL.directories),
            log_files: count(DEFAULT_SEAL.log_files),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory: SizeSetting(DEFAULT_MEMORY as u64), encoders: 0 }
    }
}

impl Settings {
    /// Checks what the types cannot: needed values, ranges, names. Returns the layout.
    ///
    /// # Errors
    /// The first one that is wrong, by its key.
    pub fn check(&self) -> Result<Layout, ConfigError> {
        for (key, value) in
            [("kafka.brokers", &self.kafka.brokers), ("kafka.topic", &self.kafka.topic), ("table.url", &self.table.url)]
        {
            if value.trim().is_empty() {
                return Err(ConfigError::at(key, "is needed and was not set"));
            }
        }
        let epoch = &self.table.epoch;
        if epoch.is_empty() || epoch.len() > 32 || !epoch.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(ConfigError::at("table.epoch", format!("{epoch:?} is not made of letters and digits")));
        }
        if self.seal.bytes.0 == 0 || self.seal.directories == 0 || self.seal.log_files == 0 {
            return Err(ConfigError::at("seal", "a bound of 0 would cut a batch at every message"));
        }
        if self.limits.memory.0 < 32 << 20 {
            return Err(ConfigError::at("limits.memory", "less than 32MiB does not hold a batch of any use"));
        }
        self.telemetry.check()?;
        Layout::from_str(&self.table.layout).map_err(|error| ConfigError::at("table.layout", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::service::Layers;
    use std::path::Path;

    fn example(set: &[(&str, &str)]) -> Result<Settings, String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/persister.toml");
        let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let layers = Layers { file: Some(file), env: Vec::new(), set };
        let settings: Settings = layers.load().map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.found_in(&layers).to_string())?;
        Ok(settings)
    }

    #[test]
    fn the_shipped_example_is_taken_and_says_the_defaults() {
        let settings = example(&[]).expect("is taken");
        assert_eq!((settings.seal, settings.limits), (Seal::default(), Limits::default()));
    }

    #[test]
    fn values_that_make_no_sense_are_refused_by_key() {
        for (key, value) in [
            ("table.url", ""),
            ("table.layout", "weekly"),
            ("table.epoch", "a/b"),
            ("kafka.brokers", ""),
            ("seal.age", "5"),
            ("limits.memory", "1MiB"),
            ("telemetry.level", "a=b=c"),
            ("seal.size", "1MiB"),
        ] {
            let error = example(&[(key, value)]).expect_err(key);
            assert!(error.contains(key), "{key}: {error}");
        }
    }
}
