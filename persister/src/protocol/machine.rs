//! The state machine of one partition: who may take a message, when a batch is cut, what makes it durable.
//!
//! `message` is the hot path, one call per message; `handle` takes everything else and answers with effects as plain data.
//! Whoever drives it performs the effects and hands back their results; every crash point lies between two of them.

mod publish;
mod recover;
#[cfg(test)]
mod tests;

use super::halt::Halt;
use super::identity::{Identifier, Identity};
use super::intent::{Anchor, Dropped, FileEntry, Intent};
use super::ledger::{Accept, Claim, Day, Delta, FileState, Ledger, Lookup, OpenDelta, accept};
use super::names::Names;
use super::seal::Reason;
use super::search::HeadSearch;
use super::stream::TableFormat;
use common::log::{Message, Watermarks};
use common::message::{EndOfFile, FileId, Key};

/// What a machine is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// The partition and where its things lie.
    pub names: Names,
    /// The form of the table's files; part of every intent.
    pub format: TableFormat,
    /// This process: a number drawn at start.
    pub writer: String,
    /// A ledger checkpoint is written every so many batches.
    pub checkpoint_every: u64,
    /// Ledger entries kept in memory; more are written out and forgotten, the longest untouched days first.
    pub ledger_entries: usize,
}

/// A definite or unclear answer to a conditional put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there and now holds our bytes.
    Created,
    /// Something is there: ours from an attempt whose answer was lost, or another writer's.
    Exists,
    /// Not known.
    Unclear,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The partition is ours to work on (as far as we know).
    Assigned(Watermarks),
    /// Answer to [`Effect::ReadHint`].
    Hint(Option<u64>),
    /// Answer to [`Effect::Exists`].
    Exists(u64, bool),
    /// Answer to [`Effect::ReadCheckpoint`].
    Checkpoint(Option<Vec<u8>>),
    /// Answer to [`Effect::ReadIntents`]: records in order, from the sequence asked for.
    Intents(Vec<Vec<u8>>),
    /// Answer to [`Effect::CheckFiles`], in the order asked.
    Present(Vec<bool>),
    /// Answer to [`Effect::LoadDay`]; `None` when it is not there.
    Day(Day, Option<Vec<u8>>),
    /// Cut the open batch now.
    Seal(Reason),
    /// Answer to [`Effect::Encode`]: the batch's files, in key order.
    Encoded(Vec<FileEntry>),
    /// Answer to [`Effect::PutIntent`].
    IntentPut(Outcome),
    /// Answer to [`Effect::ReadBack`].
    ReadBack(Option<Vec<u8>>),
    /// Answer to [`Effect::PutFiles`]: every file is there with the rows it must have.
    Published,
    /// Answer to [`Effect::PutFiles`]: a file is there with other rows.
    Conflict(String),
    /// Answer to [`Effect::WriteCheckpoint`].
    Checkpointed(bool),
    /// An effect was given up after its deadline.
    GaveUp(String),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Read the hint of the newest sequence.
    ReadHint,
    /// Does the intent with this sequence exist?
    Exists(u64),
    /// Read the index of the newest checkpoint.
    ReadCheckpoint,
    /// Read intents `from..to`, all of which exist.
    ReadIntents {
        /// First sequence.
        from: u64,
        /// First sequence not to read.
        to: u64,
    },
    /// Are these objects there?
    CheckFiles(Vec<String>),
    /// Load one day of the ledger.
    LoadDay(Day, String),
    /// Read the log from this offset.
    Begin(u64),
    /// Encode the rows of the batch that was just cut.
    Encode {
        /// Its sequence.
        seq: u64,
        /// First offset.
        start: u64,
        /// First offset after it.
        end: u64,
    },
    /// Put the intent if nothing is there: the commit point.
    PutIntent(String, Vec<u8>),
    /// Read what is at the intent's key.
    ReadBack(String),
    /// Put every file of the batch if nothing is there; where something is, its rows must be the same.
    PutFiles,
    /// Mirror the end of the chain as the committed offset.
    Mirror(u64),
    /// Put the hint (best effort).
    WriteHint(String, Vec<u8>),
    /// Put these objects in order, the index last (best effort).
    WriteCheckpoint(Vec<(String, Vec<u8>)>),
    /// Drop every row that is not published.
    Discard,
    /// Stop this partition.
    Halt(Halt),
}

/// What to do with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: taken before, left over, or before our position.
    Skip,
    /// It is a row (an event or a rejection).
    Record(Key),
    /// It ends a log file: a row of the list of log files.
    End(Key, Box<EndOfFile>),
    /// It tells that a log file was altered after it was taken: a row of the list of log files.
    Altered(Key, Box<EndOfFile>),
    /// It is not ours: a row of the rejections.
    Foreign,
    /// Load this day of the ledger (from this object), then offer the message again.
    NeedsDay(Day, String),
    /// Stop this partition.
    Halt(Halt),
}

/// The chain as far as it is published.
#[derive(Debug, Clone, Default)]
struct Base {
    next_seq: u64,
    end: u64,
    record_sha256: Option<String>,
    clock: i64,
    last: Option<Anchor>,
}

/// The batch that takes messages.
#[derive(Debug, Default)]
struct Open {
    start: u64,
    next: u64,
    delta: OpenDelta,
    dropped: Dropped,
    clock: i64,
    last_key: Vec<u8>,
    last_timestamp: i64,
    /// Set when this batch finishes one that another process left behind: it ends exactly there.
    redo: Option<Box<Redo>>,
}

/// A batch that another process committed to and did not finish.
#[derive(Debug)]
struct Redo {
    intent: Intent,
    record: Vec<u8>,
}

/// The batch on its way into the table.
#[derive(Debug)]
struct Sealed {
    seq: u64,
    start: u64,
    end: u64,
    delta: Delta,
    dropped: Dropped,
    clock: i64,
    last: Anchor,
    redo: Option<Box<Redo>>,
    record: Vec<u8>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Encoding,
    PuttingIntent,
    ReadingBack,
    PuttingFiles,
}

#[derive(Debug)]
enum Phase {
    Unowned,
    Recovering(recover::Step),
    /// The message before our position must be the one that was taken last.
    Anchoring,
    Open,
    Halted,
}

/// One partition.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    phase: Phase,
    watermarks: Watermarks,
    ledger: Ledger,
    base: Base,
    open: Open,
    sealed: Option<Sealed>,
    identifier: Identifier,
    /// The chain was read once: from here on only what others added is read.
    caught_up: bool,
    /// The log was compared with the chain once: watermarks are those of the assignment, and say nothing later on.
    within_log: bool,
    /// The log is known to be the one that the chain was made from.
    anchored: bool,
    /// The checkpoint in the store turned out to be damaged: read the whole chain.
    distrust_checkpoint: bool,
    checkpoint_due: bool,
    checkpointing: bool,
}

impl Machine {
    /// A machine that waits for [`Input::Assigned`].
    pub fn new(config: Config) -> Machine {
        Machine {
            config,
            phase: Phase::Unowned,
            watermarks: Watermarks { low: 0, high: 0 },
            ledger: Ledger::default(),
            base: Base::default(),
            open: Open::default(),
            sealed: None,
            identifier: Identifier::default(),
            caught_up: false,
            within_log: false,
            anchored: false,
            distrust_checkpoint: false,
            checkpoint_due: false,
            checkpointing: false,
        }
    }

    /// Offers one message. Messages come in offset order from the position of [`Effect::Begin`].
    pub fn message(&mut self, message: &Message<'_>) -> Verdict {
        match self.phase {
            Phase::Open => {}
            Phase::Anchoring => return self.anchor(message),
            _ => return Verdict::Skip,
        }
        if message.offset < self.open.next {
            return Verdict::Skip;
        }
        if message.offset > self.open.next {
            return self.halted(Halt::Gap { expected: self.open.next, got: message.offset });
        }
        let verdict = match self.identifier.identify(message.key, message.value) {
            Identity::Foreign => Verdict::Foreign,
            Identity::Record(key, day) => match self.state(day, key.file) {
                Ok(state) => match accept(state, Claim::Record(slot_index(key))) {
                    Accept::Take(next) => {
                        self.open.delta.insert(key.file, day, next);
                        Verdict::Record(key)
                    }
                    other => self.dropped(other),
                },
                Err(needs) => return needs,
            },
            Identity::End(key, day, end) => match self.state(day, key.file) {
                Ok(state) => match Claim::of(key.slot, Some(&end)).map_or(Accept::Ahead, |claim| accept(state, claim)) {
                    Accept::Take(next) => {
                        self.open.delta.insert(key.file, day, next);
                        Verdict::End(key, end)
                    }
                    Accept::Altered(next) => {
                        self.open.delta.insert(key.file, day, next);
                        Verdict::Altered(key, end)
                    }
                    other => self.dropped(other),
                },
                Err(needs) => return needs,
            },
        };
        self.open.next += 1;
        self.open.clock = self.open.clock.max(message.timestamp);
        self.open.last_timestamp = message.timestamp;
        self.open.last_key.clear();
        self.open.last_key.extend_from_slice(message.key);
        verdict
    }

    /// Takes everything that is not a message.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        if matches!(self.phase, Phase::Halted) {
            return Vec::new();
        }
        let answer = match input {
            Input::Assigned(watermarks) => self.assigned(watermarks),
            Input::Hint(hint) => self.hint(hint),
            Input::Exists(seq, exists) => self.exists(seq, exists),
            Input::Checkpoint(index) => self.checkpoint(index),
            Input::Intents(records) => self.intents(&records),
            Input::Present(present) => self.present(&present),
            Input::Day(day, bytes) => self.day(day, bytes),
            Input::Seal(_) => self.seal(),
            Input::Encoded(files) => self.encoded(files),
            Input::IntentPut(outcome) => self.intent_put(outcome),
            Input::ReadBack(bytes) => self.read_back(bytes),
            Input::Published => self.published(),
            Input::Conflict(detail) => Err(Halt::Broken { invariant: super::invariants::Invariant::C3NameFixesRows, detail }),
            Input::Checkpointed(written) => self.checkpointed(written),
            Input::GaveUp(what) => Err(Halt::GaveUp(what)),
        };
        answer.unwrap_or_else(|halt| {
            self.phase = Phase::Halted;
            vec![Effect::Discard, Effect::Halt(halt)]
        })
    }

    /// True when messages are taken.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Anchoring)
    }

    /// True after a halt.
    pub fn is_halted(&self) -> bool {
        matches!(self.phase, Phase::Halted)
    }

    /// True while a batch is on its way into the table.
    pub fn is_publishing(&self) -> bool {
        self.sealed.is_some()
    }

    /// True when the open batch has offsets to cover and nothing is in the way of cutting it.
    pub fn can_seal(&self) -> bool {
        matches!(self.phase, Phase::Open) && self.sealed.is_none() && self.open.next > self.open.start
    }

    /// True when the open batch redoes another and has reached its end: it must be cut before the next message.
    pub fn must_seal(&self) -> bool {
        self.can_seal() && self.open.redo.as_ref().is_some_and(|redo| self.open.next == redo.intent.end)
    }

    /// True while a batch of another process is being finished: it is cut at its end and nowhere else.
    pub fn is_redoing(&self) -> bool {
        self.open.redo.is_some()
    }

    /// True when the open batch covers at least one offset.
    pub fn has_open_messages(&self) -> bool {
        self.open.next > self.open.start
    }

    /// Where the log is to be read from: the next offset to take, or before that the message that was taken last.
    pub fn reads_from(&self) -> u64 {
        match (&self.phase, &self.base.last) {
            (Phase::Anchoring, Some(last)) => last.offset,
            _ => self.open.next,
        }
    }

    /// Log files in the open batch's delta.
    pub fn open_log_files(&self) -> usize {
        self.open.delta.len()
    }

    /// The next offset to take.
    pub fn position(&self) -> u64 {
        self.open.next
    }

    /// End of the published chain.
    pub fn end(&self) -> u64 {
        self.base.end
    }

    /// Batches in the published chain.
    pub fn batches(&self) -> u64 {
        self.base.next_seq
    }

    /// Where everything lies.
    pub fn names(&self) -> &Names {
        &self.config.names
    }

    fn anchor(&mut self, message: &Message<'_>) -> Verdict {
        let Some(last) = &self.base.last else { return Verdict::Skip };
        if message.offset < last.offset {
            return Verdict::Skip;
        }
        if message.offset > last.offset {
            return self.halted(Halt::Gap { expected: last.offset, got: message.offset });
        }
        let key = String::from_utf8_lossy(message.key);
        if key != last.key.as_str() || message.timestamp != last.timestamp {
            let told = |key: &str, timestamp: i64| format!("{key} @ {timestamp}");
            let halt = Halt::Recreated {
                offset: message.offset,
                expected: told(&last.key, last.timestamp),
                got: told(&key, message.timestamp),
            };
            return self.halted(halt);
        }
        self.phase = Phase::Open;
        self.anchored = true;
        Verdict::Skip
    }

    fn halted(&mut self, halt: Halt) -> Verdict {
        self.phase = Phase::Halted;
        Verdict::Halt(halt)
    }

    fn dropped(&mut self, accept: Accept) -> Verdict {
        match accept {
            Accept::Ahead => self.open.dropped.ahead += 1,
            _ => self.open.dropped.duplicate += 1,
        }
        Verdict::Skip
    }

    /// The newest state of a file: open batch, then the one on its way, then the ledger.
    fn state(&mut self, day: Day, file: FileId) -> Result<Option<FileState>, Verdict> {
        if let Some(state) = self.open.delta.get(file) {
            return Ok(Some(state));
        }
        if let Some((_, state)) = self.sealed.as_ref().and_then(|sealed| sealed.delta.get(&file)) {
            return Ok(Some(*state));
        }
        match self.ledger.lookup(day, file) {
            Lookup::Known(state) => Ok(state),
            Lookup::Missing(day) => {
                let key = self.ledger.stored(day).map(|stored| stored.key.clone()).unwrap_or_default();
                Err(Verdict::NeedsDay(day, key))
            }
        }
    }
}

fn slot_index(key: Key) -> u32 {
    match key.slot {
        common::message::Slot::Record(index) => index,
        common::message::Slot::End => u32::MAX,
    }
}
