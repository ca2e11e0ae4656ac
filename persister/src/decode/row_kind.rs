//! The three kinds of rows that one batch writes, each to files of its own.

use std::fmt;

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKind {
    /// An event, below `data/`.
    Data,
    /// A log file that came to its end message, in `log_files/`.
    LogFile,
    /// An event record or a message that could not become an event, below `rejected/`, with the reason.
    Rejected,
}

impl RowKind {
    /// The top directory of its files: readers list `data/**` and must not meet rows of another kind there.
    pub fn root(self) -> &'static str {
        match self {
            RowKind::Data => "data",
            RowKind::LogFile => "log_files",
            RowKind::Rejected => "rejected",
        }
    }
}

/// What became of a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFileStatus {
    /// Every element of its `Records` has its row.
    Complete,
    /// It could not be read; nothing of it is in the table.
    Quarantined,
    /// It came again with other content after it had been taken; the rows are those of the first time.
    Altered,
}

impl fmt::Display for LogFileStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogFileStatus::Complete => "complete",
            LogFileStatus::Quarantined => "quarantined",
            LogFileStatus::Altered => "altered",
        })
    }
}
