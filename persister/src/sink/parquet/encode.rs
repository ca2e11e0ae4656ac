//! Threads that turn rows into Parquet. A partition always meets the same thread, so its chunks arrive in order; queues hold
//! single jobs, so a driver that is ahead waits here: that is the back-pressure.

#![expect(clippy::disallowed_methods, reason = "the encoder threads")]

use super::batch::{Batch, BatchInfo, File};
use super::error::FileError;
use super::rows::{Chunk, Part};
use crate::failpoint;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Names a batch within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BatchId(pub(crate) u64);

/// Called on the encoder's thread with the batch's files.
pub(crate) type Finished = Box<dyn FnOnce(Result<Vec<File>, FileError>) + Send>;

enum Job {
    Chunk { batch: BatchId, chunk: Chunk, encoded: Arc<AtomicUsize> },
    Finish { batch: BatchId, info: BatchInfo, parts: Vec<Part>, encoded: Arc<AtomicUsize>, finished: Finished },
    Drop { batch: BatchId },
}

/// The threads.
pub(crate) struct Encoders {
    queues: Vec<SyncSender<Job>>,
}

impl Encoders {
    pub(crate) fn start(threads: usize) -> std::io::Result<Encoders> {
        let start = |n: usize| {
            // One job under way and one waiting: each may hold a whole chunk.
            let (sender, receiver) = sync_channel(1);
            std::thread::Builder::new().name(format!("encoder-{n}")).spawn(move || work(&receiver))?;
            Ok(sender)
        };
        Ok(Encoders { queues: (0..threads.max(1)).map(start).collect::<std::io::Result<_>>()? })
    }

    /// Encodes a chunk as one row group; `encoded` follows the batch's encoded bytes.
    pub(crate) fn chunk(&self, partition: u32, batch: BatchId, chunk: Chunk, encoded: &Arc<AtomicUsize>) {
        self.send(partition, Job::Chunk { batch, chunk, encoded: Arc::clone(encoded) });
    }

    /// Encodes what is left and closes every file.
    pub(crate) fn finish(
        &self,
        partition: u32,
        batch: BatchId,
        info: BatchInfo,
        parts: Vec<Part>,
        encoded: &Arc<AtomicUsize>,
        finished: Finished,
    ) {
        self.send(partition, Job::Finish { batch, info, parts, encoded: Arc::clone(encoded), finished });
    }

    /// Forgets a batch.
    pub(crate) fn drop_batch(&self, partition: u32, batch: BatchId) {
        self.send(partition, Job::Drop { batch });
    }

    fn send(&self, partition: u32, job: Job) {
        // A thread only ends when this end is dropped.
        let _ = self.queues[partition as usize % self.queues.len()].send(job);
    }
}

fn work(jobs: &Receiver<Job>) {
    let mut batches: HashMap<BatchId, Batch> = HashMap::new();
    for job in jobs {
        match job {
            Job::Chunk { batch, chunk, encoded } => {
                let batch = batches.entry(batch).or_default();
                batch.chunk(chunk);
                encoded.store(batch.held_bytes(), Ordering::Relaxed);
            }
            Job::Finish { batch, info, parts, encoded, finished } => {
                let batch = batches.remove(&batch).unwrap_or_default();
                let files = failpoint::encoding(|| batch.finish(&info, parts));
                let bytes = files.as_ref().map_or(0, |files| files.iter().map(|file| file.bytes.len()).sum());
                encoded.store(bytes, Ordering::Relaxed);
                finished(files);
            }
            Job::Drop { batch } => {
                batches.remove(&batch);
            }
        }
    }
}
