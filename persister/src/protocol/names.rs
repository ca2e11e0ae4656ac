//! Where everything of a stream lies below the table root. One place writes these names; `verify` reads them.

use super::ledger::Day;

/// Names of one partition of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Kafka topic (letters, digits, `.`, `_`, `-`: fit for object keys as it is).
    pub topic: String,
    /// The topic's life, chosen by the operator; `"0"` unless it was started over.
    pub epoch: String,
    /// Kafka's partition.
    pub partition: u32,
}

impl Names {
    /// The folder of the partition's chain, with a slash at the end.
    pub fn chain(&self) -> String {
        format!("_log/{}/{}/p={:05}/", self.topic, self.epoch, self.partition)
    }

    /// The intent of batch `seq`.
    pub fn intent(&self, seq: u64) -> String {
        format!("{}{seq:020}.json", self.chain())
    }

    /// The hint of the newest sequence.
    pub fn hint(&self) -> String {
        format!("_head/{}/{}/p={:05}.json", self.topic, self.epoch, self.partition)
    }

    /// The index of the newest checkpoint.
    pub fn checkpoint(&self) -> String {
        format!("_ckpt/{}/{}/p={:05}/index.json", self.topic, self.epoch, self.partition)
    }

    /// One delivery day of the ledger, as of `seq`.
    pub fn bucket(&self, day: Day, seq: u64) -> String {
        format!("_ckpt/{}/{}/p={:05}/day={day}/{seq:020}.bin", self.topic, self.epoch, self.partition)
    }

    /// File number `k` of batch `seq` over offsets `[start, end)`, in directory `dir` (no slash at the end).
    pub fn file(&self, dir: &str, seq: u64, start: u64, end: u64, k: usize) -> String {
        format!("{dir}/{}-{}-p{:05}-s{seq}-o{start}-{end}-{k}.parquet", self.topic, self.epoch, self.partition)
    }
}

/// The record that pins a stream.
pub fn stream(topic: &str, epoch: &str) -> String {
    format!("stream/{topic}/{epoch}/stream.json")
}

/// The folder that holds every stream of a table.
pub const STREAMS: &str = "stream/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_documented_ones() {
        let names = Names { topic: "cloudtrail".into(), epoch: "0".into(), partition: 7 };
        assert_eq!(names.intent(42), "_log/cloudtrail/0/p=00007/00000000000000000042.json");
        assert_eq!(
            names.file("data/event_date=2026-11-22", 42, 5, 9, 0),
            "data/event_date=2026-11-22/cloudtrail-0-p00007-s42-o5-9-0.parquet"
        );
        assert_eq!(stream("cloudtrail", "0"), "stream/cloudtrail/0/stream.json");
    }
}
