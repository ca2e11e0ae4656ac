//! What a cut of the log becomes, and what is left of a batch that is given up.

use std::collections::BTreeMap;

use super::design::{Design, Flaw};
use super::ledger::{Delta, Entry, entry};
use super::log::{LOG_FILES, Partition, Slot};
use super::store::{Kind, Record, Rows, Store};

/// Cuts `[start, end)` of the partition into the batch `seq` of chain `(epoch, p)`, if all of it can be read.
pub fn cut(design: Design, store: &Store, log: &Partition, (epoch, p, seq): (u8, u8, u8), start: u8, end: u8) -> Option<Record> {
    let partitions = store.streams[usize::from(epoch)].partitions();
    let mut entries = BTreeMap::<u8, (Entry, Entry)>::new();
    let mut files = BTreeMap::<Kind, Rows>::new();
    let mut foreign = false;
    let mut last = None;
    for offset in start..end {
        let message = log.read(offset)?;
        last = Some(message);
        let file = message.file;
        // C8: of its file's partition, or not ours.
        if file % partitions != p && !design.has(Flaw::PartitionNotChecked) {
            foreign = true;
            continue;
        }
        let before = || entry(design, store, epoch, p, seq, file);
        let (_, after) = entries.entry(file).or_insert_with(|| (before(), before()));
        if !after.accept(design, file, message.slot) {
            continue;
        }
        let (kind, row) = match message.slot {
            Slot::Record(index) => (Kind::Data(LOG_FILES[usize::from(file)][usize::from(index)]), Rows::record(file, index)),
            Slot::End => (Kind::LogFiles, Rows::listed(file)),
        };
        let rows = files.entry(kind).or_default();
        *rows = rows.and(row);
    }
    let delta = entries.into_iter().filter(|(_, (before, after))| before != after);
    let delta = delta.map(|(file, (_, after))| (file, after)).collect();
    Some(Record::Intent { start, end, files: files.into_iter().collect(), delta, last: last?, foreign })
}

/// The ledger changes of the batch `seq` of which only the rows that are there now came into the table.
pub fn voided(design: Design, store: &Store, epoch: u8, p: u8, seq: u8) -> Delta {
    if design.has(Flaw::WantedForgotten) {
        return Delta::new();
    }
    let present = store.present(epoch, p, seq);
    let changes = store.chain(epoch, p)[usize::from(seq)].delta();
    let left = |&(file, after): &(u8, Entry)| {
        let before = entry(design, store, epoch, p, seq, file);
        if design.has(Flaw::VoidForgetsWhatIsThere) {
            return (file, before);
        }
        (file, after.voided(before, present.indexes(file), present.has(Rows::listed(file))))
    };
    changes.iter().map(left).collect()
}
