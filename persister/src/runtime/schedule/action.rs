//! What the event loop is to do.

use super::{BatchId, Generation};
use crate::decode::LogFileStatus;
use crate::protocol::Halt;
use crate::protocol::machine::Effect;
use crate::protocol::seal::Reason;
use common::log::Position;
use common::message::{EndOfFile, Key};
use std::time::Duration;

/// What to do. Actions are carried out in their order, and after the row of the message at hand was appended.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Ask the log what it holds of a partition.
    AskWatermarks(u32, Generation),
    /// Read a partition from here on, or hold it.
    Seek(u32, Position),
    /// Mirror the end of the chain as the committed offset.
    Mirror(u32, u64),
    /// Perform an effect on the store.
    Perform {
        /// The partition.
        partition: u32,
        /// Its state now.
        generation: Generation,
        /// The effect.
        effect: Effect,
    },
    /// Cut off the rows of the partition's largest directory and encode them as one row group.
    Chunk(u32, BatchId),
    /// Cut off all rows of the partition, encode them and close the batch's files.
    Finish {
        /// The partition.
        partition: u32,
        /// Its state now.
        generation: Generation,
        /// The batch.
        batch: BatchId,
        /// Its sequence.
        seq: u64,
        /// First offset.
        start: u64,
        /// First offset after it.
        end: u64,
    },
    /// Drop the partition's rows and files, and what the encoder has of the batch.
    Drop(u32, BatchId),
    /// Say so, in the log lines and the status.
    Tell(u32, Fact),
    /// Stop: with an error where it is one.
    End(Result<(), String>),
}

/// What others want to know of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It was found out where to read from.
    Started {
        /// The offset.
        position: u64,
        /// End of the chain.
        chain_end: u64,
        /// Batches in the chain.
        batches: u64,
        /// A batch of another process is finished first.
        redo: bool,
    },
    /// The start is done over: messages came later than the log had been asked what it holds.
    StartedOver,
    /// It is not ours any more.
    Released,
    /// What is not published was dropped.
    Dropped,
    /// The chain ends here.
    ChainEnd(u64),
    /// A batch is in the table.
    Published {
        /// Its sequence.
        seq: u64,
        /// Why it was cut.
        reason: Reason,
        /// Time since then.
        took: Duration,
    },
    /// It was stopped.
    Halted(Halt),
}

/// What a message is to the table.
#[derive(Debug, PartialEq)]
pub enum Row {
    /// No row.
    None,
    /// An event, or a rejection.
    Record(Key),
    /// A message that is not ours: a rejection.
    Foreign,
    /// A log file that came to its end.
    LogFile(Box<EndOfFile>, LogFileStatus),
}
