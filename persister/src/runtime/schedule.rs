//! What the event loop does next, decided without doing any of it: plain data in, plain data out. No clock (the time is told), no I/O, no
//! tasks, no Arrow. `supervise` does what is decided here, and so does the simulation, one step at a time.
//!
//! ```text
//!   assigned ─▶ held: watermarks ─▶ held: recovering ─▶ reading ◀──▶ held: a ledger day, or memory
//!                      ▲                   ▲               │ seal
//!                      └─ start is         └─ another      ▼
//!                         outdated            writer    encode ─▶ intent ─▶ files ─▶ published
//!                                             was first
//! ```
//!
//! - **A partition that waits is held**: the consumer does not read it, and its position is sought when it goes on. No partition waits for
//!   another: whatever takes time is an [`Action`] whose answer comes back as an [`Event`].
//! - **Memory is one budget.** While it is used up no message is taken ([`Intake::Waiting`]); when that lasts, all partitions are held
//!   ([`Intake::Held`]), so that the consumer can be polled and the group hears of us, however long the store takes.
//! - **A halted partition keeps nothing**, and changes nothing for the others.
//!
//! Read in this order: [`Event`], [`Action`], [`Schedule`]; `partition` (what is known of one); then by what happens to it: `start`, `result`,
//! `cut`, and `memory` (who gives way when it is short).

mod action;
mod cut;
mod event;
mod memory;
mod partition;
mod result;
mod start;
#[cfg(test)]
mod tests;

use crate::decode::LogFileStatus;
use crate::protocol::machine::{Effect, Verdict};
use crate::protocol::seal::{Reason, SealPolicy};
use crate::protocol::{Halt, Names, TableFormat};
use common::log::Message;
use common::message::EndStatus;
use partition::{Partition, Standing};
use result::ends_a_step;
use std::collections::BTreeMap;
use std::time::Duration;

pub use action::{Action, Fact, Row};
pub use event::Event;
pub use memory::Intake;
pub use partition::RowSizes;

/// How long the batches under way may take once the end was asked for; what is cut off is read again by the next process.
const DRAIN: Duration = Duration::from_secs(25);

/// What a schedule is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// Kafka topic, or the embedded log's name.
    pub topic: String,
    /// The topic's life.
    pub epoch: String,
    /// P.
    pub partitions: u32,
    /// The form of the table's files.
    pub format: TableFormat,
    /// This process: a number drawn at start.
    pub writer: String,
    /// A ledger checkpoint is written every so many batches.
    pub checkpoint_every: u64,
    /// Ledger entries kept in memory by all partitions together.
    pub ledger_entries: usize,
    /// When a batch is cut.
    pub seal: SealPolicy,
    /// How much is held in memory.
    pub memory: MemoryBounds,
    /// Threads that encode; a partition always goes to the same one, `partition mod encoders`.
    pub encoders: usize,
}

/// The bounds on what is held in memory, all partitions together unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBounds {
    /// Rows of one directory that are encoded as one row group.
    pub chunk: usize,
    /// Rows that wait to be encoded.
    pub rows: usize,
    /// Encoded bytes from which on batches are cut early.
    pub encoded: usize,
    /// Encoded bytes from which on no message is taken.
    pub full: usize,
}

/// Names a batch within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub u64);

/// Names a state of a partition: results of what was begun in an earlier one are out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(u64);

/// A partition of the topic as far as it concerns this process.
#[derive(Debug)]
enum Slot {
    NotOurs,
    Owned(Box<Partition>),
    /// Ours, stopped, and empty.
    Halted(Halt),
}

/// The event loop's state.
#[derive(Debug)]
pub struct Schedule {
    config: Config,
    now: Duration,
    /// By partition number.
    slots: Vec<Slot>,
    intake: Intake,
    /// Jobs under way or waiting, by encoder.
    jobs: Vec<usize>,
    /// Bytes of batches that were under way when their partition was taken away or halted.
    departed: BTreeMap<Generation, usize>,
    drain_to: Option<Vec<u64>>,
    /// Until when the batches under way may take.
    ending: Option<Duration>,
    next_id: u64,
    actions: Vec<Action>,
}

impl Schedule {
    /// Owns nothing yet.
    pub fn new(config: Config) -> Schedule {
        Schedule {
            now: Duration::ZERO,
            slots: (0..config.partitions).map(|_| Slot::NotOurs).collect(),
            intake: Intake::Open,
            jobs: vec![0; config.encoders.max(1)],
            departed: BTreeMap::new(),
            drain_to: None,
            ending: None,
            next_id: 0,
            actions: Vec::new(),
            config,
        }
    }

    /// The time, since any beginning. It only decides when a batch is old enough, and how long memory has been short.
    pub fn set_now(&mut self, now: Duration) {
        self.now = now;
    }

    /// Offers one message, in the order in which the consumer gave them.
    pub fn message(&mut self, message: &Message<'_>) -> Row {
        let Some(Slot::Owned(partition)) = self.slots.get_mut(message.partition as usize) else { return Row::None };
        if partition.standing != Standing::Reading {
            return Row::None;
        }
        let row = match partition.machine.message(message) {
            Verdict::Skip => Row::None,
            Verdict::Record(key) => Row::Record(key),
            Verdict::Foreign => Row::Foreign,
            Verdict::End(_, end) => {
                let status = match end.status {
                    EndStatus::Complete => LogFileStatus::Complete,
                    EndStatus::Quarantined => LogFileStatus::Quarantined,
                };
                Row::LogFile(end, status)
            }
            Verdict::Altered(_, end) => Row::LogFile(end, LogFileStatus::Altered),
            Verdict::NeedsDay(day, key) => {
                // The message is offered again once the day is there.
                let generation = partition.generation;
                self.hold(message.partition, Standing::Loading(day));
                let effect = Effect::LoadDay(day, key);
                self.actions.push(Action::Perform { partition: message.partition, generation, effect });
                return Row::None;
            }
            Verdict::Halt(halt) => {
                self.halt(message.partition, halt);
                return Row::None;
            }
        };
        partition.note_taken(self.now);
        if partition.machine.must_seal() {
            self.seal(message.partition, Reason::Redo);
        }
        row
    }

    /// Takes everything that is not a message.
    pub fn handle(&mut self, event: Event) {
        match event {
            Event::Assigned(numbers) => self.assigned(&numbers),
            Event::Revoked(numbers) => numbers.into_iter().for_each(|number| self.revoked(number)),
            Event::Lost { partition, why } => {
                let needed = self.owned(partition).map_or(0, |owned| owned.machine.position());
                self.halt(partition, Halt::Stuck(format!("offset {needed} cannot be read: {why}")));
            }
            Event::Watermarks(number, generation, watermarks) => {
                if self.is_current(number, generation) {
                    self.watermarks(number, watermarks);
                }
            }
            Event::Performed { partition, generation, input } => {
                if self.is_current(partition, generation) {
                    self.performed(partition, input);
                } else if ends_a_step(&input) {
                    self.departed.remove(&generation);
                }
            }
            Event::Chunked { partition, batch, held } => {
                self.job_ended(partition);
                if let Some(owned) = self.owned(partition) {
                    owned.chunked(batch, held);
                }
            }
            Event::Finished { partition, generation, files } => {
                self.job_ended(partition);
                if self.is_current(partition, generation) {
                    self.finished(partition, files);
                } else {
                    self.departed.remove(&generation);
                }
            }
            Event::Unchunked(number) => self.job_ended(number),
            Event::Unfit(number, why) => {
                self.job_ended(number);
                self.halt(number, Halt::Stuck(format!("rows do not fit columns: {why}")));
            }
            Event::DrainTo(ends) => self.drain_to = Some(ends),
            Event::Ending => self.ending = Some(self.now + DRAIN),
        }
    }

    /// How large the rows of a partition are that wait to be encoded. Told before each [`Schedule::tick`].
    pub fn set_rows(&mut self, partition: u32, rows: RowSizes) {
        if let Some(owned) = self.owned(partition) {
            owned.rows = rows;
        }
    }

    /// Looks at sizes, ages and memory: encodes full chunks, cuts what is due, opens and closes the intake.
    pub fn tick(&mut self) {
        for number in self.numbers() {
            self.chunk_if(number, |rows, bounds| rows.largest_directory >= bounds.chunk);
            if let Some(reason) = self.due(number) {
                self.seal(number, reason);
            }
        }
        self.relieve_memory();
        self.set_intake();
        self.end_if_drained();
    }

    /// True when there is something to carry out.
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// What is to be carried out now.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Whether messages are taken.
    pub fn intake(&self) -> Intake {
        self.intake
    }

    /// True while something is under way whose end is waited for.
    pub fn is_busy(&self) -> bool {
        let waits = |owned: &Partition| owned.machine.is_publishing() || owned.standing != Standing::Reading;
        self.all().any(|(_, owned)| waits(owned)) || self.jobs.iter().any(|jobs| *jobs > 0)
    }

    /// True when the result of something begun in `generation` is still wanted.
    pub fn is_current(&self, partition: u32, generation: Generation) -> bool {
        matches!(self.slots.get(partition as usize), Some(Slot::Owned(owned)) if owned.generation == generation)
    }

    /// Partitions that are ours and not halted.
    pub fn numbers(&self) -> Vec<u32> {
        self.all().map(|(number, _)| number).collect()
    }

    /// True when the partition's open batch may be cut.
    pub fn can_seal(&self, partition: u32) -> bool {
        matches!(self.slots.get(partition as usize), Some(Slot::Owned(owned)) if owned.can_seal())
    }

    /// The next offset that the partition's machine takes.
    pub fn position(&self, partition: u32) -> Option<u64> {
        match self.slots.get(partition as usize) {
            Some(Slot::Owned(owned)) => Some(owned.machine.position()),
            _ => None,
        }
    }

    /// Where everything of a partition lies.
    pub fn names(&self, partition: u32) -> Names {
        Names { topic: self.config.topic.clone(), epoch: self.config.epoch.clone(), partition }
    }

    fn all(&self) -> impl Iterator<Item = (u32, &Partition)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(number, slot)| if let Slot::Owned(owned) = slot { Some((number, &**owned)) } else { None })
    }

    fn owned(&mut self, number: u32) -> Option<&mut Partition> {
        match self.slots.get_mut(number as usize) {
            Some(Slot::Owned(owned)) => Some(owned),
            _ => None,
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn tell(&mut self, number: u32, fact: Fact) {
        self.actions.push(Action::Tell(number, fact));
    }
}
