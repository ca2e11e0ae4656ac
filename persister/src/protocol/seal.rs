//! When a batch is cut. Any cut is right (the intent, not the clock, fixes it); a good one makes few and large files.

use std::time::Duration;

/// The bounds of an open batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealPolicy {
    /// Encoded Parquet bytes, all files together.
    pub bytes: usize,
    /// Time since the batch's first message.
    pub age: Duration,
    /// Hive partitions open at once: each is a file, and costs memory until it is cut.
    pub directories: usize,
    /// Log files in the batch's ledger delta: bounds the intent (about 60 bytes each).
    pub log_files: usize,
}

/// How large an open batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Encoded bytes, with an estimate for what is still unencoded.
    pub bytes: usize,
    /// Time since its first message.
    pub age: Duration,
    /// Hive partitions open.
    pub directories: usize,
    /// Log files in its delta.
    pub log_files: usize,
}

/// Why a batch was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is as large as wanted.
    Bytes,
    /// It is as old as allowed.
    Age,
    /// Too many hive partitions are open.
    Directories,
    /// Too many log files are in it.
    LogFiles,
    /// Memory is short and this batch is the largest.
    Memory,
    /// Nothing more is expected (`--once`), or the process is going down.
    Drain,
    /// It completes a batch that another process left unfinished.
    Redo,
}

/// The first bound that is reached.
pub fn due(policy: &SealPolicy, size: &Size) -> Option<Reason> {
    if size.bytes >= policy.bytes {
        Some(Reason::Bytes)
    } else if size.directories >= policy.directories {
        Some(Reason::Directories)
    } else if size.log_files >= policy.log_files {
        Some(Reason::LogFiles)
    } else if size.age >= policy.age {
        Some(Reason::Age)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_first_and_age_last() {
        let policy = SealPolicy { bytes: 100, age: Duration::from_secs(5), directories: 3, log_files: 9 };
        let size = Size { bytes: 99, age: Duration::from_secs(4), directories: 2, log_files: 8 };
        assert_eq!(due(&policy, &size), None);
        assert_eq!(due(&policy, &Size { bytes: 100, age: policy.age, ..size }), Some(Reason::Bytes));
        assert_eq!(due(&policy, &Size { directories: 3, age: policy.age, ..size }), Some(Reason::Directories));
        assert_eq!(due(&policy, &Size { log_files: 9, age: policy.age, ..size }), Some(Reason::LogFiles));
        assert_eq!(due(&policy, &Size { age: policy.age, ..size }), Some(Reason::Age));
    }
}
