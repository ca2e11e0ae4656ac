//! The log between the stages, which does not stay what it was, and the aggregator's memory of what it has sent there.

use super::design::{Design, Flaw};

/// The hive partition of each record, by log file. Records of the first lie in two, so that its batch can be put by half; of the third, so
/// that half of it leaves a hole in the middle, or around it.
pub const LOG_FILES: [&[u8]; 3] = [&[0, 1], &[0], &[0, 1, 0]];

/// A set of small numbers, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Set(pub u8);

impl Set {
    /// None.
    pub const EMPTY: Set = Set(0);

    /// Those in `range`.
    pub fn range(range: std::ops::Range<u8>) -> Set {
        range.fold(Set::EMPTY, Set::with)
    }

    /// With this one.
    pub fn with(self, one: u8) -> Set {
        Set(self.0 | (1 << one))
    }

    /// Without those.
    pub fn without(self, those: Set) -> Set {
        Set(self.0 & !those.0)
    }

    /// With those.
    pub fn and(self, those: Set) -> Set {
        Set(self.0 | those.0)
    }

    /// Whether this one is in it.
    pub fn has(self, one: u8) -> bool {
        self.0 & (1 << one) != 0
    }
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// Record of this index.
    Record(u8),
    /// The log file has no more records.
    End,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    /// Its log file; also the file id that picks the partition.
    pub file: u8,
    /// What it says.
    pub slot: Slot,
    /// How often the log had lost messages when it was appended: stands for the time of appending, by which an anchor is told
    /// from the same message sent again.
    pub life: u8,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Partition {
    /// The first offset that can still be read.
    pub low: u8,
    /// All messages ever appended, by offset; those below `low` are gone.
    pub messages: Vec<Message>,
}

impl Partition {
    /// The offset after the last message.
    pub fn high(&self) -> u8 {
        self.messages.len() as u8
    }

    /// The message at this offset, if it can be read.
    pub fn read(&self, offset: u8) -> Option<Message> {
        self.messages.get(usize::from(offset)).copied().filter(|_| offset >= self.low)
    }
}

/// A topic or an embedded log, by the name that processes know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Log {
    /// Which log stands behind the name now: a topic id, or an embedded log's random id.
    pub id: u8,
    /// How often it has lost messages.
    pub life: u8,
    /// Its partitions.
    pub partitions: Vec<Partition>,
    /// The id of the log that the marks below belong to.
    pub marks_id: u8,
    /// Log files that the aggregator remembers to have sent whole.
    pub marks: Set,
    /// Marked log files that nobody can see to be missing, because the log lost them after it had acknowledged them.
    pub hurt: Set,
}

impl Log {
    /// An empty one.
    pub fn new(id: u8, partitions: usize) -> Log {
        let partitions = vec![Partition::default(); partitions];
        Log { id, life: 0, partitions, marks_id: id, marks: Set::EMPTY, hurt: Set::EMPTY }
    }

    /// The log is gone, and another one of its name begins. The aggregator's memory is elsewhere, and stays.
    pub fn recreate(&mut self, id: u8, partitions: usize) {
        *self = Log { marks_id: self.marks_id, marks: self.marks, ..Log::new(id, partitions) };
    }

    /// Whether the aggregator takes this log file for sent.
    pub fn is_marked(&self, design: Design, file: u8) -> bool {
        self.marks.has(file) && (self.marks_id == self.id || design.has(Flaw::MarksOfAnotherStreamBelieved))
    }

    /// A run of the log file: `messages` of it, and a mark if that is all.
    pub fn send(&mut self, design: Design, file: u8, messages: usize) {
        let to = usize::from(file) % self.partitions.len();
        let run = run(file, self.life);
        self.partitions[to].messages.extend(&run[..messages]);
        if messages < run.len() {
            return;
        }
        if self.marks_id != self.id && !design.has(Flaw::MarksOfAnotherStreamBelieved) {
            self.marks = Set::EMPTY;
        }
        self.marks_id = self.id;
        self.marks = self.marks.with(file);
        self.hurt = self.hurt.without(Set::EMPTY.with(file));
    }

    /// Partition `p`, if the log has it.
    pub fn partition(&self, p: u8) -> Option<&Partition> {
        self.partitions.get(usize::from(p))
    }
}

/// A whole run of a log file.
pub fn run(file: u8, life: u8) -> Vec<Message> {
    let slots = (0..records(file)).map(Slot::Record).chain([Slot::End]);
    slots.map(|slot| Message { file, slot, life }).collect()
}

/// How many records the log file has.
pub fn records(file: u8) -> u8 {
    LOG_FILES[usize::from(file)].len() as u8
}
