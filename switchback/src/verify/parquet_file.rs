//! Compares one Parquet file of the table with the batch that names it. Pure: bytes in, what the rows say and what is wrong with them out.

use super::canonical_json::hash;
use super::columns::{Identities, Identity, Ids, int64, kind_of, open, text, value};
use super::findings::{Check, Findings};
use super::guard::guarded;
use super::place;
use super::table_record::{Events, rejected_row};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use common::message::{FileId, Key, Slot};
use persister::decode::RowKind;
use persister::protocol::{FileEntry, Intent};
use persister::sink::parquet::{Footer, RowsDigest};
use std::collections::HashMap;

/// What the rows of one Parquet file say.
#[derive(Debug, Default)]
pub(crate) struct FileFacts {
    pub(crate) findings: Findings,
    pub(crate) kind: Option<RowKind>,
    pub(crate) rows: u64,
    /// Offsets of the rows, in order.
    pub(crate) offsets: Vec<u64>,
    /// The event records that the rows are, by log file.
    pub(crate) records: HashMap<FileId, Records>,
    /// The rows of `log_files/`.
    pub(crate) ends: Vec<EndRow>,
}

/// Event records of one log file, added up: their number, greatest index and sums of hashes identify the whole set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) count: u32,
    /// One more than the greatest index.
    pub(crate) bound: u32,
    /// Sum of [`mixed`] indexes: together with `count` and `bound` it distinguishes `0..n` from any other set.
    pub(crate) indexes: u64,
    /// Sum of the records' own hashes; 0 when values are not compared.
    pub(crate) values: u128,
}

impl Records {
    pub(crate) fn add(&mut self, other: Records) {
        self.count = self.count.saturating_add(other.count);
        self.bound = self.bound.max(other.bound);
        self.indexes = self.indexes.wrapping_add(other.indexes);
        self.values = self.values.wrapping_add(other.values);
    }

    pub(crate) fn push(&mut self, index: u32, value: u128) {
        self.add(Records { count: 1, bound: index.saturating_add(1), indexes: mixed(index), values: value });
    }

    /// True when the indexes are `0..count`, each once.
    pub(crate) fn is_dense(&self) -> bool {
        self.count == self.bound && self.indexes == (0..self.count).fold(0u64, |sum, index| sum.wrapping_add(mixed(index)))
    }
}

/// SplitMix64's finalizer: sums of its outputs collide by chance only.
fn mixed(index: u32) -> u64 {
    let mut z = u64::from(index).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A row of `log_files/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndRow {
    pub(crate) file: FileId,
    pub(crate) status: Status,
    pub(crate) records: u32,
    /// [`content_of`] the log file, 0 where there is none.
    pub(crate) content: u64,
    /// Name and reason, of log files that are not simply complete.
    pub(crate) details: Option<(String, String)>,
}

/// What a row of `log_files/` says of its log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Complete,
    Quarantined,
    Altered,
}

/// 64 bits that all of a content's SHA-256 and its size go into; 0 for what is no SHA-256.
pub(crate) fn content_of(sha256: &[u8], bytes: u64) -> u64 {
    let (words, rest) = sha256.as_chunks::<8>();
    if words.len() != 4 || !rest.is_empty() {
        return 0;
    }
    words.iter().fold(bytes, |sum, word| sum.rotate_left(1) ^ u64::from_be_bytes(*word))
}

/// Examines a file of a batch; `with_values` also hashes every record.
pub(crate) fn examine(bytes: Bytes, intent: &Intent, entry: &FileEntry, with_values: bool) -> FileFacts {
    guarded(|| look_at(bytes, intent, entry, with_values)).unwrap_or_else(|why| {
        let mut facts = FileFacts { kind: kind_of(&entry.key), ..FileFacts::default() };
        facts.findings.add(Check::Rows, format!("{}: damaged: {why}", entry.key));
        facts
    })
}

fn look_at(bytes: Bytes, intent: &Intent, entry: &FileEntry, with_values: bool) -> FileFacts {
    let mut facts = FileFacts { kind: kind_of(&entry.key), ..FileFacts::default() };
    let Some(kind) = facts.kind else {
        facts.findings.add(Check::Files, format!("{}: no place for files of a table", entry.key));
        return facts;
    };
    if bytes.is_empty() {
        facts.findings.add(Check::Rows, format!("{}: is empty (0 bytes)", entry.key));
        return facts;
    }
    let (size, footer) = (bytes.len(), Footer::read(&bytes));
    let mut walk = Walk {
        intent,
        entry,
        kind,
        with_values,
        ids: Ids::new(),
        rows: Vec::new(),
        buffer: Vec::new(),
        outside: 0,
        first_outside: String::new(),
        misplaced: 0,
        first_misplaced: String::new(),
    };
    if let Err(why) = walk.all(bytes, &mut facts) {
        facts.findings.add(Check::Rows, format!("{}: cut or overwritten: its {size} bytes do not read: {why}", entry.key));
        return facts;
    }
    match footer {
        Ok(footer) => walk.finish(&footer, &mut facts),
        Err(error) => facts.findings.add(Check::Rows, format!("{}: no footer as ours: {error}", entry.key)),
    }
    facts
}

/// What a file's footer says differently from its batch: the fields that say which file it is, then the others.
fn differences(footer: &Footer, intent: &Intent, entry: &FileEntry) -> (Vec<String>, Vec<String>) {
    let differs = |(what, found, expected): (&str, String, String)| {
        (found != expected).then(|| format!("{what} {found} instead of {expected}"))
    };
    let which = [
        ("topic", footer.topic.clone(), intent.topic.clone()),
        ("epoch", footer.epoch.clone(), intent.epoch.clone()),
        ("partition", footer.partition.to_string(), intent.partition.to_string()),
        ("batch", footer.seq.to_string(), intent.seq.to_string()),
        ("first offset", footer.start.to_string(), intent.start.to_string()),
        ("end offset", footer.end.to_string(), intent.end.to_string()),
    ];
    let what = [
        ("rows", footer.rows.to_string(), entry.rows.to_string()),
        ("digest", hex::encode(footer.rows_sha256), entry.rows_sha256.clone()),
        ("layout", footer.layout.to_string(), intent.layout.clone()),
        ("layout version", footer.layout_version.to_string(), intent.layout_version.to_string()),
        ("schema version", footer.schema_version.to_string(), intent.schema_version.to_string()),
    ];
    (which.into_iter().filter_map(differs).collect(), what.into_iter().filter_map(differs).collect())
}

/// The pass over the rows of one file.
struct Walk<'a> {
    intent: &'a Intent,
    entry: &'a FileEntry,
    kind: RowKind,
    with_values: bool,
    ids: Ids,
    /// The input of the rows' digest.
    rows: Vec<(u64, Option<Key>)>,
    buffer: Vec<u8>,
    /// Rows of another partition or offset than the batch covers.
    outside: u64,
    /// Describes the first of them.
    first_outside: String,
    /// Rows in a directory that is not theirs.
    misplaced: u64,
    first_misplaced: String,
}

impl Walk<'_> {
    fn all(&mut self, bytes: Bytes, facts: &mut FileFacts) -> Result<(), String> {
        for batch in open(bytes, self.kind)? {
            let batch = batch.map_err(|error| error.to_string())?;
            let identities = Identities::of(self.kind, &batch)?;
            let events = match self.kind {
                RowKind::Data if self.with_values => Some(Events::of(&batch)?),
                _ => None,
            };
            let places = if self.kind == RowKind::Data { Some(Places::of(&batch)?) } else { None };
            for row in 0..batch.num_rows() {
                let identity = identities.at(row, &mut self.ids);
                self.place(&identity, places.as_ref(), row);
                match identity.key {
                    Some(Key { file, slot: Slot::Record(index) }) => {
                        let value = self.value(events.as_ref(), &batch, row, file, index);
                        facts.records.entry(file).or_default().push(index, value);
                    }
                    Some(Key { file, slot: Slot::End }) if self.kind == RowKind::LogFile => {
                        facts.ends.push(end_row(&batch, row, file, identity.object)?);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Checks that the row is within the batch's offsets and in its own directory.
    fn place(&mut self, identity: &Identity<'_>, places: Option<&Places<'_>>, row: usize) {
        let key = &self.entry.key;
        let offset = u64::try_from(identity.offset).ok().filter(|offset| self.intent.range().contains(*offset));
        if offset.is_none() || u32::try_from(identity.partition) != Ok(self.intent.partition) {
            self.outside += 1;
            if self.outside == 1 {
                let (partition, offset, name) = (identity.partition, identity.offset, identity.object.unwrap_or("no log file"));
                let text =
                    format!("{key}: a row of {name} says partition {partition}, offset {offset}, which its batch does not cover");
                self.first_outside = text;
            }
        }
        self.rows.push((u64::try_from(identity.offset).unwrap_or(u64::MAX), identity.key));
        let dir = key.rsplit_once('/').map_or("", |(dir, _)| dir);
        let own = match (self.kind, places) {
            (RowKind::Data, Some(places)) => places.dir(row, identity.object, &self.intent.layout),
            (RowKind::Rejected, _) => place::of_rejected(identity.object),
            _ => self.kind.root().to_owned(),
        };
        if own != dir {
            self.misplaced += 1;
            if self.misplaced == 1 {
                self.first_misplaced = format!("{key}: the row at offset {} belongs to {own}/", identity.offset);
            }
        }
    }

    fn value(&mut self, events: Option<&Events<'_>>, batch: &RecordBatch, row: usize, file: FileId, index: u32) -> u128 {
        let node = match (self.with_values, events) {
            (false, _) => return 0,
            (true, Some(events)) => events.at(row),
            (true, None) => rejected_row(batch, row),
        };
        // What cannot have been a record gets a hash that no source record has; the scan for differences finds out why.
        node.map_or(1, |node| hash(file, index, &node, &mut self.buffer))
    }

    fn finish(mut self, footer: &Footer, facts: &mut FileFacts) {
        let key = &self.entry.key;
        self.rows.sort_unstable_by_key(|&(offset, _)| offset);
        let mut digest = RowsDigest::default();
        for &(offset, key) in &self.rows {
            digest.push(offset, key);
        }
        let digest = hex::encode(digest.finish());
        facts.rows = self.rows.len() as u64;
        facts.offsets = self.rows.iter().map(|&(offset, _)| offset).collect();
        let (which, mut what) = differences(footer, self.intent, self.entry);
        if !which.is_empty() && digest == hex::encode(footer.rows_sha256) {
            // An intact file, but another one: it follows that none of its rows belongs here.
            let text = format!("{key}: holds the rows of another file: its footer says {}", which.join(", "));
            return facts.findings.add(Check::Rows, text);
        }
        what.splice(0..0, which);
        if !what.is_empty() {
            facts.findings.add(Check::Rows, format!("{key}: its footer says {}", what.join(", ")));
        }
        if facts.rows != self.entry.rows {
            facts.findings.add(Check::Rows, format!("{key}: holds {} rows, its batch says {}", facts.rows, self.entry.rows));
        } else if digest != self.entry.rows_sha256 {
            facts.findings.add(Check::Rows, format!("{key}: its rows are not those of its batch: their digest differs"));
        }
        let more = |n: u64| if n > 1 { format!(" (and {} more such rows)", n - 1) } else { String::new() };
        facts.findings.add_many(Check::Once, self.outside, format!("{}{}", self.first_outside, more(self.outside)));
        facts.findings.add_many(Check::Rows, self.misplaced, format!("{}{}", self.first_misplaced, more(self.misplaced)));
    }
}

/// The columns that decide the directory of an event.
struct Places<'a> {
    times: &'a arrow_array::TimestampMicrosecondArray,
    accounts: &'a arrow_array::StringArray,
    regions: &'a arrow_array::StringArray,
}

impl<'a> Places<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Places<'a>, String> {
        let times = batch.column_by_name("event_time").and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        Ok(Places {
            times: times.ok_or("it has no time column \"event_time\"")?,
            accounts: text(batch, "recipient_account_id")?,
            regions: text(batch, "aws_region")?,
        })
    }

    fn dir(&self, row: usize, object: Option<&str>, layout: &str) -> String {
        let event = place::Event {
            time: self.times.is_valid(row).then(|| self.times.value(row)),
            account: value(self.accounts, row),
            region: value(self.regions, row),
            object: object.unwrap_or(""),
        };
        place::of_event(layout, &event).unwrap_or_else(|| format!("data/… of an unknown layout {layout:?}"))
    }
}

fn end_row(batch: &RecordBatch, row: usize, file: FileId, object: Option<&str>) -> Result<EndRow, String> {
    let get = |name: &str| text(batch, name).map(|column| value(column, row).unwrap_or("").to_owned());
    let records = int64(batch, "records")?;
    let records = if records.is_valid(row) { u32::try_from(records.value(row)).ok() } else { None };
    let status = match get("status")?.as_str() {
        "complete" => Status::Complete,
        "quarantined" => Status::Quarantined,
        "altered" => Status::Altered,
        other => return Err(format!("unknown status {other:?} of a log file")),
    };
    let details = match status {
        Status::Complete => None,
        Status::Quarantined => Some((object.unwrap_or("").to_owned(), get("reason")?)),
        Status::Altered => Some((object.unwrap_or("").to_owned(), format!("now {}", get("sha256")?))),
    };
    let records = records.ok_or("a row of a log file without a number of records")?;
    let sizes = int64(batch, "inflated_bytes")?;
    let size = if sizes.is_valid(row) { u64::try_from(sizes.value(row)).unwrap_or(u64::MAX) } else { 0 };
    let content = content_of(&hex::decode(get("sha256")?).unwrap_or_default(), size);
    Ok(EndRow { file, status, records, content, details })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_tell_a_dense_set_of_indexes_from_any_other() {
        let of = |indexes: &[u32]| {
            let mut records = Records::default();
            indexes.iter().for_each(|index| records.push(*index, 0));
            records.is_dense()
        };
        for dense in [&[][..], &[0], &[2, 0, 1], &[4, 3, 2, 1, 0]] {
            assert!(of(dense), "{dense:?}");
        }
        for other in [&[1][..], &[0, 0], &[0, 2], &[0, 1, 1, 3], &[0, 0, 3, 3, 4], &[u32::MAX]] {
            assert!(!of(other), "{other:?}");
        }
    }
}
