//! The processed-file index: which log files are acknowledged already, so that a restart or the next listing does not send them
//! again. It only saves work: where an entry is lost, the file is sent again and the sink drops the duplicates.
//!
//! It is on disk even without a state directory, because a bucket has more files than we have memory. Then its file has no name
//! and goes with the process.

use anyhow::Context;
use common::redb_file;
use common::service::ConfigError;
use redb::backends::FileBackend;
use redb::{Builder, Database, Durability, ReadableDatabase, TableDefinition};
use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::path::Path;

const ACKNOWLEDGED: TableDefinition<'_, u128, ()> = TableDefinition::new("acknowledged");

/// Entries gathered before they are written together.
const BATCH: usize = 1024;

/// Writes between two that wait for the disk (entries of those between may be lost).
const UNSYNCED: u32 = 32;

/// redb's page cache.
const CACHE_BYTES: usize = 12 << 20;

/// The index. An entry is the fingerprint of a log file ([`LogFile::fingerprint`](crate::LogFile::fingerprint)).
pub(crate) struct ProcessedIndex {
    database: Database,
    /// Not yet written.
    fresh: HashSet<u128>,
    unsynced: u32,
}

impl ProcessedIndex {
    /// Opens the index of a state directory, which is made when it is not there; without one, an empty index.
    pub(crate) fn open(dir: Option<&Path>) -> anyhow::Result<ProcessedIndex> {
        let database = match dir {
            Some(dir) => {
                let why = |error: &dyn std::fmt::Display| ConfigError::at("state.dir", format!("{}: {error}", dir.display()));
                redb_file::open(&dir.join("processed.redb"), CACHE_BYTES).map_err(|error| match error {
                    redb::Error::DatabaseAlreadyOpen => why(&"another aggregator uses this directory"),
                    error => why(&error),
                })?
            }
            None => {
                let backend = FileBackend::new(nameless()?).context("failed to make a temporary index of processed files")?;
                let mut builder = Builder::new();
                builder.set_cache_size(CACHE_BYTES);
                builder.create_with_backend(backend).context("failed to make a temporary index of processed files")?
            }
        };
        let index = ProcessedIndex { database, fresh: HashSet::new(), unsynced: 0 };
        // The table must be there before it is first read.
        let transaction = index.database.begin_write()?;
        transaction.open_table(ACKNOWLEDGED)?;
        transaction.commit()?;
        Ok(index)
    }

    /// True when this log file was added before.
    pub(crate) fn contains(&self, fingerprint: u128) -> anyhow::Result<bool> {
        if self.fresh.contains(&fingerprint) {
            return Ok(true);
        }
        Ok(self.database.begin_read()?.open_table(ACKNOWLEDGED)?.get(fingerprint)?.is_some())
    }

    /// Adds a log file.
    pub(crate) fn add(&mut self, fingerprint: u128) -> anyhow::Result<()> {
        self.fresh.insert(fingerprint);
        if self.fresh.len() < BATCH {
            return Ok(());
        }
        self.unsynced += 1;
        self.write(self.unsynced >= UNSYNCED)
    }

    /// Makes all entries durable.
    pub(crate) fn sync(&mut self) -> anyhow::Result<()> {
        self.write(true)
    }

    fn write(&mut self, sync: bool) -> anyhow::Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(if sync { Durability::Immediate } else { Durability::None })?;
        {
            let mut table = transaction.open_table(ACKNOWLEDGED)?;
            for fingerprint in &self.fresh {
                table.insert(fingerprint, ())?;
            }
        }
        transaction.commit().context("failed to write the index of processed files")?;
        self.fresh.clear();
        if sync {
            self.unsynced = 0;
        }
        Ok(())
    }
}

/// A file that is gone as soon as it is closed.
fn nameless() -> anyhow::Result<fs::File> {
    let dir = std::env::temp_dir();
    let why = |error: std::io::Error| {
        let why = format!("not set, and no temporary file can be made in {}: {error}", dir.display());
        anyhow::Error::from(ConfigError::at("state.dir", why))
    };
    for attempt in 0..100 {
        let path = dir.join(format!("switchback-processed-{}-{attempt}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                fs::remove_file(&path).map_err(why)?;
                return Ok(file);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(why(error)),
        }
    }
    Err(why(std::io::ErrorKind::AlreadyExists.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("deep/state");
        let mut index = ProcessedIndex::open(Some(&state)).unwrap();
        // More than a batch, so that both the committed and the fresh ones are asked for.
        for n in 0..2 * BATCH as u128 + 5 {
            index.add(n << 64).unwrap();
        }
        assert!(
            index.contains(0).unwrap() && index.contains((2 * BATCH as u128 + 4) << 64).unwrap() && !index.contains(1).unwrap()
        );
        index.sync().unwrap();
        drop(index);
        let index = ProcessedIndex::open(Some(&state)).unwrap();
        assert!((0..2 * BATCH as u128 + 5).all(|n| index.contains(n << 64).unwrap()));
        assert!(!index.contains(1).unwrap());
    }

    #[test]
    fn a_state_directory_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let _first = ProcessedIndex::open(Some(dir.path())).unwrap();
        let error = ProcessedIndex::open(Some(dir.path())).err().unwrap();
        assert_eq!(common::service::exit_status(error.as_ref()), 78);
    }

    #[test]
    fn without_a_directory_entries_live_as_long_as_the_process() {
        let mut index = ProcessedIndex::open(None).unwrap();
        let other = ProcessedIndex::open(None).unwrap();
        index.add(7).unwrap();
        index.sync().unwrap();
        assert!(index.contains(7).unwrap() && !other.contains(7).unwrap());
    }
}
