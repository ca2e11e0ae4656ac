//! What is known of each log file of a table.
//!
//! A map in many small ones: a single large one would hold everything twice whenever it grows.

use super::parquet_file::Records;
use common::message::FileId;
use std::collections::HashMap;

/// What is known of one log file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogFileState {
    pub(crate) records: Records,
    /// What its complete row says; `None` before its end.
    pub(crate) end: Option<u32>,
    /// What stands for the content that was taken (`content_of`).
    pub(crate) content: u64,
    /// The same of a content that came later, 0 where none did.
    pub(crate) altered: u64,
    /// Complete rows.
    pub(crate) ends: u16,
    pub(crate) is_quarantined: bool,
    /// Put aside for its size, which a reader with other limits may not find too large.
    pub(crate) is_too_large: bool,
    /// The ledger's last word, by the number of records it counts.
    pub(crate) ledger: Option<u32>,
    /// The ledger says that it is complete.
    pub(crate) ledger_done: bool,
    /// A batch with records or the end of it is not whole in the table.
    pub(crate) in_damaged_batch: bool,
    /// A batch with records or the end of it is being written.
    pub(crate) is_on_its_way: bool,
    /// The last table file that rows of it were seen in, by number.
    pub(crate) seen_in: u32,
    /// The source has it.
    pub(crate) is_in_source: bool,
    /// The source's content was compared with it.
    pub(crate) is_matched: bool,
}

impl LogFileState {
    /// It lacks records that a batch that is not whole in the table may have had, and nothing else is wrong with it.
    pub(crate) fn is_short_by_damage(&self) -> bool {
        let expected = self.end.or(self.ledger).unwrap_or(0);
        self.in_damaged_batch && self.records.count < expected && self.records.bound <= expected
    }
}

const SHARDS: usize = 256;

/// States by log file.
#[derive(Debug)]
pub(crate) struct LogFiles(Vec<HashMap<FileId, LogFileState>>);

impl Default for LogFiles {
    fn default() -> LogFiles {
        LogFiles(vec![HashMap::new(); SHARDS])
    }
}

impl LogFiles {
    /// By a byte of the identity: it is a hash already. Not the lowest, which names the partition.
    fn shard(file: FileId) -> usize {
        usize::from(file.0.to_be_bytes()[0])
    }

    pub(crate) fn get(&self, file: FileId) -> Option<&LogFileState> {
        self.0[LogFiles::shard(file)].get(&file)
    }

    pub(crate) fn get_mut(&mut self, file: FileId) -> Option<&mut LogFileState> {
        self.0[LogFiles::shard(file)].get_mut(&file)
    }

    /// The state of a log file, a new one where there was none.
    pub(crate) fn entry(&mut self, file: FileId) -> &mut LogFileState {
        self.0[LogFiles::shard(file)].entry(file).or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FileId, &LogFileState)> {
        self.0.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(HashMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_costs_less_than_a_hundred_bytes() {
        assert!(size_of::<(FileId, LogFileState)>() <= 96);
    }

    #[test]
    fn every_log_file_is_found_again() {
        let mut files = LogFiles::default();
        let ids: Vec<FileId> = (0..1000u128).map(|n| FileId(n.wrapping_mul(u128::MAX / 1000))).collect();
        for id in &ids {
            files.entry(*id).seen_in = 7;
        }
        assert_eq!((files.len(), files.iter().count()), (1000, 1000));
        assert!(ids.iter().all(|id| files.get(*id).is_some_and(|state| state.seen_in == 7)));
        assert!(files.get(FileId(1)).is_none());
    }
}
