//! The log in one redb file, for a single process without services.
//!
//! ```text
//!  workers ──send──▶ queue (bounded bytes) ──▶ one writer thread ──▶ redb: one durable transaction for many runs
//!                                                    │ done, wake
//!  persister ◀──poll── frames, inflated once ◀───────┘
//! ```
//! Messages of a partition are packed into compressed frames, so that redb's cost is per frame and not per message.

mod consumer;
mod frame;
mod producer;
mod store_file;
mod writer;

pub use consumer::EmbeddedConsumer;
pub use producer::EmbeddedProducer;

use super::{LogError, Watermarks};
use crate::failure::Class;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use store_file::{Bounds, StoreFile};
use writer::Queue;

/// How much is kept after it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Frames that the mirrored offsets have passed are deleted, oldest first, while the log is larger than this.
    /// What has not been read is kept, however large.
    pub bytes: u64,
}

/// The log. Its producers and consumers keep it open; when the last of them is dropped, the writer thread finishes its queue and the
/// file is closed.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// What the writer thread, the producers and the consumers share.
struct Shared {
    file: StoreFile,
    retention: Retention,
    queue: Mutex<Queue>,
    /// Something was put in the queue, or it is to be closed.
    filled: Condvar,
    /// Something left the queue.
    drained: Condvar,
    /// What is durable.
    held: Mutex<Held>,
    /// `held` has grown.
    grown: Condvar,
}

/// What the file holds, as readers may see it.
struct Held {
    bounds: Vec<Bounds>,
    mirrored: Vec<u64>,
    /// `mirrored` is ahead of the file.
    mirror_waits: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each critical section leaves plain numbers and queues behind, whole at every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(class: Class, what: impl Into<String>, why: impl ToString) -> LogError {
    LogError { class, what: what.into(), why: why.to_string() }
}

impl EmbeddedLog {
    /// Opens the log of a state directory, or makes it with this number of partitions.
    ///
    /// # Errors
    /// [`Class::Config`] when the log was made with another number of partitions, when another process has it open, or when the
    /// directory cannot be used; the text names the file.
    pub fn open(dir: &Path, partitions: u32, retention: Retention) -> Result<Arc<EmbeddedLog>, LogError> {
        let (file, held) = StoreFile::open(dir, partitions)?;
        let shared = Arc::new(Shared {
            file,
            retention,
            queue: Mutex::new(Queue::default()),
            filled: Condvar::new(),
            drained: Condvar::new(),
            held: Mutex::new(held),
            grown: Condvar::new(),
        });
        let its = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer::run(&its))
            .map_err(|error| failed(Class::Fatal, format!("open log {}", shared.file.path().display()), error))?;
        Ok(Arc::new(EmbeddedLog { shared, writer: Some(writer) }))
    }

    /// A writing handle.
    pub fn producer(self: &Arc<Self>) -> EmbeddedProducer {
        EmbeddedProducer::new(Arc::clone(self))
    }

    /// A reading handle: it is given all partitions at its first poll.
    pub fn consumer(self: &Arc<Self>) -> EmbeddedConsumer {
        EmbeddedConsumer::new(Arc::clone(self))
    }

    /// The number of partitions, pinned when the log was made.
    pub fn partitions(&self) -> u32 {
        u32::try_from(lock(&self.shared.held).bounds.len()).unwrap_or(u32::MAX)
    }

    /// The mirrored offset of a partition; 0 when nothing was mirrored.
    pub fn mirrored(&self, partition: u32) -> u64 {
        lock(&self.shared.held).mirrored.get(partition as usize).copied().unwrap_or(0)
    }

    /// Deletes what is below `offset` in a partition, read or not, as Kafka's retention does.
    ///
    /// # Errors
    /// When the partition does not exist or the file cannot be written.
    pub fn trim_to(&self, partition: u32, offset: u64) -> Result<(), LogError> {
        let what = || format!("trim partition {partition} of log {}", self.shared.file.path().display());
        self.watermarks(partition)?;
        let (answer, answered) = mpsc::sync_channel(1);
        {
            let mut queue = lock(&self.shared.queue);
            if queue.closed {
                return Err(failed(Class::Fatal, what(), "the log is closed"));
            }
            queue.trims.push(writer::Trim { partition, offset, answer });
            self.shared.filled.notify_all();
        }
        answered.recv().unwrap_or_else(|_| Err(failed(Class::Fatal, what(), "the writer has ended")))
    }

    fn watermarks(&self, partition: u32) -> Result<Watermarks, LogError> {
        let held = lock(&self.shared.held);
        let bounds = held.bounds.get(partition as usize).ok_or_else(|| {
            let what = format!("ask log {}", self.shared.file.path().display());
            failed(Class::Fatal, what, format!("there is no partition {partition}"))
        })?;
        Ok(Watermarks { low: bounds.low, high: bounds.high })
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.filled.notify_all();
        if let Some(writer) = self.writer.take() {
            // A `done` may hold the last handle, and then this is the writer's own thread.
            if writer.thread().id() != std::thread::current().id() && writer.join().is_err() {
                tracing::error!("the writer thread of the embedded log has panicked");
            }
        }
    }
}
