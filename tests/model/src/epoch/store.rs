//! The table's store: streams, chains, files, and puts that are still on their way.

use std::collections::{BTreeMap, BTreeSet};

use super::design::{Design, Flaw};
use super::ledger::Delta;
use super::log::{LOG_FILES, Message, Set};

/// Rows by identity, one bit each: four a log file, the last of them for its row in the list of log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Rows(pub u16);

impl Rows {
    /// One record.
    pub fn record(file: u8, index: u8) -> Rows {
        Rows(1 << (file * 4 + index))
    }

    /// A log file in the list of log files.
    pub fn listed(file: u8) -> Rows {
        Rows(8 << (file * 4))
    }

    /// Both.
    pub fn and(self, other: Rows) -> Rows {
        Rows(self.0 | other.0)
    }

    /// Whether all of those are among these.
    pub fn has(self, those: Rows) -> bool {
        self.0 & those.0 == those.0
    }

    /// Indexes of a log file's records.
    pub fn indexes(self, file: u8) -> Set {
        Set(((self.0 >> (file * 4)) & 7) as u8)
    }

    /// All that there is of these log files.
    pub fn all(files: &[u8]) -> Rows {
        let records = |file: u8| (0..LOG_FILES[usize::from(file)].len() as u8).map(move |index| Rows::record(file, index));
        files.iter().flat_map(|&file| records(file).chain([Rows::listed(file)])).fold(Rows::default(), Rows::and)
    }
}

/// What a file of a batch holds, in the order in which they are put: data files in any order, the list of log files last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Records of this hive partition.
    Data(u8),
    /// Log files whose end was taken.
    LogFiles,
}

/// A file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Place of the epoch's stream.
    pub epoch: u8,
    /// Partition.
    pub p: u8,
    /// Batch.
    pub seq: u8,
    /// Which file of it.
    pub kind: Kind,
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// Rows.
    Rows(Rows),
    /// Nothing, and nothing will be.
    Void,
}

/// Where a partition of an epoch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Start {
    /// The first offset.
    pub offset: u8,
    /// The message before it, if the epoch goes on with its parent's log.
    pub anchor: Option<Message>,
    /// Messages between the parent's end and here are gone, and this says so.
    pub hole: bool,
}

/// `stream/<number>.json`: the beginning of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// The epoch's number, from 1.
    pub number: u8,
    /// The id of its log.
    pub id: u8,
    /// The name of its log.
    pub name: u8,
    /// Where each partition begins.
    pub starts: Vec<Start>,
    /// Place of the epoch before.
    pub parent: Option<u8>,
}

impl Stream {
    /// P.
    pub fn partitions(&self) -> u8 {
        self.starts.len() as u8
    }
}

/// A record of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// A batch.
    Intent {
        /// The first offset.
        start: u8,
        /// The offset after the last.
        end: u8,
        /// Its files.
        files: Vec<(Kind, Rows)>,
        /// What it changes in the ledger.
        delta: Delta,
        /// The last message.
        last: Message,
        /// Whether there were messages of another partition's, which it counts and does not take.
        foreign: bool,
    },
    /// Offsets that nobody will read, named by an operator.
    Skip {
        /// The first of them.
        start: u8,
        /// The first offset after them.
        end: u8,
    },
    /// The intent before will not be finished.
    Void {
        /// The id of the log for which the epoch is left, if that is why.
        next: Option<u8>,
    },
    /// All its names are taken now.
    Voided {
        /// What is left of its ledger changes.
        delta: Delta,
        /// As in the void before: then this is the last record.
        next: Option<u8>,
    },
    /// The last record, where the batch before is whole.
    Close {
        /// The id of the log for which the epoch is left.
        next: u8,
    },
}

impl Record {
    /// What it changes in the ledger.
    pub fn delta(&self) -> &[(u8, super::ledger::Entry)] {
        match self {
            Record::Intent { delta, .. } | Record::Voided { delta, .. } => delta,
            Record::Skip { .. } | Record::Void { .. } | Record::Close { .. } => &[],
        }
    }

    /// For which log it closes the chain, if it does.
    pub fn closes_for(&self) -> Option<u8> {
        match self {
            Record::Voided { next, .. } => *next,
            Record::Close { next } => Some(*next),
            _ => None,
        }
    }
}

/// A request to put one object, if nothing is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Put {
    /// A stream.
    Stream(Stream),
    /// A record of a chain.
    Record {
        /// Place of the epoch's stream.
        epoch: u8,
        /// Partition.
        p: u8,
        /// Place in the chain.
        seq: u8,
        /// Content.
        record: Record,
    },
    /// A file.
    File(Key, Content),
}

/// Objects that are there, and puts that may yet land.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Store {
    /// Streams, in the order in which they were put.
    pub streams: Vec<Stream>,
    /// Chains by epoch and partition; none is the same as an empty one.
    pub chains: BTreeMap<(u8, u8), Vec<Record>>,
    /// Files.
    pub files: BTreeMap<Key, Content>,
    /// Puts of processes that have died: each may land at any later moment, or never.
    pub late: BTreeSet<Put>,
}

impl Store {
    /// Carries out a put, now; says whether nothing was there.
    pub fn land(&mut self, design: Design, put: Put) -> bool {
        let free = self.is_free(design, &put);
        match put {
            _ if !free => {}
            Put::Stream(stream) => self.streams.push(stream),
            Put::Record { epoch, p, record, .. } => self.chains.entry((epoch, p)).or_default().push(record),
            Put::File(key, content) => drop(self.files.insert(key, content)),
        }
        free
    }

    fn is_free(&self, design: Design, put: &Put) -> bool {
        match put {
            Put::Stream(stream) => {
                let anyones = !design.has(Flaw::StreamNamedByTopic);
                !self.streams.iter().any(|there| there.number == stream.number && (anyones || there.name == stream.name))
            }
            // Nobody puts record N without having seen N-1.
            Put::Record { epoch, p, seq, .. } => self.chain(*epoch, *p).len() == usize::from(*seq),
            Put::File(key, _) => !self.files.contains_key(key),
        }
    }

    /// Drops late puts that can have no effect any more, which makes states equal that differ in nothing else.
    pub fn drop_futile(&mut self, design: Design) {
        let late = std::mem::take(&mut self.late);
        self.late = late.into_iter().filter(|put| self.is_free(design, put)).collect();
    }

    /// Place of the stream that counts for who knows the log by this name.
    pub fn newest(&self, design: Design, name: u8) -> Option<u8> {
        let counts = |stream: &Stream| stream.name == name || !design.has(Flaw::StreamNamedByTopic);
        self.streams.iter().rposition(counts).map(|place| place as u8)
    }

    /// A chain.
    pub fn chain(&self, epoch: u8, p: u8) -> &[Record] {
        self.chains.get(&(epoch, p)).map_or(&[], Vec::as_slice)
    }

    /// Whether a chain's last record is there.
    pub fn is_closed(&self, epoch: u8, p: u8) -> bool {
        self.chain(epoch, p).last().and_then(Record::closes_for).is_some()
    }

    /// The offset after the last that a chain has decided on.
    pub fn end(&self, epoch: u8, p: u8) -> u8 {
        let ends = self.chain(epoch, p).iter().rev().find_map(|record| match record {
            Record::Intent { end, .. } | Record::Skip { end, .. } => Some(*end),
            _ => None,
        });
        ends.unwrap_or_else(|| self.streams[usize::from(epoch)].starts[usize::from(p)].offset)
    }

    /// Offset and content of the last message that a chain has taken.
    pub fn anchor(&self, epoch: u8, p: u8) -> Option<(u8, Message)> {
        let taken = self.chain(epoch, p).iter().rev().find_map(|record| match record {
            Record::Intent { end, last, .. } => Some((end - 1, *last)),
            _ => None,
        });
        let start = self.streams[usize::from(epoch)].starts[usize::from(p)];
        taken.or(start.anchor.map(|anchor| (start.offset - 1, anchor)))
    }

    /// The files of the batch at `seq` (none if there is no batch) whose names are free.
    pub fn missing(&self, epoch: u8, p: u8, seq: u8) -> Vec<(Key, Rows)> {
        let Some(Record::Intent { files, .. }) = self.chain(epoch, p).get(usize::from(seq)) else { return Vec::new() };
        let named = files.iter().map(|(kind, rows)| (Key { epoch, p, seq, kind: *kind }, *rows));
        named.filter(|(key, _)| !self.files.contains_key(key)).collect()
    }

    /// Whether a name of the batch at `seq` is taken by nothing.
    pub fn has_void(&self, epoch: u8, p: u8, seq: u8) -> bool {
        let mut of_batch = self.files.iter().filter(|(key, _)| (key.epoch, key.p, key.seq) == (epoch, p, seq));
        of_batch.any(|(_, content)| *content == Content::Void)
    }

    /// Rows of the batch at `seq` that are there.
    pub fn present(&self, epoch: u8, p: u8, seq: u8) -> Rows {
        let of_batch = self.files.iter().filter(|(key, _)| (key.epoch, key.p, key.seq) == (epoch, p, seq));
        of_batch.filter_map(|(_, content)| content.rows()).fold(Rows::default(), Rows::and)
    }

    /// Rows of all files that are there.
    pub fn visible(&self) -> Rows {
        self.files.values().filter_map(|content| content.rows()).fold(Rows::default(), Rows::and)
    }
}

impl Content {
    /// The rows, if it has any.
    pub fn rows(self) -> Option<Rows> {
        match self {
            Content::Rows(rows) => Some(rows),
            Content::Void => None,
        }
    }
}
