//! The durable log between the stages: one small interface, two production implementations.
//!
//! - [`kafka`]: a Kafka topic, through librdkafka;
//! - [`embedded`]: one file on an embedded store, for a single process without services.
//!
//! Both promise the same, and one conformance suite (`common/tests/log_conformance`) tests both: messages of a partition keep their
//! order and get dense offsets; an acknowledged run survives `kill -9`; a consumer reads each partition from exactly the position it
//! asked for.

#![expect(clippy::disallowed_methods, reason = "a log has deadlines, and threads of its own that write and close")]

#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;

use crate::failure::Class;
use crate::message::Run;
use std::time::Duration;

/// An error of the log. `what` is a lowercase fragment that fits "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct LogError {
    /// What the caller must do.
    pub class: Class,
    /// What was being done, with the topic, broker or path it was done to.
    pub what: String,
    /// Why it did not work, in the words of the log.
    pub why: String,
}

/// Called exactly once, from any thread: `Ok` when every message of the run is durable, `Err` when at least one is not known
/// to be (then the whole run must be sent again).
pub type Done = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// The writing side. Shared by worker threads.
pub trait Producer: Send + Sync {
    /// Number of partitions, fixed for the life of the stream.
    fn partitions(&self) -> u32;

    /// Hands over a run, all of it to partition `run.file mod P`, in order. Blocks while the log's queue is full (back-pressure), so it
    /// is called from threads that may block. Failures arrive at `done`.
    fn send(&self, run: Run, done: Done);

    /// Waits until everything handed over so far has been answered, or `deadline` has passed.
    ///
    /// # Errors
    /// When the deadline passed first.
    fn flush(&self, deadline: Duration) -> Result<(), LogError>;

    /// The end (high watermark) of each partition, by partition number.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn ends(&self) -> Result<Vec<u64>, LogError>;
}

/// One message as it is read. Borrowed from the consumer until its next poll.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Kafka's partition.
    pub partition: u32,
    /// Offset in the partition.
    pub offset: u64,
    /// When the log took it, milliseconds since the epoch (Kafka's message timestamp); part of the chain, never a decision's clock.
    pub timestamp: i64,
    /// Key bytes; empty when absent.
    pub key: &'a [u8],
    /// Value bytes; empty when absent.
    pub value: &'a [u8],
}

/// What the log holds of a partition: offsets `[low, high)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset that is still there.
    pub low: u64,
    /// The offset that the next message will get.
    pub high: u64,
}

/// What polling brought.
#[derive(Debug)]
pub enum Polled<'a> {
    /// Nothing within the time-out.
    Idle,
    /// One message.
    Message(MessageRef<'a>),
    /// The group assigned us these partitions. Nothing of them is read before [`Consumer::begin`] answers with their positions.
    Assigned(Vec<u32>),
    /// The group revokes these partitions. Answer with [`Consumer::release`].
    Revoked(Vec<u32>),
    /// The log does not hold the position that this partition was to be read from (cut by retention, topic recreated), or cannot
    /// read it. Reading this partition stops; the others continue.
    Lost {
        /// The partition.
        partition: u32,
        /// Position and what the log holds, in words.
        why: String,
    },
}

/// A message that keeps the implementation's buffer alive while it is looked at.
#[derive(Debug)]
pub enum MessageRef<'a> {
    /// Slices into a buffer of the consumer's.
    Borrowed(Message<'a>),
    /// A message owned by librdkafka.
    #[cfg(feature = "kafka")]
    Kafka(rdkafka::message::BorrowedMessage<'a>),
}

impl MessageRef<'_> {
    /// The message itself.
    pub fn get(&self) -> Message<'_> {
        match self {
            MessageRef::Borrowed(message) => *message,
            #[cfg(feature = "kafka")]
            MessageRef::Kafka(message) => kafka::view(message),
        }
    }
}

/// Where to read a partition from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// From this offset on.
    At(u64),
    /// Not at all: reading this partition stops, the others continue.
    Hold,
}

/// The reading side. Lives on one thread, which is the only one to call it.
///
/// Rebalances are events, not callbacks: the caller may take its time (up to `max.poll.interval.ms`) to find the position
/// of each partition before it answers.
pub trait Consumer {
    /// Waits up to `timeout` for the next event.
    ///
    /// # Errors
    /// Temporary failures are waited out inside; what is returned is for the caller to act on.
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError>;

    /// Answers [`Polled::Assigned`]: where to read each of the partitions from.
    ///
    /// # Errors
    /// When the log refuses.
    fn begin(&mut self, positions: &[(u32, Position)]) -> Result<(), LogError>;

    /// Answers [`Polled::Revoked`].
    ///
    /// # Errors
    /// When the log refuses.
    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError>;

    /// Moves an assigned partition to another position.
    ///
    /// # Errors
    /// When the log refuses.
    fn seek(&mut self, partition: u32, position: Position) -> Result<(), LogError>;

    /// What the log holds of a partition right now.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn watermarks(&mut self, partition: u32) -> Result<Watermarks, LogError>;

    /// Mirrors the end of the chain as the group's committed offset. Asynchronous and best effort: nothing depends on it.
    fn mirror(&mut self, partition: u32, offset: u64);

    /// Number of partitions that the log shows now (compared with the pinned P at start).
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn partitions(&mut self) -> Result<u32, LogError>;
}
