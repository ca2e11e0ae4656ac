//! One writer: what it knows, and what it does next. It may be started, stalled or believed dead at any moment; nobody tells it whether the
//! partition is its own, so both writers always act as owners.

use std::collections::VecDeque;

use crate::batch::{DataFile, Intent, Key, cut};
use crate::design::{Design, Flaw};
use crate::ledger::Ledger;
use crate::log::LOG_END;
use crate::store::{Put, Store};

/// What a writer believes about the chain: all of it is read from there, and outdated as soon as another writer has gone on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct View {
    /// The number of the next batch.
    pub seq: u8,
    /// The offset where it starts.
    pub position: u8,
    /// The ledger before it.
    pub ledger: Ledger,
}

/// A batch of which it is not yet known whether it is in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt {
    view: View,
    after: Ledger,
    intent: Intent,
    /// Files of the batch before, if the design lets them wait.
    owed: Vec<DataFile>,
}

/// Where a writer stands between two effects. What it has in memory is in its phase; a crash leaves nothing but [`Phase::Down`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Knows nothing: not started, dead, or told by a lost race to read the chain again.
    Down,
    /// Knows the chain's end and reads on from there.
    Open {
        /// What it knows of the chain.
        view: View,
        /// Files of the batch before, if the design lets them wait.
        owed: Vec<DataFile>,
    },
    /// Puts the intent: the commit point.
    PutIntent(Attempt),
    /// Has no clear answer to that: reads back what is there.
    ReadBack(Attempt),
    /// Puts the first of these files, then the others, and goes on as told.
    PutFiles {
        /// Files that are not known to be there.
        files: VecDeque<DataFile>,
        /// What comes after.
        then: Box<Phase>,
    },
    /// Mirrors the chain's end to Kafka.
    Commit(View),
    /// Has found rows that are not those of the intent, and stopped.
    Halted,
}

/// Reads the chain, looks whether the head's files are there, and writes the batch again if not.
///
/// Done in one step, because the chain and the set of files only grow: had somebody added to them between the reads, the writer would stand
/// where it would stand had it started a little earlier or later.
pub fn start(design: Design, store: &Store, committed: u8) -> Phase {
    let Some((&seq, head)) = store.chain.last_key_value() else {
        return Phase::open(View { seq: 0, position: 0, ledger: Ledger::EMPTY });
    };
    let before = store.ledger_before(seq);
    let (again, after) = cut(design, before, seq, head.start, head.end);
    let position = if design.has(Flaw::StartAtCommittedOffset) { committed } else { head.end };
    let view = View { seq: seq + 1, position, ledger: after };
    if design.has(Flaw::NoRedo) || store.has_all(&head.files) {
        return Phase::open(view);
    }
    if design.has(Flaw::ClockPicksHivePartition) {
        let files = again.files.into_iter().map(|(key, rows)| (Key { hive: key.hive + 2, ..key }, rows));
        return Phase::put_files(files, Phase::Commit(view));
    }
    if again.files != head.files || again.delta != head.delta {
        return Phase::Halted;
    }
    let missing = again.files.into_iter().filter(|(key, _)| !store.files.contains_key(key));
    Phase::put_files(missing, Phase::Commit(view))
}

impl Phase {
    /// At the chain's end with nothing left to write.
    pub fn open(view: View) -> Phase {
        Phase::Open { view, owed: Vec::new() }
    }

    fn put_files(files: impl IntoIterator<Item = DataFile>, then: Phase) -> Phase {
        let files = VecDeque::from_iter(files);
        if files.is_empty() { then } else { Phase::PutFiles { files, then: Box::new(then) } }
    }

    /// Whether it stands at the end of the log with nothing left to do.
    pub fn is_drained(&self) -> bool {
        matches!(self, Phase::Open { view, owed } if view.position == LOG_END && owed.is_empty())
    }

    /// The request it is about to make or waiting for.
    pub fn put(&self, design: Design, me: usize) -> Option<Put> {
        match self {
            Phase::PutIntent(attempt) => Some(Put::Intent {
                seq: attempt.view.seq,
                intent: Intent { nonce: Some(me), ..attempt.intent.clone() },
                if_absent: !design.has(Flaw::PlainIntentPut),
            }),
            Phase::PutFiles { files, .. } => files.front().copied().map(Put::File),
            _ => None,
        }
    }
}

/// Seals the batch that ends before offset `end`. Any end will do: size, age and memory decide, and none of them is in the model.
pub fn seal(design: Design, view: View, owed: Vec<DataFile>, end: u8) -> Phase {
    let (intent, after) = cut(design, view.ledger, view.seq, view.position, end);
    let files = if design.has(Flaw::FilesBeforeIntent) { intent.files.clone() } else { Vec::new() };
    Phase::put_files(files, Phase::PutIntent(Attempt { view, after, intent, owed }))
}

impl Attempt {
    /// The number under which the intent is put.
    pub fn seq(&self) -> u8 {
        self.view.seq
    }

    /// The intent is in the chain: its files may be put.
    pub fn mine(self, design: Design) -> Phase {
        let view = View { seq: self.view.seq + 1, position: self.intent.end, ledger: self.after };
        if design.has(Flaw::FilesBeforeIntent) {
            return Phase::Commit(view);
        }
        if design.has(Flaw::NextIntentBeforeFiles) && self.owed.is_empty() && view.position < LOG_END {
            return Phase::Open { view, owed: self.intent.files };
        }
        Phase::put_files(self.owed.into_iter().chain(self.intent.files), Phase::Commit(view))
    }

    /// Something was there already.
    pub fn refused(self, design: Design) -> Phase {
        if design.has(Flaw::RefusalTakenAsMine) { self.mine(design) } else { Phase::ReadBack(self) }
    }

    /// No answer came.
    pub fn unanswered(self, design: Design) -> Phase {
        if design.has(Flaw::TimeoutTakenAsFailure) {
            let view = View { seq: self.view.seq + 1, ..self.view };
            return Phase::Open { view, owed: self.owed };
        }
        Phase::ReadBack(self)
    }
}
