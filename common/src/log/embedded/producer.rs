//! The writing side of the embedded log: hands runs to the writer thread, and blocks the caller while its queue is full.

use super::writer::{MAX_QUEUED_BYTES, Waiting};
use super::{EmbeddedLog, failed, lock};
use crate::failure::Class;
use crate::limits::MAX_MESSAGE_BYTES;
use crate::log::{Done, LogError, Producer};
use crate::message::Run;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// A writing handle; any number of threads may share it.
pub struct EmbeddedProducer {
    log: Arc<EmbeddedLog>,
    partitions: u32,
}

impl EmbeddedProducer {
    pub(super) fn new(log: Arc<EmbeddedLog>) -> EmbeddedProducer {
        let partitions = log.partitions();
        EmbeddedProducer { log, partitions }
    }

    fn what(&self) -> String {
        format!("write log {}", self.log.shared.file.path().display())
    }
}

impl Producer for EmbeddedProducer {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn send(&self, run: Run, done: Done) {
        // The same bounds as on Kafka, so that a log file that fits here fits there too.
        if let Some((key, value)) =
            run.messages.iter().find(|(key, value)| value.len() > MAX_MESSAGE_BYTES || key.len() > MAX_MESSAGE_BYTES)
        {
            let why = format!("a message of {} bytes is larger than {MAX_MESSAGE_BYTES}", value.len().max(key.len()));
            return done(Err(failed(Class::Fatal, self.what(), why)));
        }
        let shared = &self.log.shared;
        let bytes = run.messages.byte_len();
        let partition = run.file.partition(self.partitions);
        let mut queue = lock(&shared.queue);
        // A run larger than the whole queue goes in alone.
        while queue.bytes > 0 && queue.bytes.saturating_add(bytes) > MAX_QUEUED_BYTES && !queue.closed {
            queue = shared.drained.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.closed {
            drop(queue);
            return done(Err(failed(Class::Fatal, self.what(), "the log is closed")));
        }
        queue.bytes = queue.bytes.saturating_add(bytes);
        queue.unanswered += 1;
        queue.runs.push_back(Waiting { partition, run, done });
        drop(queue);
        shared.filled.notify_one();
    }

    fn flush(&self, deadline: Duration) -> Result<(), LogError> {
        let until = Instant::now() + deadline;
        let shared = &self.log.shared;
        let mut queue = lock(&shared.queue);
        while queue.unanswered > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(failed(Class::Unclear, self.what(), "the deadline has passed"));
            }
            queue = shared.drained.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn ends(&self) -> Result<Vec<u64>, LogError> {
        Ok(lock(&self.log.shared.held).bounds.iter().map(|bounds| bounds.high).collect())
    }
}
