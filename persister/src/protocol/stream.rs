//! The record that pins a stream to a table, put once: a persister that disagrees with it does not start.

use common::failure::Class;
use common::message::CONTRACT_VERSION;
use serde::{Deserialize, Serialize};

/// What fixes the form of a table's files, as the sink that writes them says it: with other rules the same messages become other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFormat {
    /// Hive layout by name.
    pub layout: String,
    /// Version of the layout's rules.
    pub layout_version: u32,
    /// Version of the table's schema.
    pub schema_version: u32,
}

/// `stream/<topic>/<epoch>/stream.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRecord {
    /// Version of this record.
    pub v: u32,
    /// Kafka topic, or the embedded log's name.
    pub topic: String,
    /// The topic's life.
    pub epoch: String,
    /// P: `file_id mod P` names a log file's partition, so another count would hide what was taken already.
    pub partitions: u32,
    /// Hive layout by name.
    pub layout: String,
    /// Version of the layout's rules.
    pub layout_version: u32,
    /// Version of the table's schema.
    pub schema_version: u32,
    /// Version of the topic contract.
    pub contract_version: u32,
}

/// The table is pinned to something else than what this process was told.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this table is pinned to {what} {pinned}, but {what} is now {told}; {advice}")]
pub struct Pinned {
    what: &'static str,
    pinned: String,
    told: String,
    advice: &'static str,
}

impl Pinned {
    /// Always the operator's to mend.
    pub fn class(&self) -> Class {
        Class::Config
    }
}

impl StreamRecord {
    /// The record this process would put.
    pub fn new(topic: &str, epoch: &str, partitions: u32, format: TableFormat) -> StreamRecord {
        StreamRecord {
            v: 1,
            topic: topic.to_owned(),
            epoch: epoch.to_owned(),
            partitions,
            layout: format.layout,
            layout_version: format.layout_version,
            schema_version: format.schema_version,
            contract_version: CONTRACT_VERSION,
        }
    }

    /// Compares what is pinned (`self`) with what this process was told.
    ///
    /// # Errors
    /// The first difference that would break the promise.
    pub fn agrees_with(&self, told: &StreamRecord) -> Result<(), Pinned> {
        let differ = |what, pinned: &dyn ToString, told: &dyn ToString, advice| {
            let (pinned, told) = (pinned.to_string(), told.to_string());
            if pinned == told { Ok(()) } else { Err(Pinned { what, pinned, told, advice }) }
        };
        differ("topic", &self.topic, &told.topic, "use another table for another topic")?;
        differ("epoch", &self.epoch, &told.epoch, "use another table for another epoch")?;
        differ(
            "the partition count",
            &self.partitions,
            &told.partitions,
            "a topic's partitions must not be changed under a table: make a new topic and a new table",
        )?;
        differ("layout", &self.layout, &told.layout, "use another table for another layout")?;
        differ("layout version", &self.layout_version, &told.layout_version, "run the version of switchback that made it")?;
        differ("schema version", &self.schema_version, &told.schema_version, "run the version of switchback that made it")?;
        differ("topic contract", &self.contract_version, &told.contract_version, "run the version of switchback that made it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_partition_count_is_refused_by_name() {
        let format = TableFormat { layout: "date".into(), layout_version: 1, schema_version: 1 };
        let pinned = StreamRecord::new("t", "0", 4, format);
        assert_eq!(pinned.agrees_with(&pinned), Ok(()));
        let error = pinned.agrees_with(&StreamRecord { partitions: 5, ..pinned.clone() }).expect_err("must differ").to_string();
        assert!(error.contains("partition count 4") && error.contains("now 5"), "{error}");
    }
}
