//! The files of one batch in the making: chunk by chunk into Parquet, and at the end their names and footers.

use super::error::FileError;
use super::file::FileWriter;
use super::footer::Footer;
use super::layout::{LAYOUT_VERSION, Layout};
use super::rows::{Chunk, Part};
use super::schema::SCHEMA_VERSION;
use crate::protocol::{FileEntry, Names};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A file ready to be put.
#[derive(Debug, Clone)]
pub struct File {
    /// What the intent says of it.
    pub entry: FileEntry,
    /// The whole file.
    pub bytes: Bytes,
}

/// What a file needs to know of its batch.
#[derive(Debug, Clone)]
pub struct BatchInfo {
    /// Its partition, and where its files lie.
    pub names: Names,
    /// Its sequence.
    pub seq: u64,
    /// First offset.
    pub start: u64,
    /// First offset after it.
    pub end: u64,
    /// Layout of the table.
    pub layout: Layout,
}

impl BatchInfo {
    /// Name and contents of file number `k`, whose rows are those of `part`.
    pub fn file(&self, k: usize, part: &Part) -> (FileEntry, Footer) {
        let key = self.names.file(&part.dir, self.seq, self.start, self.end, k);
        let footer = Footer {
            topic: self.names.topic.clone(),
            epoch: self.names.epoch.clone(),
            partition: self.names.partition,
            seq: self.seq,
            start: self.start,
            end: self.end,
            rows: part.rows,
            rows_sha256: part.digest,
            layout: self.layout,
            layout_version: LAYOUT_VERSION,
            schema_version: SCHEMA_VERSION,
        };
        (FileEntry { key, rows: part.rows, rows_sha256: hex::encode(part.digest) }, footer)
    }
}

/// The files, by directory.
#[derive(Debug, Default)]
pub struct Batch {
    writers: BTreeMap<String, FileWriter>,
    /// The first thing that went wrong: told when the batch is finished.
    failed: Option<FileError>,
}

impl Batch {
    /// Encodes a chunk as one row group of its directory's file.
    pub fn chunk(&mut self, chunk: Chunk) {
        if self.failed.is_none() {
            self.failed = self.write(chunk).err();
        }
    }

    fn write(&mut self, chunk: Chunk) -> Result<(), FileError> {
        let writer = match self.writers.entry(chunk.dir) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(FileWriter::new(chunk.kind)?),
        };
        writer.write(chunk.rows)
    }

    /// Bytes held so far, encoded ones above all.
    pub fn held_bytes(&self) -> usize {
        self.writers.values().map(FileWriter::held_bytes).sum()
    }

    /// Encodes what is left and closes every file. Parts come sorted by directory, so the number of a file within its batch is a
    /// function of the batch.
    ///
    /// # Errors
    /// The first thing that went wrong with any of its chunks: the batch must not be written.
    pub fn finish(mut self, info: &BatchInfo, parts: Vec<Part>) -> Result<Vec<File>, FileError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut files = Vec::with_capacity(parts.len());
        for (k, part) in parts.into_iter().enumerate() {
            let mut writer = match self.writers.remove(&part.dir) {
                Some(writer) => writer,
                None => FileWriter::new(part.kind)?,
            };
            let (entry, footer) = info.file(k, &part);
            for rows in part.rest {
                writer.write(rows)?;
            }
            files.push(File { entry, bytes: Bytes::from(writer.finish(&footer)?) });
        }
        Ok(files)
    }
}
