//! A persister: what it looks at before it takes a position, and what it makes of the chain's end.

use super::advance;
use super::batch::cut;
use super::design::{Design, Flaw};
use super::log::Log;
use super::store::{Content, Key, Put, Record, Rows, Store};

/// A position in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct View {
    /// Place of the epoch's stream.
    pub epoch: u8,
    /// Partition.
    pub p: u8,
    /// The number of the next batch.
    pub seq: u8,
    /// The offset where it starts.
    pub position: u8,
    /// The client has noticed that messages below the position were lost: no reading on from here.
    pub broken: bool,
}

/// Where a process stands between two effects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Knows nothing: not started, dead, or to look at everything again.
    Down,
    /// Reads on.
    Open(View),
    /// Puts the intent of the batch that starts here.
    PutIntent(View, Record),
    /// Puts files of the batch before here.
    PutFiles(View, Vec<(Key, Rows)>),
    /// Puts one thing that mends or closes a chain, or begins an epoch, then looks what is next.
    Mend(Put, Task),
}

/// To what end a chain is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// To go on with it: a partition of an epoch.
    GoOn(u8, u8),
    /// To leave it and begin the next epoch.
    Leave(Option<u8>),
}

/// Whether the log behind the name is the one that the epoch's chain was made from, as far as its partition `p` goes.
pub fn fits(design: Design, store: &Store, log: &Log, epoch: u8, p: u8) -> bool {
    let stream = &store.streams[usize::from(epoch)];
    let counts = stream.starts.len() == log.partitions.len() || design.has(Flaw::PartitionCountNotCompared);
    let Some(partition) = log.partition(p).filter(|_| stream.id == log.id && counts) else { return false };
    let anchor = store.anchor(epoch, p).filter(|_| !design.has(Flaw::AnchorNotCompared));
    let stands = anchor.is_none_or(|(offset, message)| offset < partition.low || partition.read(offset) == Some(message));
    stands && end(design, store, log, epoch, p) <= partition.high()
}

/// Where the chain of `p` goes on.
pub fn end(design: Design, store: &Store, log: &Log, epoch: u8, p: u8) -> u8 {
    if design.has(Flaw::ExpiryBeforeFirstBatchUnseen) && store.chain(epoch, p).is_empty() {
        return log.partition(p).map_or(0, |partition| partition.low);
    }
    store.end(epoch, p)
}

/// Starts on partition `p` of the newest epoch. Nothing when there is a reason to halt.
pub fn start(design: Design, store: &Store, log: &Log, name: u8, p: u8) -> Option<Phase> {
    let epoch = store.newest(design, name)?;
    if p >= store.streams[usize::from(epoch)].partitions() || !fits(design, store, log, epoch, p) {
        return None;
    }
    resume(design, store, log, epoch, p)
}

/// Takes a position at the end of the chain, whatever its last record is.
pub fn resume(design: Design, store: &Store, log: &Log, epoch: u8, p: u8) -> Option<Phase> {
    let chain = store.chain(epoch, p);
    let seq = chain.len() as u8;
    let partition = log.partition(p)?;
    let view = View { epoch, p, seq, position: end(design, store, log, epoch, p), broken: false };
    match chain.last() {
        Some(record) if record.closes_for().is_some() => None,
        Some(Record::Void { .. }) => {
            advance::mend(design, store, epoch, p, None).map(|put| Phase::Mend(put, Task::GoOn(epoch, p)))
        }
        Some(record @ Record::Intent { start, end, .. }) if !store.missing(epoch, p, seq - 1).is_empty() => {
            let again = cut(design, store, partition, (epoch, p, seq - 1), *start, *end)?;
            (again == *record).then(|| Phase::PutFiles(view, store.missing(epoch, p, seq - 1)))
        }
        // Expired before it was read.
        _ if partition.low > view.position => None,
        _ => Some(Phase::Open(view)),
    }
}

/// Reads on to `end` and prepares the batch. Whether the log is still the same is not asked here: what a namesake holds are messages of
/// log files like any other, and the process compares before it says that it has read all there is.
pub fn seal(design: Design, store: &Store, log: &Log, view: View, end: u8) -> Option<Phase> {
    let record = cut(design, store, log.partition(view.p)?, (view.epoch, view.p, view.seq), view.position, end)?;
    Some(Phase::PutIntent(view, record))
}

impl Phase {
    /// The requests that are about to be made or waited for: any of them may be the next to be carried out.
    pub fn puts(&self, design: Design) -> Vec<Put> {
        match self {
            Phase::Down | Phase::Open(_) => Vec::new(),
            Phase::PutIntent(view, record) => {
                vec![Put::Record { epoch: view.epoch, p: view.p, seq: view.seq, record: record.clone() }]
            }
            Phase::PutFiles(_, files) => {
                // The list of log files waits until all rows are there.
                let last = |key: &Key| (key.kind == super::store::Kind::LogFiles) != design.has(Flaw::LogFilesFirst);
                let some_first = files.iter().any(|(key, _)| !last(key));
                let now = files.iter().filter(|(key, _)| !some_first || !last(key));
                now.map(|(key, rows)| Put::File(*key, Content::Rows(*rows))).collect()
            }
            Phase::Mend(put, _) => vec![put.clone()],
        }
    }

    /// The position it has or will have.
    pub fn view(&mut self) -> Option<&mut View> {
        match self {
            Phase::Down | Phase::Mend(..) => None,
            Phase::Open(view) | Phase::PutIntent(view, _) | Phase::PutFiles(view, _) => Some(view),
        }
    }
}
