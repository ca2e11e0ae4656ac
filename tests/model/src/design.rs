//! The design, and the ways of breaking it that the checker has to find.

use std::fmt;

/// One rule of the commit protocol turned into its plausible opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// The intent is put without asking that nothing be there.
    PlainIntentPut,
    /// "Something is there already" is taken to mean one's own first attempt, without reading it.
    RefusalTakenAsMine,
    /// No answer is taken to mean that nothing was put: the batch is cut anew under the next number, without reading back.
    TimeoutTakenAsFailure,
    /// The data files are put before the intent that names them.
    FilesBeforeIntent,
    /// Whoever starts does not look whether the head's files are there.
    NoRedo,
    /// Whoever starts goes on from the offset committed to Kafka.
    StartAtCommittedOffset,
    /// Old records of the chain are cleaned up; whoever starts makes do with those that are left.
    ChainExpires,
    /// An index above the next one is taken.
    GapAccepted,
    /// The number of partitions changes, and a log file's later run goes to a partition whose ledger has never heard of it.
    PartitionCountChanged,
    /// The intent of the next batch is put before the files of this one.
    NextIntentBeforeFiles,
    /// The hive partition is the date on the wall when the rows are written, and a redo writes on another day.
    ClockPicksHivePartition,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Flaw; 11] = [
        Flaw::PlainIntentPut,
        Flaw::RefusalTakenAsMine,
        Flaw::TimeoutTakenAsFailure,
        Flaw::FilesBeforeIntent,
        Flaw::NoRedo,
        Flaw::StartAtCommittedOffset,
        Flaw::ChainExpires,
        Flaw::GapAccepted,
        Flaw::PartitionCountChanged,
        Flaw::NextIntentBeforeFiles,
        Flaw::ClockPicksHivePartition,
    ];
}

/// The protocol as designed, or with one flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Design<F = Flaw>(Option<F>);

impl<F: Copy + PartialEq> Design<F> {
    /// As designed.
    pub const CORRECT: Design<F> = Design(None);

    /// As designed but for one rule.
    pub fn broken(flaw: F) -> Design<F> {
        Design(Some(flaw))
    }

    /// Whether it is broken in this way.
    pub fn has(self, flaw: F) -> bool {
        self.0 == Some(flaw)
    }
}

impl<F: fmt::Debug> fmt::Display for Design<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.pad("as designed"),
            Some(flaw) => f.pad(&format!("{flaw:?}")),
        }
    }
}
