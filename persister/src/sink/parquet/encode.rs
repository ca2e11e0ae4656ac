//! Threads that turn rows into Parquet. A partition always meets the same thread, so its chunks arrive in order. Whoever sends jobs
//! bounds how many wait; sending does not.

#![expect(clippy::disallowed_methods, reason = "the encoder threads")]

use super::batch::{Batch, BatchInfo, File};
use super::error::FileError;
use super::rows::{Chunk, Part};
use crate::failpoint;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Room for jobs: more than two chunks, and the end of a batch and a dropped one of every partition that a thread has.
const QUEUE: usize = 1024;

/// Called on the encoder's thread with the bytes that it holds of the batch.
pub(crate) type Chunked = Box<dyn FnOnce(usize) + Send>;

/// Called on the encoder's thread with the batch's files.
pub(crate) type Finished = Box<dyn FnOnce(Result<Vec<File>, FileError>) + Send>;

/// A batch goes by a number of the caller's. Callbacks are dropped uncalled when the thread has died.
enum Job {
    Chunk { batch: u64, chunk: Chunk, chunked: Chunked },
    Finish { batch: u64, info: BatchInfo, parts: Vec<Part>, finished: Finished },
    Drop { batch: u64 },
}

/// The threads.
pub(crate) struct Encoders {
    queues: Vec<SyncSender<Job>>,
}

impl Encoders {
    pub(crate) fn start(threads: usize) -> std::io::Result<Encoders> {
        let start = |n: usize| {
            let (sender, receiver) = sync_channel(QUEUE);
            std::thread::Builder::new().name(format!("encoder-{n}")).spawn(move || work(&receiver))?;
            Ok(sender)
        };
        Ok(Encoders { queues: (0..threads.max(1)).map(start).collect::<std::io::Result<_>>()? })
    }

    /// Encodes a chunk as one row group.
    pub(crate) fn chunk(&self, partition: u32, batch: u64, chunk: Chunk, chunked: Chunked) {
        self.send(partition, Job::Chunk { batch, chunk, chunked });
    }

    /// Encodes what is left and closes every file.
    pub(crate) fn finish(&self, partition: u32, batch: u64, info: BatchInfo, parts: Vec<Part>, finished: Finished) {
        self.send(partition, Job::Finish { batch, info, parts, finished });
    }

    /// Forgets a batch.
    pub(crate) fn drop_batch(&self, partition: u32, batch: u64) {
        self.send(partition, Job::Drop { batch });
    }

    fn send(&self, partition: u32, job: Job) {
        // A thread only ends when this end is dropped, or by a panic: then the job's callback is dropped, which tells.
        let _ = self.queues[partition as usize % self.queues.len()].send(job);
    }
}

fn work(jobs: &Receiver<Job>) {
    let mut batches: HashMap<u64, Batch> = HashMap::new();
    for job in jobs {
        match job {
            Job::Chunk { batch, chunk, chunked } => {
                let batch = batches.entry(batch).or_default();
                batch.chunk(chunk);
                chunked(batch.held_bytes());
            }
            Job::Finish { batch, info, parts, finished } => {
                let batch = batches.remove(&batch).unwrap_or_default();
                finished(failpoint::encoding(|| batch.finish(&info, parts)));
            }
            Job::Drop { batch } => {
                batches.remove(&batch);
            }
        }
    }
}
