//! Mending a chain, closing it, and beginning the next epoch. What is next is read off the store each time, so whoever
//! comes along goes on where another stopped.

use super::batch::voided;
use super::design::{Design, Flaw};
use super::log::Log;
use super::persist::{self, Phase};
use super::store::{Content, Put, Record, Start, Store, Stream};

/// The next put that gives up the chain's last batch, if that is not whole, or that goes on with giving it up. `next` is the log for which the
/// epoch is to be left; one that is being voided already is left or gone on with as its void says.
pub fn mend(design: Design, store: &Store, epoch: u8, p: u8, next: Option<u8>) -> Option<Put> {
    let chain = store.chain(epoch, p);
    let seq = chain.len() as u8;
    let put = |record| Some(Put::Record { epoch, p, seq, record });
    let fill = |batch| store.missing(epoch, p, batch).first().map(|(key, _)| Put::File(*key, Content::Void));
    match chain.last()? {
        Record::Intent { .. } if design.has(Flaw::FilledBeforeVoid) => {
            fill(seq - 1).or_else(|| store.has_void(epoch, p, seq - 1).then(|| put(Record::Void { next })).flatten())
        }
        Record::Intent { .. } if !store.missing(epoch, p, seq - 1).is_empty() => put(Record::Void { next }),
        Record::Void { next } => {
            let filled = fill(seq - 2).filter(|_| !design.has(Flaw::VoidedFileNotFilled));
            filled.or_else(|| put(Record::Voided { delta: voided(design, store, epoch, p, seq - 2), next: *next }))
        }
        _ => None,
    }
}

/// The next file of the chain's last batch, if some are missing and the log still gives the same rows.
fn finish(design: Design, store: &Store, log: &Log, epoch: u8, p: u8) -> Option<Put> {
    if !persist::fits(design, store, log, epoch, p) {
        return None;
    }
    let Some(Phase::PutFiles(_, files)) = persist::resume(design, store, log, epoch, p) else { return None };
    files.first().map(|(key, rows)| Put::File(*key, Content::Rows(*rows)))
}

/// The next put on the way from epoch `from` to one with this log. Nothing when there is such an epoch, whoever began it.
pub fn step(design: Design, store: &Store, log: &Log, name: u8, from: Option<u8>) -> Option<Put> {
    if store.newest(design, name) != from {
        return None;
    }
    let Some(parent) = from else { return Some(begin(design, store, log, name, None)) };
    let partitions = store.streams[usize::from(parent)].partitions();
    let asked = if design.has(Flaw::EpochBegunEarly) { 1 } else { partitions };
    let open = (0..asked).find(|p| !store.is_closed(parent, *p));
    let close = |p| {
        let seq = store.chain(parent, p).len() as u8;
        let finish = finish(design, store, log, parent, p).or_else(|| mend(design, store, parent, p, Some(log.id)));
        finish.unwrap_or(Put::Record { epoch: parent, p, seq, record: Record::Close { next: log.id } })
    };
    Some(open.map_or_else(|| begin(design, store, log, name, Some(parent)), close))
}

fn begin(design: Design, store: &Store, log: &Log, name: u8, parent: Option<u8>) -> Put {
    let starts = (0..log.partitions.len() as u8).map(|p| begin_at(design, store, log, parent, p)).collect();
    let number = parent.map_or(0, |parent| store.streams[usize::from(parent)].number) + 1;
    Put::Stream(Stream { number, id: log.id, name, starts, parent })
}

/// Where the log is the parent's and the message that the parent took last stands, the new epoch goes on behind it; else it reads
/// all that the log has, and what was taken before is a duplicate.
fn begin_at(design: Design, store: &Store, log: &Log, parent: Option<u8>, p: u8) -> Start {
    let partition = &log.partitions[usize::from(p)];
    let gone = |covered| partition.low > covered && !design.has(Flaw::HoleNotNamed);
    let low = Start { offset: partition.low, anchor: None, hole: gone(0) };
    let same = |parent: &u8| {
        let stream = &store.streams[usize::from(*parent)];
        stream.id == log.id && p < stream.partitions()
    };
    let Some(parent) = parent.filter(same) else { return low };
    let (end, anchor) = (store.end(parent, p), store.anchor(parent, p));
    if design.has(Flaw::StartAtParentsEnd) && end <= partition.high() {
        return Start { offset: end, anchor: end.checked_sub(1).and_then(|before| partition.read(before)), hole: false };
    }
    match anchor {
        Some((offset, message)) if offset + 1 == end && partition.read(offset) == Some(message) => {
            Start { offset: end, anchor: Some(message), hole: false }
        }
        _ => Start { hole: gone(end), ..low },
    }
}
