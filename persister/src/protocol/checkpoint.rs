//! Checkpoints of the ledger: derived from the chain, so they may be lost, late or overwritten by an older one without harm.
//!
//! An index object names one object per delivery day. Days that did not change are not written again.

use super::intent::{Damaged, sha256_hex};
use super::ledger::{Day, FileState, Stored};
use common::message::FileId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The index object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Version of the form.
    pub v: u32,
    /// The ledger is the one after this batch.
    pub seq: u64,
    /// SHA-256 of that batch's chain record: a checkpoint of another chain is not taken.
    pub record_sha256: String,
    /// Day → object key, SHA-256 of the object, entries.
    pub days: BTreeMap<String, (String, String, u64)>,
}

impl Index {
    /// Makes the index of the ledger after batch `seq`.
    pub fn new(seq: u64, record_sha256: String, days: impl IntoIterator<Item = (Day, Stored)>) -> Index {
        let days = days.into_iter().map(|(day, stored)| (day.to_string(), (stored.key, stored.sha256, stored.entries)));
        Index { v: 1, seq, record_sha256, days: days.collect() }
    }

    /// The bytes that are put.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an index; `None` when it does not read: it is then as good as lost.
    pub fn from_bytes(bytes: &[u8]) -> Option<Index> {
        serde_json::from_slice::<Index>(bytes).ok().filter(|index| index.v == 1)
    }

    /// Where each day lies; `None` when a day does not read.
    pub fn stored(&self) -> Option<Vec<(Day, Stored)>> {
        let days = self.days.iter();
        days.map(|(day, (key, sha256, entries))| {
            Some((Day::parse(day)?, Stored { key: key.clone(), sha256: sha256.clone(), entries: *entries }))
        })
        .collect()
    }
}

const ENTRY_BYTES: usize = 16 + 1 + 4 + 8 + 8;

/// One day as an object: fixed-size entries, big-endian, in file-id order (a function of the chain).
pub fn write_bucket(entries: &[(FileId, FileState)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for (file, state) in entries {
        let (tag, number, a, b) = match *state {
            FileState::Next(next) => (0u8, next, 0, 0),
            FileState::Done { records, content, altered: None } => (1, records, content, 0),
            FileState::Done { records, content, altered: Some(altered) } => (2, records, content, altered),
            FileState::Quarantined(what) => (3, 0, what, 0),
        };
        bytes.extend_from_slice(&file.0.to_be_bytes());
        bytes.push(tag);
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&a.to_be_bytes());
        bytes.extend_from_slice(&b.to_be_bytes());
    }
    bytes
}

/// Reads a day back.
///
/// # Errors
/// When the bytes are not those that were stored.
pub fn read_bucket(bytes: &[u8], stored: &Stored) -> Result<Vec<(FileId, FileState)>, Damaged> {
    if sha256_hex(bytes) != stored.sha256 || !bytes.len().is_multiple_of(ENTRY_BYTES) {
        return Err(Damaged(format!("ledger day {}", stored.key)));
    }
    bytes
        .chunks_exact(ENTRY_BYTES)
        .map(|entry| {
            let number = |at: usize, len: usize| entry[at..at + len].iter().fold(0u128, |n, b| n << 8 | u128::from(*b));
            let (records, content, altered) = (number(17, 4) as u32, number(21, 8) as u64, number(29, 8) as u64);
            let state = match entry[16] {
                0 => FileState::Next(records),
                1 => FileState::Done { records, content, altered: None },
                2 => FileState::Done { records, content, altered: Some(altered) },
                3 => FileState::Quarantined(content),
                tag => return Err(Damaged(format!("ledger day {}: state {tag}", stored.key))),
            };
            Ok((FileId(number(0, 16)), state))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_reads_back_and_a_damaged_one_is_refused() {
        let entries = vec![
            (FileId(1), FileState::Next(5)),
            (FileId(2), FileState::Done { records: 6, content: 7, altered: None }),
            (FileId(3), FileState::Done { records: 8, content: 9, altered: Some(10) }),
            (FileId(u128::MAX), FileState::Quarantined(11)),
        ];
        let mut bytes = write_bucket(&entries);
        let stored = Stored { key: "k".into(), sha256: sha256_hex(&bytes), entries: 4 };
        assert_eq!(read_bucket(&bytes, &stored), Ok(entries));
        bytes[20] ^= 1;
        assert!(read_bucket(&bytes, &stored).is_err());
    }

    #[test]
    fn an_index_reads_back() {
        let index = Index::new(64, "ab".into(), [(Day::Unknown, Stored { key: "k".into(), sha256: "s".into(), entries: 3 })]);
        assert_eq!(Index::from_bytes(&index.to_bytes()), Some(index.clone()));
        assert_eq!(index.stored().expect("reads").len(), 1);
        assert_eq!(Index::from_bytes(b"garbage"), None);
    }
}
