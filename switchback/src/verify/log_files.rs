//! A map of all log files of a table, in many small maps: one large one would hold everything twice whenever it grows.

use super::books::State;
use common::message::FileId;
use std::collections::HashMap;

const SHARDS: usize = 256;

/// States by log file.
#[derive(Debug)]
pub(crate) struct LogFiles(Vec<HashMap<FileId, State>>);

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

    pub(crate) fn get(&self, file: FileId) -> Option<&State> {
        self.0[LogFiles::shard(file)].get(&file)
    }

    pub(crate) fn get_mut(&mut self, file: FileId) -> Option<&mut State> {
        self.0[LogFiles::shard(file)].get_mut(&file)
    }

    /// The state of a log file, a new one where there was none.
    pub(crate) fn entry(&mut self, file: FileId) -> &mut State {
        self.0[LogFiles::shard(file)].entry(file).or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FileId, &State)> {
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
        assert!(size_of::<(FileId, State)>() <= 96);
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
