//! What the persister has done and holds, as numbers that a progress bar, a test or a metrics page reads from outside.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters since the start, and the end of each partition's chain.
#[derive(Debug)]
pub struct Status {
    /// Rows of all kinds in published batches.
    pub rows: AtomicU64,
    /// Files published.
    pub files: AtomicU64,
    /// Bytes of those files.
    pub bytes: AtomicU64,
    /// Batches published.
    pub batches: AtomicU64,
    partitions: Vec<Partition>,
    halts: Mutex<Vec<(u32, String)>>,
}

#[derive(Debug, Default)]
struct Partition {
    owned: AtomicBool,
    end: AtomicU64,
}

impl Status {
    /// All zero, for a topic with this many partitions.
    pub fn new(partitions: u32) -> Status {
        Status {
            rows: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            halts: Mutex::new(Vec::new()),
        }
    }

    /// Partitions of the topic.
    pub fn partitions(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// The published end of a partition's chain, while it is ours.
    pub fn end(&self, partition: u32) -> Option<u64> {
        let partition = self.partitions.get(partition as usize)?;
        partition.owned.load(Ordering::Acquire).then(|| partition.end.load(Ordering::Acquire))
    }

    /// Why partitions stopped.
    pub fn halts(&self) -> Vec<(u32, String)> {
        self.halts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn published(&self, rows: u64, files: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn own(&self, partition: u32, end: Option<u64>) {
        if let Some(partition) = self.partitions.get(partition as usize) {
            partition.end.store(end.unwrap_or(0), Ordering::Release);
            partition.owned.store(end.is_some(), Ordering::Release);
        }
    }

    pub(super) fn halted(&self, partition: u32, why: String) {
        self.halts.lock().unwrap_or_else(PoisonError::into_inner).push((partition, why));
    }
}
