//! The log between the stages, as far as a consumer and a producer can tell it from Kafka: order and dense offsets in a partition,
//! a low watermark that climbs, committed offsets that may be lost.

use common::log::{Message, Watermarks};

/// One message as it lies in the log.
#[derive(Debug)]
pub struct Entry {
    key: Vec<u8>,
    value: Vec<u8>,
    /// Milliseconds since the epoch, by a clock that jumps.
    pub timestamp: i64,
}

/// One partition.
#[derive(Debug, Default)]
pub struct Partition {
    entries: Vec<Entry>,
    low: u64,
    /// The group's committed offset.
    pub committed: Option<u64>,
}

impl Partition {
    /// Appends a message.
    pub fn append(&mut self, key: Vec<u8>, value: Vec<u8>, timestamp: i64) {
        self.entries.push(Entry { key, value, timestamp });
    }

    /// What is there.
    pub fn watermarks(&self) -> Watermarks {
        Watermarks { low: self.low, high: self.entries.len() as u64 }
    }

    /// Deletes what is before `low`.
    pub fn expire(&mut self, low: u64) {
        self.low = self.low.max(low);
    }

    /// The message at `offset`.
    pub fn read(&self, partition: u32, offset: u64) -> Option<Message<'_>> {
        let entry = self.entries.get(usize::try_from(offset).ok()?)?;
        Some(Message { partition, offset, timestamp: entry.timestamp, key: &entry.key, value: &entry.value })
    }
}
