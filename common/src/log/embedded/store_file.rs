//! The store file: which tables it has, and what one transaction does to it.
//!
//! redb allocates a power of two of pages for a large value; a frame's size in the file is computed accordingly.

use super::{Held, failed, frame};
use crate::failure::Class;
use crate::log::LogError;
use crate::redb_file;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};
use std::path::{Path, PathBuf};

const NAME: &str = "log.redb";

/// Layout of the tables; another number is refused.
const LAYOUT: u64 = 1;

/// Pages that redb keeps in memory: frames are written once and read about once, so a large cache has nothing to give.
const CACHE_BYTES: usize = 24 * 1024 * 1024;

/// Frames deleted in one transaction at most, so that trimming never delays writing for long.
const MAX_DELETED: usize = 256;

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const FRAMES: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("frames");
const BOUNDS: TableDefinition<u32, (u64, u64, u64)> = TableDefinition::new("bounds");
const MIRROR: TableDefinition<u32, u64> = TableDefinition::new("mirror");

/// What the file holds of a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low: u64,
    pub(super) high: u64,
    /// Bytes that its frames take.
    pub(super) bytes: u64,
}

/// The open store file.
pub(super) struct StoreFile {
    database: Database,
    path: PathBuf,
}

impl StoreFile {
    pub(super) fn open(dir: &Path, partitions: u32) -> Result<(StoreFile, Held), LogError> {
        let path = dir.join(NAME);
        let what = format!("open log {}", path.display());
        let config = |why: String| failed(Class::Config, what.clone(), why);
        if partitions == 0 {
            return Err(config("a log needs at least one partition".into()));
        }
        let database = redb_file::open(&path, CACHE_BYTES).map_err(|error| match error {
            redb::Error::DatabaseAlreadyOpen => config("another process has it open".into()),
            error => config(error.to_string()),
        })?;
        let file = StoreFile { database, path };
        let held = file.load(partitions)?;
        Ok((file, held))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn broken(&self, error: impl Into<redb::Error>) -> LogError {
        failed(Class::Fatal, format!("use log {}", self.path.display()), error.into())
    }

    fn load(&self, partitions: u32) -> Result<Held, LogError> {
        let mut change = self.change()?;
        let pinned = change.pin(partitions).map_err(|error| self.broken(error))?;
        if pinned != (LAYOUT, u64::from(partitions)) {
            let why = if pinned.0 == LAYOUT {
                format!("it was made with {} partitions, and {partitions} are asked for", pinned.1)
            } else {
                format!("it has layout {}, and this program knows {LAYOUT}", pinned.0)
            };
            return Err(failed(Class::Config, format!("open log {}", self.path.display()), why));
        }
        let held = change.held(partitions).map_err(|error| self.broken(error))?;
        change.commit().map_err(|error| self.broken(error))?;
        Ok(held)
    }

    /// Begins a durable transaction.
    pub(super) fn change(&self) -> Result<Change, LogError> {
        let mut transaction = self.database.begin_write().map_err(|error| self.broken(error))?;
        // Without it, opening after kill -9 walks the whole file.
        transaction.set_quick_repair(true);
        Ok(Change { transaction })
    }

    /// Loads the frame that holds `offset` and skips to it.
    pub(super) fn read(&self, partition: u32, offset: u64, into: &mut frame::Reader) -> Result<(), String> {
        let frames = || -> Result<_, redb::Error> { Ok(self.database.begin_read()?.open_table(FRAMES)?) };
        let table = frames().map_err(|error| error.to_string())?;
        let found = table.range((partition, 0)..=(partition, offset)).map_err(|error| error.to_string())?.next_back();
        let (key, value) = found.ok_or_else(|| format!("no frame holds offset {offset}"))?.map_err(|error| error.to_string())?;
        let skip = offset - key.value().1;
        if skip >= u64::from(frame::count(value.value())) {
            return Err(format!("no frame holds offset {offset}"));
        }
        into.load(value.value(), skip)
    }
}

/// One transaction: all of it happens, or nothing.
pub(super) struct Change {
    transaction: WriteTransaction,
}

impl Change {
    fn pin(&mut self, partitions: u32) -> Result<(u64, u64), redb::Error> {
        let mut meta = self.transaction.open_table(META)?;
        let known = meta.get("partitions")?.map(|value| value.value());
        let layout = meta.get("layout")?.map(|value| value.value());
        if let (Some(partitions), Some(layout)) = (known, layout) {
            return Ok((layout, partitions));
        }
        meta.insert("partitions", u64::from(partitions))?;
        meta.insert("layout", LAYOUT)?;
        self.transaction.open_table(FRAMES)?;
        Ok((LAYOUT, u64::from(partitions)))
    }

    fn held(&mut self, partitions: u32) -> Result<Held, redb::Error> {
        let (bounds, mirror) = (self.transaction.open_table(BOUNDS)?, self.transaction.open_table(MIRROR)?);
        let mut held = Held { bounds: Vec::new(), mirrored: Vec::new(), mirror_waits: false };
        for partition in 0..partitions {
            let (low, high, bytes) = bounds.get(partition)?.map_or((0, 0, 0), |value| value.value());
            held.bounds.push(Bounds { low, high, bytes });
            held.mirrored.push(mirror.get(partition)?.map_or(0, |value| value.value()));
        }
        Ok(held)
    }

    /// Appends a frame whose first message gets `bounds.high`.
    pub(super) fn append(&mut self, partition: u32, frame: &[u8], bounds: &mut Bounds) -> Result<(), redb::Error> {
        self.transaction.open_table(FRAMES)?.insert((partition, bounds.high), frame)?;
        bounds.high += u64::from(frame::count(frame));
        bounds.bytes += room(frame.len());
        Ok(())
    }

    pub(super) fn write_bounds(&mut self, partition: u32, bounds: Bounds) -> Result<(), redb::Error> {
        self.transaction.open_table(BOUNDS)?.insert(partition, (bounds.low, bounds.high, bounds.bytes))?;
        Ok(())
    }

    pub(super) fn write_mirror(&mut self, mirrored: &[u64]) -> Result<(), redb::Error> {
        let mut table = self.transaction.open_table(MIRROR)?;
        for (partition, offset) in (0..).zip(mirrored) {
            table.insert(partition, offset)?;
        }
        Ok(())
    }

    /// Deletes the oldest frame of a partition if it ends at or below `limit`, and with `spare` only if the one after it does too.
    pub(super) fn delete_oldest(
        &mut self,
        partition: u32,
        limit: u64,
        spare: bool,
        bounds: &mut Bounds,
    ) -> Result<bool, redb::Error> {
        let mut table = self.transaction.open_table(FRAMES)?;
        let mut ends = [None; 2];
        for (end, entry) in ends.iter_mut().zip(table.range((partition, 0)..=(partition, u64::MAX))?) {
            let (key, value) = entry?;
            *end = Some((key.value().1, key.value().1 + u64::from(frame::count(value.value())), value.value().len()));
        }
        let Some((base, end, bytes)) = ends[0].filter(|&(_, end, _)| end <= limit) else { return Ok(false) };
        if spare && ends[1].is_none_or(|(_, end, _)| end > limit) {
            return Ok(false);
        }
        table.remove((partition, base))?;
        bounds.low = bounds.low.max(end);
        bounds.bytes = bounds.bytes.saturating_sub(room(bytes));
        Ok(true)
    }

    /// Deletes frames that were read, oldest first and partition by partition, while all of them take more than `keep` bytes.
    /// One frame below each mirrored offset stays. Returns whether anything was deleted.
    pub(super) fn shrink(&mut self, keep: u64, mirrored: &[u64], bounds: &mut [Bounds]) -> Result<bool, redb::Error> {
        let mut taken: u64 = bounds.iter().map(|partition| partition.bytes).sum();
        let mut deleted = 0;
        let mut progress = true;
        while progress && deleted < MAX_DELETED {
            progress = false;
            for ((partition, bounds), &limit) in (0..).zip(bounds.iter_mut()).zip(mirrored) {
                if taken <= keep {
                    return Ok(deleted > 0);
                }
                let before = bounds.bytes;
                if self.delete_oldest(partition, limit, true, bounds)? {
                    taken -= before - bounds.bytes;
                    deleted += 1;
                    progress = true;
                }
            }
        }
        Ok(deleted > 0)
    }

    pub(super) fn commit(self) -> Result<(), redb::Error> {
        Ok(self.transaction.commit()?)
    }
}

/// What a frame takes in the file: small ones share a page, large ones get a power of two of them.
fn room(bytes: usize) -> u64 {
    let bytes = bytes as u64 + 64;
    if bytes <= 4096 { bytes } else { bytes.next_power_of_two() }
}
