//! Threads that turn rows into Parquet. A partition always meets the same thread, so its chunks arrive in order; queues hold
//! single jobs, so a driver that is ahead waits here: that is the back-pressure.

use super::effects::{File, hex};
use super::failpoint;
use crate::protocol::{FileEntry, Names};
use crate::table::{Chunk, FileError, FileWriter, Footer, Layout, Part};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Names a batch within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BatchId(pub(super) u64);

/// What a file needs to know of its batch.
#[derive(Debug, Clone)]
pub(super) struct BatchInfo {
    pub(super) names: Names,
    pub(super) seq: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) layout: Layout,
}

/// Called on the encoder's thread with the batch's files.
pub(super) type Finished = Box<dyn FnOnce(Result<Vec<File>, FileError>) + Send>;

enum Job {
    Chunk { batch: BatchId, chunk: Chunk, encoded: Arc<AtomicUsize> },
    Finish { batch: BatchId, info: BatchInfo, parts: Vec<Part>, encoded: Arc<AtomicUsize>, finished: Finished },
    Drop { batch: BatchId },
}

/// The threads.
pub(super) struct Encoders {
    queues: Vec<SyncSender<Job>>,
}

impl Encoders {
    pub(super) fn start(threads: usize) -> std::io::Result<Encoders> {
        let start = |n: usize| {
            // One job under way and one waiting: each may hold a whole chunk.
            let (sender, receiver) = sync_channel(1);
            std::thread::Builder::new().name(format!("encoder-{n}")).spawn(move || work(&receiver))?;
            Ok(sender)
        };
        Ok(Encoders { queues: (0..threads.max(1)).map(start).collect::<std::io::Result<_>>()? })
    }

    /// Encodes a chunk as one row group; `encoded` follows the batch's encoded bytes.
    pub(super) fn chunk(&self, partition: u32, batch: BatchId, chunk: Chunk, encoded: &Arc<AtomicUsize>) {
        self.send(partition, Job::Chunk { batch, chunk, encoded: Arc::clone(encoded) });
    }

    /// Encodes what is left and closes every file.
    pub(super) fn finish(
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
    pub(super) fn drop_batch(&self, partition: u32, batch: BatchId) {
        self.send(partition, Job::Drop { batch });
    }

    fn send(&self, partition: u32, job: Job) {
        // A thread only ends when this end is dropped.
        let _ = self.queues[partition as usize % self.queues.len()].send(job);
    }
}

type Writers = BTreeMap<String, FileWriter>;

struct Batch {
    writers: Writers,
    /// The first thing that went wrong: told when the batch is finished.
    failed: Option<FileError>,
}

fn work(jobs: &Receiver<Job>) {
    let mut batches: HashMap<BatchId, Batch> = HashMap::new();
    for job in jobs {
        match job {
            Job::Chunk { batch, chunk, encoded } => {
                let batch = batches.entry(batch).or_insert_with(|| Batch { writers: Writers::new(), failed: None });
                if batch.failed.is_none() {
                    batch.failed = write(&mut batch.writers, chunk).err();
                }
                encoded.store(batch.writers.values().map(FileWriter::encoded_bytes).sum(), Ordering::Relaxed);
            }
            Job::Finish { batch, info, parts, encoded, finished } => {
                let batch = batches.remove(&batch).unwrap_or(Batch { writers: Writers::new(), failed: None });
                failpoint::reach("encode.before");
                let files = match batch.failed {
                    Some(error) => Err(error),
                    None => close(batch.writers, &info, parts),
                };
                let bytes = files.as_ref().map_or(0, |files| files.iter().map(|file| file.bytes.len()).sum());
                encoded.store(bytes, Ordering::Relaxed);
                failpoint::reach("encode.after");
                finished(files);
            }
            Job::Drop { batch } => {
                batches.remove(&batch);
            }
        }
    }
}

fn write(writers: &mut Writers, chunk: Chunk) -> Result<(), FileError> {
    let writer = match writers.entry(chunk.dir) {
        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::btree_map::Entry::Vacant(entry) => entry.insert(FileWriter::new(chunk.kind)?),
    };
    writer.write(chunk.batch)
}

/// Parts come sorted by directory, so the number of a file within its batch is a function of the batch.
fn close(mut writers: Writers, info: &BatchInfo, parts: Vec<Part>) -> Result<Vec<File>, FileError> {
    let mut files = Vec::with_capacity(parts.len());
    for (k, part) in parts.into_iter().enumerate() {
        let mut writer = match writers.remove(&part.dir) {
            Some(writer) => writer,
            None => FileWriter::new(part.kind)?,
        };
        for batch in part.rest {
            writer.write(batch)?;
        }
        let footer = Footer {
            topic: info.names.topic.clone(),
            epoch: info.names.epoch.clone(),
            partition: info.names.partition,
            seq: info.seq,
            start: info.start,
            end: info.end,
            rows: part.rows,
            rows_sha256: part.digest,
            layout: info.layout,
            layout_version: crate::table::LAYOUT_VERSION,
            schema_version: crate::table::SCHEMA_VERSION,
        };
        let bytes = Bytes::from(writer.finish(&footer)?);
        let key = info.names.file(&part.dir, info.seq, info.start, info.end, k);
        files.push(File { entry: FileEntry { key, rows: part.rows, rows_sha256: hex(&part.digest) }, bytes });
    }
    Ok(files)
}
