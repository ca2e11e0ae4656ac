//! The invariants of the commit protocol, named once: asserted in the machine, used by simulation, model and `verify`.

use std::fmt;

/// What must hold at every moment, whatever crashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Invariant {
    /// Offsets tile: record N starts where record N-1 ends, and carries its hash.
    C1OffsetsTile,
    /// Record N+1 exists only if all files of record N exist.
    C2FilesBeforeNext,
    /// A name fixes its rows: keys and rows of N are a function of the log's `[start, end)`, the ledger after N-1 and the layout.
    C3NameFixesRows,
    /// A row is in one file only.
    C4RowOnce,
    /// The committed offset is at or before the end of the chain.
    C5CommitMirrorsChain,
    /// Per log file the indexes in the table are 0..n-1 without repeat once its end is seen.
    C6IndexesDense,
    /// No decision uses a wall clock.
    C7NoWallClock,
}

impl Invariant {
    /// The short id used in logs and reports.
    pub fn id(self) -> &'static str {
        match self {
            Invariant::C1OffsetsTile => "C1",
            Invariant::C2FilesBeforeNext => "C2",
            Invariant::C3NameFixesRows => "C3",
            Invariant::C4RowOnce => "C4",
            Invariant::C5CommitMirrorsChain => "C5",
            Invariant::C6IndexesDense => "C6",
            Invariant::C7NoWallClock => "C7",
        }
    }

    /// What it says, in a line.
    pub fn says(self) -> &'static str {
        match self {
            Invariant::C1OffsetsTile => "chain links hold and offsets tile",
            Invariant::C2FilesBeforeNext => "every file of every intent is there",
            Invariant::C3NameFixesRows => "rows and digests are those of the intent",
            Invariant::C4RowOnce => "each record is in the table once",
            Invariant::C5CommitMirrorsChain => "committed offsets are within the chain",
            Invariant::C6IndexesDense => "indexes are dense in every finished log file",
            Invariant::C7NoWallClock => "no decision uses a wall clock",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id(), self.says())
    }
}
