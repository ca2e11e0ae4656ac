//! What fixes the rows of a file: a digest over their identities, not over bytes, so that another version of the encoder that writes
//! the same rows agrees, and `verify` can compute it again from the columns of the file itself.
//!
//! SHA-256 over, for each row in the order of offsets: offset (u64), file id (16 bytes, zero for a foreign message) and index in the
//! log file (u32, the largest for an end message or a foreign one), all big-endian.
//!
//! A row names its log file by `source_object`; where a message did not decode, by its `message_key`.

use super::error::FileError;
use super::schema::{FOREIGN_MESSAGE, KAFKA_OFFSET, MESSAGE_KEY, SOURCE_INDEX, SOURCE_OBJECT};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use common::cloudtrail::file_id;
use common::message::{FileId, Key, Slot};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The digest of rows, taken as they come.
#[derive(Debug, Clone, Default)]
pub struct RowsDigest {
    taken: Sha256,
    /// Rows not taken in yet: many at once cost less than one by one.
    next: Vec<u8>,
}

/// A row as it is digested.
const ROW_BYTES: usize = 28;

/// Whole blocks of SHA-256.
const AT_ONCE: usize = 16 * ROW_BYTES;

impl RowsDigest {
    /// Takes in the next row. `key` is the identity of its message; `None` for a foreign one.
    pub fn push(&mut self, offset: u64, key: Option<Key>) {
        let (file, index) = match key {
            Some(Key { file, slot: Slot::Record(index) }) => (file.0, index),
            Some(Key { file, slot: Slot::End }) => (file.0, u32::MAX),
            None => (0, u32::MAX),
        };
        let mut row = [0u8; ROW_BYTES];
        row[..8].copy_from_slice(&offset.to_be_bytes());
        row[8..24].copy_from_slice(&file.to_be_bytes());
        row[24..].copy_from_slice(&index.to_be_bytes());
        self.next.extend_from_slice(&row);
        if self.next.len() >= AT_ONCE {
            self.taken.update(&self.next);
            self.next.clear();
        }
    }

    /// The digest of all rows taken in.
    pub fn finish(mut self) -> [u8; 32] {
        self.taken.update(&self.next);
        self.taken.finalize().into()
    }
}

/// Column that says why a row was rejected.
const REASON: &str = "reason";

/// Number and digest of the rows of a file of any kind, computed from its own columns.
///
/// # Errors
/// When it is not a Parquet file of ours.
pub fn rows_digest_of_file(bytes: Bytes) -> Result<(u64, [u8; 32]), FileError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let wanted = [SOURCE_OBJECT, SOURCE_INDEX, REASON, MESSAGE_KEY, KAFKA_OFFSET];
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
    let mut rows = Vec::new();
    let mut ids = HashMap::new();
    for batch in builder.with_projection(mask).build()? {
        identities(&batch?, &mut ids, &mut rows)?;
    }
    rows.sort_unstable_by_key(|&(offset, _)| offset);
    let mut digest = RowsDigest::default();
    for &(offset, key) in &rows {
        digest.push(offset, key);
    }
    Ok((rows.len() as u64, digest.finish()))
}

fn identities(
    batch: &RecordBatch,
    ids: &mut HashMap<String, FileId>,
    rows: &mut Vec<(u64, Option<Key>)>,
) -> Result<(), FileError> {
    let missing = |name: &'static str| FileError::Column(name);
    let text = |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let objects = text(SOURCE_OBJECT).ok_or(missing(SOURCE_OBJECT))?;
    let keys = text(MESSAGE_KEY);
    let reasons = text(REASON);
    let indexes = batch.column_by_name(SOURCE_INDEX).and_then(|column| column.as_primitive_opt::<Int32Type>());
    let offsets = batch.column_by_name(KAFKA_OFFSET).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let offsets = offsets.ok_or(missing(KAFKA_OFFSET))?;
    for row in 0..batch.num_rows() {
        let key = if objects.is_valid(row) {
            let object = objects.value(row);
            let file = match ids.get(object) {
                Some(&file) => file,
                None => *ids.entry(object.to_owned()).or_insert_with(|| file_id(object)),
            };
            let index = indexes.filter(|column| column.is_valid(row)).and_then(|column| u32::try_from(column.value(row)).ok());
            Some(Key { file, slot: index.map_or(Slot::End, Slot::Record) })
        } else if reasons.is_some_and(|column| column.is_valid(row) && column.value(row) == FOREIGN_MESSAGE) {
            // Its key may look like one of ours; it was not taken for what the key says.
            None
        } else {
            keys.filter(|column| column.is_valid(row)).and_then(|column| Key::parse(column.value(row).as_bytes()))
        };
        let offset = if offsets.is_valid(row) { u64::try_from(offsets.value(row)).ok() } else { None };
        rows.push((offset.ok_or(missing(KAFKA_OFFSET))?, key));
    }
    Ok(())
}
