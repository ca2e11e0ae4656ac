//! The topic as the model has it: one short partition on which producers have repeated themselves and broken off.

use crate::design::{Design, Flaw};

/// How many log files the messages belong to.
pub const FILES: usize = 2;

/// How many partitions a log file's messages can be spread over; more than one only where the design is broken that way.
pub const PARTITIONS: usize = 2;

/// One message of the partition; its offset is its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// The log file, `0..FILES`.
    pub file: u8,
    /// Which producer's run it comes from. Nothing that is correct looks at this: messages do not carry it.
    pub run: u8,
    /// What it says.
    pub body: Body,
}

/// A record or the end of its log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Record `index` of the log file, whose event date is `hive`.
    Record {
        /// Dense within the log file.
        index: u8,
        /// The hive partition it belongs to by its own content.
        hive: u8,
    },
    /// The log file has `count` records.
    End {
        /// How many.
        count: u8,
    },
}

/// Two log files, each sent by a run that went wrong and by a complete one, interleaved: `a` breaks off after its first record, `b` has
/// lost its first record. Every kind of verdict occurs, on both sides of some cut, and a batch can span two hive partitions.
pub const LOG: &[Message] = &[
    record(0, 0, 0, 0),
    record(1, 0, 1, 1),
    record(0, 1, 0, 0),
    end(0, 1, 1),
    record(1, 1, 0, 0),
    record(1, 1, 1, 1),
    end(1, 1, 2),
];

/// The offset after the last message.
pub const LOG_END: u8 = LOG.len() as u8;

const fn record(file: u8, run: u8, index: u8, hive: u8) -> Message {
    Message { file, run, body: Body::Record { index, hive } }
}

const fn end(file: u8, run: u8, count: u8) -> Message {
    Message { file, run, body: Body::End { count } }
}

impl Message {
    /// The partition it is on, as far as the ledger is concerned. A broken design sends a later run of the same file elsewhere.
    pub fn partition(&self, design: Design) -> usize {
        if design.has(Flaw::PartitionCountChanged) { usize::from(self.run) % PARTITIONS } else { 0 }
    }

    /// File and index of a record: its identity, whatever offset it is at.
    pub fn identity(&self) -> Option<(u8, u8)> {
        match self.body {
            Body::Record { index, .. } => Some((self.file, index)),
            Body::End { .. } => None,
        }
    }
}
