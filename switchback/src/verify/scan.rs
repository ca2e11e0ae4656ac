//! Finds the rows of a few suspect log files in the table's files: which record differs, and in which file it is.

use super::canonical_json::{Node, first_difference, hash};
use super::columns::{Identities, Ids, kind_of, open};
use super::guard::guarded;
use super::prefetch::{Prefetch, WorkLimits, cores};
use super::read_only::ReadOnlyStore;
use super::source_record::expected;
use super::table_record::{Events, rejected_row};
use bytes::Bytes;
use common::message::{FileId, Key, Slot};
use persister::decode::RowKind;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Longest text of one value in a report, in characters.
const SHOWN: usize = 120;

/// A log file to look for.
#[derive(Debug, Default)]
pub(crate) struct Suspect {
    /// Hashes of the source's records; empty when only indexes are of interest.
    pub(crate) hashes: Vec<u128>,
    /// The records themselves, as far as they fit the bound on memory.
    pub(crate) records: Vec<Box<[u8]>>,
}

/// A row of a suspect.
#[derive(Debug)]
struct Hit {
    file: FileId,
    index: Option<u32>,
    name: Option<String>,
    /// How it differs from the source's record.
    differs: Option<String>,
}

/// What was found of one suspect.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) name: Option<String>,
    /// The files of the table that contain each index, by number.
    pub(crate) indexes: BTreeMap<u32, Vec<u32>>,
    /// Describes the records that differ.
    pub(crate) differing: BTreeMap<u32, String>,
}

/// Suspects by identity.
pub(crate) type Suspects = HashMap<FileId, Suspect>;

/// Looks for the rows of suspects in the given files of the table (by number).
pub(crate) async fn scan(
    store: &ReadOnlyStore,
    files: &[String],
    numbers: impl Iterator<Item = u32>,
    suspects: Suspects,
) -> anyhow::Result<HashMap<FileId, Seen>> {
    let (suspects, limits) = (Arc::new(suspects), WorkLimits::new());
    let mut prefetch = Prefetch::new(2 * cores());
    let mut seen: HashMap<FileId, Seen> = HashMap::new();
    let mut take = |(number, hits): (u32, anyhow::Result<Vec<Hit>>)| -> anyhow::Result<()> {
        for hit in hits? {
            let seen = seen.entry(hit.file).or_default();
            seen.name = seen.name.take().or(hit.name);
            if let Some(index) = hit.index {
                seen.indexes.entry(index).or_default().push(number);
                seen.differing.extend(hit.differs.map(|text| (index, text)));
            }
        }
        Ok(())
    };
    for number in numbers {
        let Some(key) = files.get(number as usize).cloned() else { continue };
        while prefetch.is_full() {
            prefetch.next().await?.map(&mut take).transpose()?;
        }
        let (store, limits, suspects) = (store.clone(), limits.clone(), Arc::clone(&suspects));
        prefetch.push(async move {
            let look = {
                let key = key.clone();
                move |bytes: Option<Bytes>| {
                    // One that makes the reader panic was reported before, as one that does not read was.
                    bytes.and_then(|bytes| guarded(|| find(bytes, &key, &suspects)).ok()).unwrap_or_default()
                }
            };
            let hits = limits.work(64 << 20, store.get(&key), look).await;
            (number, hits.and_then(|hits| Ok(hits?)))
        });
    }
    while let Some(done) = prefetch.next().await? {
        take(done)?;
    }
    Ok(seen)
}

/// The rows of suspects in one file; one that does not read was reported before.
fn find(bytes: Bytes, key: &str, suspects: &Suspects) -> Vec<Hit> {
    let mut hits = Vec::new();
    let Some(kind) = kind_of(key) else { return hits };
    let Ok(batches) = open(bytes, kind) else { return hits };
    let (mut ids, mut buffer) = (Ids::new(), Vec::new());
    for batch in batches {
        let Ok(batch) = batch else { return hits };
        let Ok(identities) = Identities::of(kind, &batch) else { return hits };
        let events = if kind == RowKind::Data { Events::of(&batch).ok() } else { None };
        for row in 0..batch.num_rows() {
            let identity = identities.at(row, &mut ids);
            let Some((Key { file, slot }, suspect)) = identity.key.and_then(|key| Some((key, suspects.get(&key.file)?))) else {
                continue;
            };
            let index = if let Slot::Record(index) = slot { Some(index) } else { None };
            let name = identity.object.map(str::to_owned);
            let node = match (&events, kind) {
                (Some(events), _) => events.at(row),
                (None, RowKind::Rejected) => rejected_row(&batch, row),
                (None, _) => Ok(Node::Object(Vec::new())),
            };
            let differs = index.and_then(|index| differs(suspect, file, index, node, &mut buffer));
            hits.push(Hit { file, index, name, differs });
        }
    }
    hits
}

fn differs(suspect: &Suspect, file: FileId, index: u32, node: Result<Node<'_>, String>, buffer: &mut Vec<u8>) -> Option<String> {
    let expected_hash = suspect.hashes.get(index as usize)?;
    let node = match node {
        Ok(node) if hash(file, index, &node, buffer) == *expected_hash => return None,
        Ok(node) => node,
        Err(why) => return Some(why),
    };
    let Some(record) = suspect.records.get(index as usize) else { return Some("differs".to_owned()) };
    let theirs = expected(record);
    let kinds = (matches!(theirs, Node::Object(_)), matches!(node, Node::Object(_)));
    Some(match (kinds, first_difference(&theirs, &node)) {
        ((true, false), _) => "is an event in the log file and rejected in the table".to_owned(),
        ((false, true), _) => "cannot be an event, and is one in the table".to_owned(),
        (_, Some((path, ours, table))) => {
            format!("{} is {} in the log file and {} in the table", path.trim_start_matches('.'), shown(ours), shown(table))
        }
        (_, None) => "differs".to_owned(),
    })
}

fn shown(node: Option<&Node<'_>>) -> String {
    let Some(node) = node else { return "absent".to_owned() };
    let text = node.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
