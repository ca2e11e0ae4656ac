//! What the runtime is told, and how the memory it may use is divided.

use super::schedule::MemoryBounds;
use crate::protocol::seal::SealPolicy;
use crate::sink::parquet::Layout;
use std::time::Duration;

/// Everything the runtime needs to know besides its log and its store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Kafka topic, or the embedded log's name.
    pub topic: String,
    /// The topic's life.
    pub epoch: String,
    /// Hive layout.
    pub layout: Layout,
    /// When a batch is cut.
    pub seal: SealPolicy,
    /// Bytes that rows and encoded files may take together; the rest of the process (log client, store client, encoders' own
    /// buffers) takes about as much again.
    pub memory: usize,
    /// Threads that encode Parquet.
    pub encoders: usize,
}

/// Default for [`Options::memory`]: with the rest of the process it stays below 512 MiB.
pub const DEFAULT_MEMORY: usize = 160 << 20;

/// Default seal: bytes first, age second, and bounds on what costs memory.
pub const DEFAULT_SEAL: SealPolicy =
    SealPolicy { bytes: 128 << 20, age: Duration::from_secs(300), directories: 256, log_files: 100_000 };

/// Ledger entries kept in memory by all partitions of a process (about 100 bytes each).
pub const LEDGER_ENTRIES: usize = 400_000;

/// Batches between two ledger checkpoints: so many small objects are read at most when a partition starts.
pub const CHECKPOINT_EVERY: u64 = 64;

impl Options {
    /// Rows of one directory are encoded as one row group of about 10,000 CloudTrail records. A batch is cut early when four tenths of the
    /// memory are encoded, and one tenth more may come while it is put.
    pub(super) fn memory_bounds(&self) -> MemoryBounds {
        let tenth = self.memory / 10;
        MemoryBounds { chunk: tenth.max(1 << 20), rows: tenth * 4, encoded: tenth * 4, full: tenth * 5 }
    }
}
