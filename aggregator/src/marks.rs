//! Which log files are acknowledged already, so that a restart or the next listing does not send them again. Only saves work:
//! losing marks means messages that the sink drops as duplicates.
//!
//! On disk even without a state directory (then in a file that has no name any more and goes with the process): a bucket
//! has more files than we have memory.

use anyhow::Context;
use common::redb_file;
use common::service::ConfigError;
use redb::backends::FileBackend;
use redb::{Builder, Database, Durability, ReadableDatabase, TableDefinition};
use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::path::Path;

const MARKS: TableDefinition<'_, u128, ()> = TableDefinition::new("acknowledged");

/// Marks gathered before they are committed together.
const BATCH: usize = 1024;

/// Commits between two that wait for the disk (the ones between may be lost, with nothing but work).
const UNSYNCED: u32 = 32;

/// redb's page cache.
const CACHE_BYTES: usize = 12 << 20;

/// The marks.
pub(crate) struct Marks {
    database: Database,
    /// Not yet committed.
    fresh: HashSet<u128>,
    unsynced: u32,
}

impl Marks {
    /// Opens the marks of a state directory, which is made when it is not there; without one, an empty set.
    pub(crate) fn open(dir: Option<&Path>) -> anyhow::Result<Marks> {
        let database = match dir {
            Some(dir) => {
                let why = |error: &dyn std::fmt::Display| ConfigError::at("state.dir", format!("{}: {error}", dir.display()));
                redb_file::open(&dir.join("marks.redb"), CACHE_BYTES).map_err(|error| match error {
                    redb::Error::DatabaseAlreadyOpen => why(&"another aggregator uses this directory"),
                    error => why(&error),
                })?
            }
            None => {
                let backend = FileBackend::new(nameless()?).context("failed to make a temporary file of marks")?;
                let mut builder = Builder::new();
                builder.set_cache_size(CACHE_BYTES);
                builder.create_with_backend(backend).context("failed to make a temporary file of marks")?
            }
        };
        let marks = Marks { database, fresh: HashSet::new(), unsynced: 0 };
        // The table must be there before it is first read.
        let transaction = marks.database.begin_write()?;
        transaction.open_table(MARKS)?;
        transaction.commit()?;
        Ok(marks)
    }

    /// True when this mark was added before.
    pub(crate) fn knows(&self, mark: u128) -> anyhow::Result<bool> {
        if self.fresh.contains(&mark) {
            return Ok(true);
        }
        Ok(self.database.begin_read()?.open_table(MARKS)?.get(mark)?.is_some())
    }

    /// Adds a mark.
    pub(crate) fn add(&mut self, mark: u128) -> anyhow::Result<()> {
        self.fresh.insert(mark);
        if self.fresh.len() < BATCH {
            return Ok(());
        }
        self.unsynced += 1;
        self.commit(self.unsynced >= UNSYNCED)
    }

    /// Makes all marks durable.
    pub(crate) fn sync(&mut self) -> anyhow::Result<()> {
        self.commit(true)
    }

    fn commit(&mut self, sync: bool) -> anyhow::Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(if sync { Durability::Immediate } else { Durability::None })?;
        {
            let mut table = transaction.open_table(MARKS)?;
            for mark in &self.fresh {
                table.insert(mark, ())?;
            }
        }
        transaction.commit().context("failed to write marks")?;
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
        let path = dir.join(format!("switchback-marks-{}-{attempt}", std::process::id()));
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
    fn marks_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("deep/state");
        let mut marks = Marks::open(Some(&state)).unwrap();
        // More than a batch, so that both the committed and the fresh ones are asked for.
        for mark in 0..2 * BATCH as u128 + 5 {
            marks.add(mark << 64).unwrap();
        }
        assert!(marks.knows(0).unwrap() && marks.knows((2 * BATCH as u128 + 4) << 64).unwrap() && !marks.knows(1).unwrap());
        marks.sync().unwrap();
        drop(marks);
        let marks = Marks::open(Some(&state)).unwrap();
        assert!((0..2 * BATCH as u128 + 5).all(|mark| marks.knows(mark << 64).unwrap()));
        assert!(!marks.knows(1).unwrap());
    }

    #[test]
    fn a_state_directory_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Marks::open(Some(dir.path())).unwrap();
        let error = Marks::open(Some(dir.path())).err().unwrap();
        assert_eq!(common::service::exit_status(error.as_ref()), 78);
    }

    #[test]
    fn without_a_directory_marks_live_as_long_as_the_process() {
        let mut marks = Marks::open(None).unwrap();
        let other = Marks::open(None).unwrap();
        marks.add(7).unwrap();
        marks.sync().unwrap();
        assert!(marks.knows(7).unwrap() && !other.knows(7).unwrap());
    }
}
