//! What may happen to the event loop, besides messages.

use super::{BatchId, Generation};
use crate::protocol::FileEntry;
use crate::protocol::machine::Input;
use common::log::Watermarks;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The group gave us these partitions, all of which are held now.
    Assigned(Vec<u32>),
    /// The group took these partitions away.
    Revoked(Vec<u32>),
    /// The log does not hold the position that this partition was to be read from.
    Lost {
        /// The partition.
        partition: u32,
        /// Position and what the log holds, in words.
        why: String,
    },
    /// Answer to [`Action::AskWatermarks`](super::Action::AskWatermarks): of a partition, in the state that it was in when it was asked.
    Watermarks(u32, Generation, Watermarks),
    /// Answer to [`Action::Perform`](super::Action::Perform), where the effect has one.
    Performed {
        /// The partition.
        partition: u32,
        /// Its state when the effect began.
        generation: Generation,
        /// The effect's result.
        input: Input,
    },
    /// Answer to [`Action::Chunk`](super::Action::Chunk).
    Chunked {
        /// The partition.
        partition: u32,
        /// The batch.
        batch: BatchId,
        /// Bytes that the encoder holds of the batch.
        held: usize,
    },
    /// Answer to [`Action::Finish`](super::Action::Finish).
    Finished {
        /// The partition.
        partition: u32,
        /// Its state when the batch was cut.
        generation: Generation,
        /// The batch's files in key order with their bytes together, or why there are none.
        files: Result<(Vec<FileEntry>, usize), String>,
    },
    /// Answer to [`Action::Chunk`](super::Action::Chunk): no rows wait.
    Unchunked(u32),
    /// Answer to [`Action::Chunk`](super::Action::Chunk) or [`Action::Finish`](super::Action::Finish): the rows do not fit the columns,
    /// which is a bug. They must not be written.
    Unfit(u32, String),
    /// From now on a partition that has reached this offset (by partition number) is sealed at once: nothing more is expected.
    DrainTo(Vec<u64>),
    /// The end was asked for: seal and publish what is open. No more messages are offered.
    Ending,
}
