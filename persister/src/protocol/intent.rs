//! The intent of one batch: the record whose put is the commit point.
//!
//! It says which offsets the batch covers, which files with which rows belong to it, and how the ledger changes, so that
//! anyone who finds it can finish the batch from the log and get the same rows. JSON, because people audit it.

use super::ledger::{Day, Delta, FileState};
use common::message::FileId;
use common::offsets::Range;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Version of the record's form.
pub const INTENT_VERSION: u32 = 1;

/// One file of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Object key below the table root.
    pub key: String,
    /// Rows in it.
    pub rows: u64,
    /// Digest of its rows in offset order (`table::digest`), lower-case hex.
    pub rows_sha256: String,
}

/// The last message of a batch: what must stand at offset `end - 1` if the topic is still the one the chain was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Its offset.
    pub offset: u64,
    /// Its key, invalid UTF-8 replaced.
    pub key: String,
    /// Its timestamp, milliseconds since the epoch.
    pub timestamp: i64,
}

/// Messages that made no row, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Taken before.
    pub duplicate: u64,
    /// Left over from runs that broke off.
    pub ahead: u64,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// [`INTENT_VERSION`].
    pub v: u32,
    /// Kafka topic.
    pub topic: String,
    /// The topic's life.
    pub epoch: String,
    /// Kafka's partition.
    pub partition: u32,
    /// Number of the batch, dense from 0.
    pub seq: u64,
    /// First offset covered.
    pub start: u64,
    /// First offset not covered.
    pub end: u64,
    /// SHA-256 of the bytes of the record before this one, lower-case hex; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev_sha256: Option<String>,
    /// Hive layout by name.
    pub layout: String,
    /// Version of the layout's rules.
    pub layout_version: u32,
    /// Version of the table's schema.
    pub schema_version: u32,
    /// Files, in key order.
    pub files: Vec<FileEntry>,
    /// Ledger changes: delivery day → `"<file_id> <state>"`, sorted.
    pub ledger: BTreeMap<String, Vec<String>>,
    /// What made no row.
    pub dropped: Dropped,
    /// Largest message timestamp up to here, milliseconds since the epoch: the chain's own clock.
    pub clock: i64,
    /// The last message.
    pub last: Anchor,
    /// Who wrote it: a number drawn at process start, so that a writer can tell its own record.
    pub writer: String,
}

/// A chain record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chain record is damaged: {0}")]
pub struct Damaged(pub String);

impl Intent {
    /// The bytes that are put.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of strings and numbers always serializes.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is not JSON of this form or of a version we do not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Intent, Damaged> {
        let intent: Intent = serde_json::from_slice(bytes).map_err(|error| Damaged(error.to_string()))?;
        if intent.v != INTENT_VERSION {
            return Err(Damaged(format!("version {} is not known here", intent.v)));
        }
        if intent.end <= intent.start {
            return Err(Damaged(format!("it covers no offsets: [{}, {})", intent.start, intent.end)));
        }
        Ok(intent)
    }

    /// The offsets covered.
    pub fn range(&self) -> Range {
        Range { start: self.start, end: self.end }
    }

    /// The ledger changes.
    ///
    /// # Errors
    /// When an entry does not read.
    pub fn delta(&self) -> Result<Delta, Damaged> {
        let mut delta = Delta::new();
        for (day, entries) in &self.ledger {
            let day = Day::parse(day).ok_or_else(|| Damaged(format!("{day:?} is no day")))?;
            for entry in entries {
                let read =
                    entry.split_once(' ').and_then(|(file, state)| Some((FileId::parse(file.as_bytes())?, parse_state(state)?)));
                let (file, state) = read.ok_or_else(|| Damaged(format!("ledger entry {entry:?}")))?;
                delta.insert(file, (day, state));
            }
        }
        Ok(delta)
    }
}

/// The form in which a delta stands in the record: sorted, so that equal deltas are equal bytes.
pub fn write_delta(delta: &Delta) -> BTreeMap<String, Vec<String>> {
    let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, (day, state)) in delta {
        days.entry(day.to_string()).or_default().push(format!("{file} {}", write_state(*state)));
    }
    for entries in days.values_mut() {
        entries.sort_unstable();
    }
    days
}

fn write_state(state: FileState) -> String {
    match state {
        FileState::Next(next) => format!("next {next}"),
        FileState::Done { records, content, altered: None } => format!("done {records} {content:016x}"),
        FileState::Done { records, content, altered: Some(altered) } => {
            format!("done {records} {content:016x} altered {altered:016x}")
        }
        FileState::Quarantined(what) => format!("quarantined {what:016x}"),
    }
}

fn parse_state(text: &str) -> Option<FileState> {
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let words: Vec<&str> = text.split(' ').collect();
    Some(match words[..] {
        ["next", next] => FileState::Next(next.parse().ok()?),
        ["done", records, content] => FileState::Done { records: records.parse().ok()?, content: hex(content)?, altered: None },
        ["done", records, content, "altered", altered] => {
            FileState::Done { records: records.parse().ok()?, content: hex(content)?, altered: Some(hex(altered)?) }
        }
        ["quarantined", what] => FileState::Quarantined(hex(what)?),
        _ => return None,
    })
}

/// SHA-256 of a chain record, lower-case hex: what the next record carries.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::time::Date;

    fn sample() -> Intent {
        let delta = Delta::from([
            (FileId(3), (Day::Unknown, FileState::Next(7))),
            (FileId(1), (Day::Of(Date(20_000)), FileState::Done { records: 2, content: 9, altered: Some(10) })),
            (FileId(2), (Day::Of(Date(20_000)), FileState::Quarantined(u64::MAX))),
        ]);
        Intent {
            v: INTENT_VERSION,
            topic: "t".into(),
            epoch: "0".into(),
            partition: 1,
            seq: 4,
            start: 10,
            end: 20,
            prev_sha256: Some(sha256_hex(b"before")),
            layout: "date".into(),
            layout_version: 1,
            schema_version: 1,
            files: vec![FileEntry { key: "data/x.parquet".into(), rows: 3, rows_sha256: sha256_hex(b"rows") }],
            ledger: write_delta(&delta),
            dropped: Dropped { duplicate: 1, ahead: 2 },
            clock: 5,
            last: Anchor { offset: 19, key: "k".into(), timestamp: 5 },
            writer: "w".into(),
        }
    }

    #[test]
    fn an_intent_reads_back_with_its_ledger_changes() {
        let intent = sample();
        let back = Intent::from_bytes(&intent.to_bytes()).expect("reads");
        assert_eq!(back, intent);
        assert_eq!(write_delta(&back.delta().expect("reads")), intent.ledger);
        assert_eq!(intent.ledger["2024-10-04"].len(), 2);
    }

    #[test]
    fn a_damaged_intent_is_told_apart_from_a_good_one() {
        let good = sample();
        for bad in [
            b"".to_vec(),
            b"{}".to_vec(),
            Intent { v: 99, ..good.clone() }.to_bytes(),
            Intent { end: 10, ..good.clone() }.to_bytes(),
        ] {
            assert!(Intent::from_bytes(&bad).is_err(), "{}", String::from_utf8_lossy(&bad));
        }
        for entry in ["", "xyz next 1", "00000000000000000000000000000001 nxt 1", "00000000000000000000000000000001 next -1"] {
            let bad = Intent { ledger: BTreeMap::from([("unknown".to_owned(), vec![entry.to_owned()])]), ..good.clone() };
            assert!(bad.delta().is_err(), "{entry:?}");
        }
    }
}
