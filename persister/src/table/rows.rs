//! The rows of one batch, directory by directory, from the message that opens it to the seal.
//!
//! Nothing here can fail: every message becomes a row of some kind, or the promise would have a hole. Rows come in the order of
//! their offsets, so the same messages always give the same directories, rows and digests.

use super::column::{Column, columns};
use super::decode::{Cell, Decoded, EventRow, Rejection, Undecodable, decode_checked};
use super::digest::RowsDigest;
use super::layout::{Layout, Place, rejected_dir};
use super::row_kind::{LogFileStatus, RowKind};
use super::schema::schema;
use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use common::cloudtrail::file_id;
use common::event::FIELDS;
use common::limits::{MAX_DETAIL_BYTES, MAX_REJECTED_RAW_BYTES};
use common::message::{End, EndStatus, FileId, Key, Slot};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Directories that lie in memory are cut here whoever asks for a chunk or not: a text column holds at most 2 GiB (32-bit offsets),
/// and one more value, of at most 64 MiB, must always fit.
const MAX_COLUMN_SET_BYTES: usize = 1 << 30;

/// Why a message that is not ours is in `rejected/`.
pub(crate) const FOREIGN_MESSAGE: &str = "foreign_message";

/// Rows after which a directory's memory is measured again; measuring each time would cost more than appending.
const MEASURE_EVERY: usize = 64;

/// Rows of one directory, cut off to be written as one row group.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The directory, `data/event_date=2023-07-10`.
    pub dir: String,
    /// The kind of its rows.
    pub kind: RowKind,
    /// The rows, in the order of their offsets.
    pub batch: RecordBatch,
}

/// All that a batch has for one directory.
#[derive(Debug, Clone)]
pub struct Part {
    /// The directory.
    pub dir: String,
    /// The kind of its rows.
    pub kind: RowKind,
    /// Number of rows, those of the chunks taken before included.
    pub rows: u64,
    /// Their digest ([`RowsDigest`]).
    pub digest: [u8; 32],
    /// The rows not taken yet: nearly always one record batch or none.
    pub rest: Vec<RecordBatch>,
}

/// The rows of one batch.
#[derive(Debug)]
pub struct Rows {
    layout: Layout,
    directories: BTreeMap<String, Directory>,
    rows: u64,
    bytes: usize,
    /// No directory is larger than this.
    largest: usize,
    /// The last log file seen and its id: the messages of one come together.
    last_file: Option<(String, FileId)>,
    /// Room for the name of a directory.
    dir: String,
}

#[derive(Debug)]
struct Directory {
    kind: RowKind,
    /// None when no rows are pending: an idle directory costs nothing.
    columns: Vec<Column>,
    pending: usize,
    full: Vec<(Vec<Column>, usize)>,
    bytes: usize,
    since_measured: usize,
    rows: u64,
    digest: RowsDigest,
}

impl Rows {
    /// No rows yet.
    pub fn new(layout: Layout) -> Rows {
        Rows { layout, directories: BTreeMap::new(), rows: 0, bytes: 0, largest: 0, last_file: None, dir: String::new() }
    }

    /// Appends a message that the ledger accepted or that is not ours (`key` is `None`), in the order of offsets.
    pub fn append(&mut self, partition: u32, offset: u64, key: Option<Key>, key_bytes: &[u8], value: &[u8]) {
        let at = At { partition, offset };
        let Some(key) = key else {
            return self.append_broken(at, None, key_bytes, value, FOREIGN_MESSAGE, "the key is not a record's identity");
        };
        let last_file = &mut self.last_file;
        match decode_checked(key, value, |object| remembered(last_file, object) == key.file) {
            Ok(Decoded::Event(row)) => self.append_event(at, key, &row),
            Ok(Decoded::Rejection(row)) => self.append_rejection(at, key, &row),
            Ok(Decoded::End(end)) => {
                let status = match end.status {
                    EndStatus::Complete => LogFileStatus::Complete,
                    EndStatus::Quarantined => LogFileStatus::Quarantined,
                };
                self.append_end(partition, offset, &end, status);
            }
            Err(error) => self.append_undecodable(at, key, key_bytes, value, &error),
        }
    }

    /// Appends the row of a log file whose end message was seen; `status` is what the ledger makes of it.
    /// The end message must name the log file of its key, as [`super::decode::decode_message`] checks.
    pub fn append_end(&mut self, partition: u32, offset: u64, end: &End, status: LogFileStatus) {
        let file = remembered(&mut self.last_file, &end.source_object);
        let number = |value: u64| Cell::Int64(i64::try_from(value).unwrap_or(i64::MAX));
        let cells = [
            text(&end.source_object),
            Cell::Text(Cow::Owned(status.to_string())),
            Cell::Int64(i64::from(end.records)),
            optional(Some(end.etag.as_str()).filter(|etag| !etag.is_empty())),
            end.inflated_bytes.map_or(Cell::Null, number),
            optional(end.sha256.as_deref()),
            optional(end.reason.as_deref()),
            optional(end.detail.as_deref()),
        ];
        let at = At { partition, offset };
        self.start_dir().push_str(RowKind::LogFile.root());
        self.push(RowKind::LogFile, at, Some(Key { file, slot: Slot::End }), cells.iter().chain(&at.cells()));
    }

    fn append_event(&mut self, at: At, key: Key, row: &EventRow<'_>) {
        let place = place(row);
        let layout = self.layout;
        layout.data_dir(&place, self.start_dir());
        let ours = [
            optional(row.extra.as_deref()),
            text(&row.source_object),
            // The decoder takes no index beyond the column's.
            Cell::Int32(i32::try_from(row.source_index).unwrap_or(i32::MAX)),
        ];
        self.push(RowKind::Data, at, Some(key), row.cells.iter().chain(&ours).chain(&at.cells()));
    }

    fn append_rejection(&mut self, at: At, key: Key, row: &Rejection<'_>) {
        rejected_dir(Some(&row.source_object), self.start_dir());
        let cells = [
            text(&row.source_object),
            Cell::Int32(i32::try_from(row.source_index).unwrap_or(i32::MAX)),
            text(&row.reason),
            optional(row.detail.as_deref()),
            optional(row.raw.as_deref()),
            row.raw_bytes.map_or(Cell::Null, Cell::Int64),
            Cell::Null,
        ];
        self.push(RowKind::Rejected, at, Some(key), cells.iter().chain(&at.cells()));
    }

    fn append_undecodable(&mut self, at: At, key: Key, key_bytes: &[u8], value: &[u8], error: &Undecodable) {
        self.append_broken(at, Some(key), key_bytes, value, "undecodable_message", &error.to_string());
    }

    /// A message whose value says nothing that can be relied on: its key and bytes are all there is.
    fn append_broken(&mut self, at: At, key: Option<Key>, key_bytes: &[u8], value: &[u8], reason: &str, detail: &str) {
        rejected_dir(None, self.start_dir());
        let index = match key {
            Some(Key { slot: Slot::Record(index), .. }) => i32::try_from(index).ok(),
            _ => None,
        };
        // A key of ours fits; a foreign one is cut, and is no key of ours afterwards either.
        let key_text = String::from_utf8_lossy(&key_bytes[..key_bytes.len().min(MAX_DETAIL_BYTES)]);
        let raw = String::from_utf8_lossy(&value[..value.len().min(MAX_REJECTED_RAW_BYTES)]);
        let cells = [
            Cell::Null,
            index.map_or(Cell::Null, Cell::Int32),
            text(reason),
            text(detail),
            text(&raw),
            Cell::Int64(i64::try_from(value.len()).unwrap_or(i64::MAX)),
            text(&key_text),
        ];
        self.push(RowKind::Rejected, at, key, cells.iter().chain(&at.cells()));
    }

    fn start_dir(&mut self) -> &mut String {
        self.dir.clear();
        &mut self.dir
    }

    /// Appends a row to the directory that was just named.
    fn push<'c>(&mut self, kind: RowKind, at: At, key: Option<Key>, cells: impl Iterator<Item = &'c Cell<'c>>) {
        if !self.directories.contains_key(&self.dir) {
            self.directories.insert(self.dir.clone(), Directory::new(kind));
        }
        let Some(directory) = self.directories.get_mut(&self.dir) else { return };
        let before = directory.bytes;
        directory.push(at.offset, key, cells);
        self.bytes = self.bytes.saturating_sub(before) + directory.bytes;
        self.largest = self.largest.max(directory.bytes);
        self.rows += 1;
    }

    /// Bytes that the rows hold in memory: what their columns have reserved, roughly.
    pub fn pending_bytes(&self) -> usize {
        self.bytes
    }

    /// Number of directories that have rows, taken or not.
    pub fn directories(&self) -> usize {
        self.directories.len()
    }

    /// Number of rows appended, taken or not.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the rows of the largest directory if it holds at least so many bytes.
    ///
    /// # Errors
    /// When columns and schema disagree, which is a bug: the batch must not be written.
    pub fn take_chunk(&mut self, at_least_bytes: usize) -> Result<Option<Chunk>, ArrowError> {
        if self.largest < at_least_bytes {
            return Ok(None);
        }
        let full = self.directories.iter_mut().filter(|(_, directory)| directory.holds_rows());
        let largest = full.max_by_key(|(_, directory)| directory.bytes);
        let Some((dir, directory)) = largest.filter(|(_, directory)| directory.bytes >= at_least_bytes) else {
            return Ok(None);
        };
        let before = directory.bytes;
        let (kind, dir) = (directory.kind, dir.clone());
        let taken = directory.take();
        self.bytes = self.bytes.saturating_sub(before) + directory.bytes;
        self.largest = self.directories.values().map(|directory| directory.bytes).max().unwrap_or(0);
        taken
            .map(|(columns, rows)| record_batch(kind, columns, rows))
            .transpose()
            .map(|batch| batch.map(|batch| Chunk { dir, kind, batch }))
    }

    /// Everything that is left, and what the batch has for each directory, in the order of their names.
    ///
    /// # Errors
    /// When columns and schema disagree, which is a bug: the batch must not be written.
    pub fn finish(self) -> Result<Vec<Part>, ArrowError> {
        self.directories.into_iter().map(|(dir, directory)| directory.finish(dir)).collect()
    }
}

impl Directory {
    fn new(kind: RowKind) -> Directory {
        Directory {
            kind,
            columns: Vec::new(),
            pending: 0,
            full: Vec::new(),
            bytes: 0,
            since_measured: 0,
            rows: 0,
            digest: RowsDigest::default(),
        }
    }

    fn push<'c>(&mut self, offset: u64, key: Option<Key>, cells: impl Iterator<Item = &'c Cell<'c>>) {
        if self.columns.is_empty() {
            self.columns = columns(&schema(self.kind));
        }
        let mut appended = 0;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
            if let Cell::Text(text) = cell {
                appended += text.len();
            }
        }
        self.pending += 1;
        self.rows += 1;
        self.digest.push(offset, key);
        self.bytes += appended;
        self.since_measured += 1;
        if self.since_measured >= MEASURE_EVERY.min(self.pending) || appended > MAX_COLUMN_SET_BYTES / 1024 {
            self.measure();
        }
    }

    fn measure(&mut self) {
        self.since_measured = 0;
        let current: usize = self.columns.iter().map(Column::bytes).sum();
        if current > MAX_COLUMN_SET_BYTES {
            let full = std::mem::take(&mut self.columns);
            self.full.push((full, std::mem::take(&mut self.pending)));
        }
        let full = self.full.iter().flat_map(|(columns, _)| columns);
        self.bytes = full.chain(&self.columns).map(Column::bytes).sum();
    }

    fn holds_rows(&self) -> bool {
        self.pending > 0 || !self.full.is_empty()
    }

    fn take(&mut self) -> Option<(Vec<Column>, usize)> {
        let taken = if !self.full.is_empty() {
            self.full.remove(0)
        } else if self.pending > 0 {
            (std::mem::take(&mut self.columns), std::mem::take(&mut self.pending))
        } else {
            return None;
        };
        self.measure();
        Some(taken)
    }

    fn finish(mut self, dir: String) -> Result<Part, ArrowError> {
        let mut rest = Vec::new();
        while let Some((columns, rows)) = self.take() {
            rest.push(record_batch(self.kind, columns, rows)?);
        }
        Ok(Part { dir, kind: self.kind, rows: self.rows, digest: self.digest.finish(), rest })
    }
}

fn record_batch(kind: RowKind, columns: Vec<Column>, rows: usize) -> Result<RecordBatch, ArrowError> {
    let schema = schema(kind);
    let arrays = columns.into_iter().zip(schema.fields()).map(|(column, field)| column.finish(field.data_type()));
    let batch = RecordBatch::try_new(schema.clone(), arrays.collect::<Result<_, _>>()?)?;
    if batch.num_rows() == rows {
        Ok(batch)
    } else {
        Err(ArrowError::InvalidArgumentError(format!("{rows} rows appended, {} in the columns", batch.num_rows())))
    }
}

/// Where a message stands.
#[derive(Debug, Clone, Copy)]
struct At {
    partition: u32,
    offset: u64,
}

impl At {
    fn cells(self) -> [Cell<'static>; 2] {
        // Kafka's own types are signed and of these widths.
        [
            Cell::Int32(i32::try_from(self.partition).unwrap_or(i32::MAX)),
            Cell::Int64(i64::try_from(self.offset).unwrap_or(i64::MAX)),
        ]
    }
}

fn text(text: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(text))
}

fn optional(value: Option<&str>) -> Cell<'_> {
    value.map_or(Cell::Null, text)
}

const fn position(name: &str) -> usize {
    let name = name.as_bytes();
    let mut at = 0;
    while at < FIELDS.len() {
        let field = FIELDS[at].name.as_bytes();
        let mut same = field.len() == name.len();
        let mut byte = 0;
        while same && byte < name.len() {
            same = field[byte] == name[byte];
            byte += 1;
        }
        if same {
            return at;
        }
        at += 1;
    }
    panic!("no such field") // at compile time
}

const EVENT_TIME: usize = position("event_time");
const RECIPIENT: usize = position("recipient_account_id");
const REGION: usize = position("aws_region");

fn place<'r>(row: &'r EventRow<'_>) -> Place<'r> {
    let text = |at: usize| match &row.cells[at] {
        Cell::Text(text) => Some(&**text),
        _ => None,
    };
    let event_time = match row.cells[EVENT_TIME] {
        Cell::Int64(micros) => Some(micros),
        _ => None,
    };
    Place { event_time, account: text(RECIPIENT), region: text(REGION), source_object: &row.source_object }
}

fn remembered(last: &mut Option<(String, FileId)>, object: &str) -> FileId {
    if let Some((name, file)) = last
        && name == object
    {
        return *file;
    }
    let file = file_id(object);
    *last = Some((object.to_owned(), file));
    file
}

#[cfg(test)]
mod tests;
