//! The rows of one batch, directory by directory, from the message that opens it to the seal.
//!
//! Nothing here can fail: every message becomes a row of some kind, or the promise would have a hole. Rows come in the order of
//! their offsets, so the same messages always give the same directories, rows and digests.

use super::digest::RowsDigest;
use super::layout::{Layout, Place, rejected_dir};
use super::pending::{Common, Pending};
use super::schema::{FOREIGN_MESSAGE, place_of};
use crate::decode::byte_range::{ByteRange, MAX_ROW_BYTES, Values, position, top};
use crate::decode::cells::event_values;
use crate::decode::full::{Cell, Decoded, EventRow, Rejection, Undecodable, decode_checked};
use crate::decode::quick::{self, Quick};
use crate::decode::row_kind::{LogFileStatus, RowKind};
use arrow_schema::ArrowError;
use common::cloudtrail::file_id;
use common::limits::{MAX_DETAIL_BYTES, MAX_REJECTED_RAW_BYTES};
use common::message::{EndOfFile, EndStatus, FileId, Key, Slot};
use std::collections::BTreeMap;

/// Directories that lie in memory are cut here whoever asks for a chunk or not: a text column holds at most 2 GiB (32-bit offsets),
/// and one more value, of at most 64 MiB, must always fit.
const MAX_COLUMN_SET_BYTES: usize = 1 << 30;

/// Rows of one directory, cut off to be written as one row group.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The directory, `data/event_date=2023-07-10`.
    pub dir: String,
    /// The kind of its rows.
    pub kind: RowKind,
    /// The rows, in the order of their offsets.
    pub rows: Pending,
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
    /// The rows not taken yet, each set to be written as one row group: nearly always one or none.
    pub rest: Vec<Pending>,
}

/// The rows of one batch.
#[derive(Debug)]
pub struct Rows {
    layout: Layout,
    /// Places in `directories`, by name.
    by_name: BTreeMap<String, usize>,
    directories: Vec<Directory>,
    rows: u64,
    bytes: usize,
    /// No directory is larger than this.
    largest: usize,
    /// The last log file seen and its id: the messages of one come together.
    last_file: Option<(String, FileId)>,
    /// Where the last event went: the next one mostly goes there too.
    last_place: Option<LastPlace>,
    /// Room for the name of a directory, and for the values of a row.
    dir: String,
    values: Values,
}

#[derive(Debug)]
struct LastPlace {
    /// Since the epoch, in UTC: no layout divides further.
    hour: Option<i64>,
    account: Option<String>,
    region: Option<String>,
    source_object: String,
    directory: usize,
}

#[derive(Debug)]
struct Directory {
    kind: RowKind,
    pending: Pending,
    full: Vec<Pending>,
    rows: u64,
    digest: RowsDigest,
}

impl Rows {
    /// No rows yet.
    pub fn new(layout: Layout) -> Rows {
        Rows {
            layout,
            by_name: BTreeMap::new(),
            directories: Vec::new(),
            rows: 0,
            bytes: 0,
            largest: 0,
            last_file: None,
            last_place: None,
            dir: String::new(),
            values: Values::default(),
        }
    }

    /// Appends a message that the ledger accepted or that is not ours (`key` is `None`), in the order of offsets.
    pub fn append(&mut self, partition: u32, offset: u64, key: Option<Key>, key_bytes: &[u8], value: &[u8]) {
        let at = At { partition, offset };
        let Some(key) = key else {
            return self.append_broken(at, None, key_bytes, value, FOREIGN_MESSAGE, "the key is not a record's identity");
        };
        let mut values = std::mem::take(&mut self.values);
        match quick::decode(value, &mut values.ranges) {
            Some(event) => self.append_quick(at, key, key_bytes, value, &event, &values.ranges),
            None => self.append_slowly(at, key, key_bytes, value, &mut values),
        }
        self.values = values;
    }

    fn append_quick(&mut self, at: At, key: Key, key_bytes: &[u8], value: &[u8], event: &Quick<'_>, ranges: &[ByteRange]) {
        let slot = Slot::Record(event.source_index.unsigned_abs());
        if slot != key.slot || remembered(&mut self.last_file, event.source_object) != key.file {
            return self.append_undecodable(at, key, key_bytes, value, &Undecodable::Identity);
        }
        let Quick { source_object, event_time, account, region, .. } = *event;
        let directory = self.event_directory(&Place { event_time, account, region, source_object });
        let common = at.common(event_time, Some(source_object), Some(event.source_index));
        self.push(directory, Some(key), &common, event.rest, ranges);
    }

    fn append_slowly(&mut self, at: At, key: Key, key_bytes: &[u8], value: &[u8], values: &mut Values) {
        values.clear();
        let last_file = &mut self.last_file;
        match decode_checked(key, value, |object| remembered(last_file, object) == key.file) {
            Ok(Decoded::Event(row)) => self.append_event(at, key, &row, values),
            Ok(Decoded::Rejection(row)) => self.append_rejection(at, key, &row, values),
            Ok(Decoded::End(end)) => {
                let status = match end.status {
                    EndStatus::Complete => LogFileStatus::Complete,
                    EndStatus::Quarantined => LogFileStatus::Quarantined,
                };
                self.append_end(at.partition, at.offset, &end, status);
            }
            Err(error) => self.append_undecodable(at, key, key_bytes, value, &error),
        }
    }

    /// Appends the row of a log file whose end message was seen; `status` is what the ledger makes of it.
    /// The end message must name the log file of its key, as [`crate::decode::full::decode_message`] checks.
    pub fn append_end(&mut self, partition: u32, offset: u64, end: &EndOfFile, status: LogFileStatus) {
        let file = remembered(&mut self.last_file, &end.source_object);
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let mut values = Values::default();
        values.text(top(place_of(RowKind::LogFile, "status")), &status.to_string());
        values.number(top(place_of(RowKind::LogFile, "records")), i64::from(end.records));
        values.optional(top(place_of(RowKind::LogFile, "etag")), Some(end.etag.as_str()).filter(|etag| !etag.is_empty()));
        if let Some(bytes) = end.inflated_bytes {
            values.number(top(place_of(RowKind::LogFile, "inflated_bytes")), number(bytes));
        }
        values.optional(top(place_of(RowKind::LogFile, "sha256")), end.sha256.as_deref());
        values.optional(top(place_of(RowKind::LogFile, "reason")), end.reason.as_deref());
        values.optional(top(place_of(RowKind::LogFile, "detail")), end.detail.as_deref());
        self.dir.clear();
        self.dir.push_str(RowKind::LogFile.root());
        let directory = self.directory(RowKind::LogFile);
        let common = At { partition, offset }.common(None, Some(&end.source_object), None);
        self.push(directory, Some(Key { file, slot: Slot::End }), &common, &values.text, &values.ranges);
    }

    fn append_event(&mut self, at: At, key: Key, row: &EventRow<'_>, values: &mut Values) {
        let event_time = event_values(row, values);
        let directory = self.event_directory(&place(row));
        // The decoder takes no index beyond the column's.
        let index = i32::try_from(row.source_index).unwrap_or(i32::MAX);
        let common = at.common(event_time, Some(&row.source_object), Some(index));
        self.push(directory, Some(key), &common, &values.text, &values.ranges);
    }

    fn append_rejection(&mut self, at: At, key: Key, row: &Rejection<'_>, values: &mut Values) {
        values.text(rejected("reason"), &row.reason);
        values.optional(rejected("detail"), row.detail.as_deref());
        values.optional(rejected("raw"), row.raw.as_deref());
        if let Some(bytes) = row.raw_bytes {
            values.number(rejected("raw_bytes"), bytes);
        }
        self.dir.clear();
        rejected_dir(Some(&row.source_object), &mut self.dir);
        let directory = self.directory(RowKind::Rejected);
        let index = i32::try_from(row.source_index).unwrap_or(i32::MAX);
        let common = at.common(None, Some(&row.source_object), Some(index));
        self.push(directory, Some(key), &common, &values.text, &values.ranges);
    }

    fn append_undecodable(&mut self, at: At, key: Key, key_bytes: &[u8], value: &[u8], error: &Undecodable) {
        self.append_broken(at, Some(key), key_bytes, value, "undecodable_message", &error.to_string());
    }

    /// A message whose value says nothing that can be relied on: its key and bytes are all there is.
    fn append_broken(&mut self, at: At, key: Option<Key>, key_bytes: &[u8], value: &[u8], reason: &str, detail: &str) {
        let index = match key {
            Some(Key { slot: Slot::Record(index), .. }) => i32::try_from(index).ok(),
            _ => None,
        };
        let mut values = Values::default();
        values.text(rejected("reason"), reason);
        values.text(rejected("detail"), detail);
        values.text(rejected("raw"), &String::from_utf8_lossy(&value[..value.len().min(MAX_REJECTED_RAW_BYTES)]));
        values.number(rejected("raw_bytes"), i64::try_from(value.len()).unwrap_or(i64::MAX));
        // A key of ours fits; a foreign one is cut, and is no key of ours afterwards either.
        values.text(rejected("message_key"), &String::from_utf8_lossy(&key_bytes[..key_bytes.len().min(MAX_DETAIL_BYTES)]));
        self.dir.clear();
        rejected_dir(None, &mut self.dir);
        let directory = self.directory(RowKind::Rejected);
        self.push(directory, key, &at.common(None, None, index), &values.text, &values.ranges);
    }

    /// The directory of an event.
    fn event_directory(&mut self, place: &Place<'_>) -> usize {
        const MICROS_PER_HOUR: i64 = 3_600_000_000;
        let hour = place.event_time.map(|micros| micros.div_euclid(MICROS_PER_HOUR));
        if let Some(last) = &self.last_place
            && last.hour == hour
            && (self.layout.goes_by_time_alone() || last.names_the_same(place))
        {
            return last.directory;
        }
        self.dir.clear();
        self.layout.data_dir(place, &mut self.dir);
        let directory = self.directory(RowKind::Data);
        self.last_place = Some(LastPlace {
            hour,
            account: place.account.map(str::to_owned),
            region: place.region.map(str::to_owned),
            source_object: place.source_object.to_owned(),
            directory,
        });
        directory
    }

    /// The directory that was just named.
    fn directory(&mut self, kind: RowKind) -> usize {
        if let Some(&at) = self.by_name.get(&self.dir) {
            return at;
        }
        self.directories.push(Directory::new(kind));
        self.by_name.insert(self.dir.clone(), self.directories.len() - 1);
        self.directories.len() - 1
    }

    fn push(&mut self, directory: usize, key: Option<Key>, common: &Common<'_>, values: &str, ranges: &[ByteRange]) {
        debug_assert!(values.len() <= MAX_ROW_BYTES, "a message and what is left over of it are shorter");
        let directory = &mut self.directories[directory];
        let before = directory.bytes();
        directory.digest.push(common.offset, key);
        directory.rows += 1;
        directory.pending.push(common, values, ranges);
        if directory.pending.bytes() > MAX_COLUMN_SET_BYTES {
            directory.full.push(std::mem::replace(&mut directory.pending, Pending::new(directory.kind)));
        }
        let bytes = directory.bytes();
        self.bytes = self.bytes - before + bytes;
        self.largest = self.largest.max(bytes);
        self.rows += 1;
    }

    /// Bytes that the rows hold in memory: what their columns have reserved, roughly.
    pub fn pending_bytes(&self) -> usize {
        self.bytes
    }

    /// Those of the directory that has most.
    pub fn largest_directory_bytes(&self) -> usize {
        self.largest
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
        let mut largest: Option<(&String, usize, usize)> = None;
        for (dir, &at) in &self.by_name {
            let bytes = self.directories[at].bytes();
            if self.directories[at].holds_rows() && bytes >= at_least_bytes && largest.is_none_or(|(_, _, most)| bytes >= most) {
                largest = Some((dir, at, bytes));
            }
        }
        let Some((dir, at, before)) = largest else { return Ok(None) };
        let dir = dir.clone();
        let directory = &mut self.directories[at];
        let (kind, taken) = (directory.kind, directory.take());
        self.bytes = self.bytes - before + directory.bytes();
        self.largest = self.directories.iter().map(Directory::bytes).max().unwrap_or(0);
        Ok(taken.map(|rows| Chunk { dir, kind, rows }))
    }

    /// Everything that is left, and what the batch has for each directory, in the order of their names.
    ///
    /// # Errors
    /// When columns and schema disagree, which is a bug: the batch must not be written.
    pub fn finish(self) -> Result<Vec<Part>, ArrowError> {
        let mut directories: Vec<_> = self.directories.into_iter().map(Some).collect();
        let parts = self.by_name.into_iter().filter_map(|(dir, at)| Some(directories[at].take()?.finish(dir)));
        Ok(parts.collect())
    }
}

impl LastPlace {
    fn names_the_same(&self, place: &Place<'_>) -> bool {
        self.account.as_deref() == place.account
            && self.region.as_deref() == place.region
            && self.source_object == place.source_object
    }
}

impl Directory {
    fn new(kind: RowKind) -> Directory {
        Directory { kind, pending: Pending::new(kind), full: Vec::new(), rows: 0, digest: RowsDigest::default() }
    }

    fn bytes(&self) -> usize {
        self.pending.bytes() + self.full.iter().map(Pending::bytes).sum::<usize>()
    }

    fn holds_rows(&self) -> bool {
        !self.pending.is_empty() || !self.full.is_empty()
    }

    fn take(&mut self) -> Option<Pending> {
        if !self.full.is_empty() {
            return Some(self.full.remove(0));
        }
        let taken = std::mem::replace(&mut self.pending, Pending::new(self.kind));
        Some(taken).filter(|rows| !rows.is_empty())
    }

    fn finish(mut self, dir: String) -> Part {
        let rest = std::iter::from_fn(|| self.take()).collect();
        Part { dir, kind: self.kind, rows: self.rows, digest: self.digest.finish(), rest }
    }
}

/// Where a message stands.
#[derive(Debug, Clone, Copy)]
struct At {
    partition: u32,
    offset: u64,
}

impl At {
    fn common(self, event_time: Option<i64>, source_object: Option<&str>, source_index: Option<i32>) -> Common<'_> {
        Common { partition: self.partition, offset: self.offset, event_time, source_object, source_index }
    }
}

/// The leaf of a column of `rejected/`.
fn rejected(name: &str) -> u8 {
    top(place_of(RowKind::Rejected, name))
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
