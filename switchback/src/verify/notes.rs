//! What a report lists by name beside violations: what is missing, not compared or on its way.

use super::listed::Listed;

/// A kind of such things. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    UnfinishedBatches,
    UnfinishedLogFiles,
    Quarantined,
    Altered,
    NotCompared,
    NothingCompared,
    Vanished,
}

/// What it means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// Of interest only.
    None,
    /// The table is incomplete, and what is missing is on its way or sent again by the stages themselves.
    OnItsWay,
    /// The table is incomplete, or was not shown to be complete.
    Missing,
}

impl Note {
    pub(crate) const ALL: [Note; 7] = [
        Note::UnfinishedBatches,
        Note::UnfinishedLogFiles,
        Note::Quarantined,
        Note::Altered,
        Note::NotCompared,
        Note::NothingCompared,
        Note::Vanished,
    ];

    /// The name in `--json`: scripts rely on it.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Note::UnfinishedBatches => "unfinished_batches",
            Note::UnfinishedLogFiles => "unfinished_log_files",
            Note::Quarantined => "quarantined_log_files",
            Note::Altered => "altered_log_files",
            Note::NotCompared => "objects_not_compared",
            Note::NothingCompared => "nothing_to_compare",
            Note::Vanished => "log_files_gone_from_the_source",
        }
    }

    /// One of them, and many, in words.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Note::UnfinishedBatches => ("unfinished batch", "unfinished batches"),
            Note::UnfinishedLogFiles => ("unfinished log file", "unfinished log files"),
            Note::Quarantined => ("quarantined log file", "quarantined log files"),
            Note::Altered => ("log file that came again with other content", "log files that came again with other content"),
            Note::NotCompared => ("object of the source not compared", "objects of the source not compared"),
            Note::NothingCompared => ("source without log files", "sources without log files"),
            Note::Vanished => ("log file deleted before it was read", "log files deleted before they were read"),
        }
    }

    pub(crate) fn bearing(self) -> Bearing {
        match self {
            Note::UnfinishedBatches | Note::UnfinishedLogFiles => Bearing::OnItsWay,
            Note::Quarantined | Note::Altered | Note::NotCompared | Note::NothingCompared => Bearing::Missing,
            Note::Vanished => Bearing::None,
        }
    }
}

/// What is listed of each kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Notes([Listed; Note::ALL.len()]);

impl Notes {
    pub(crate) fn add(&mut self, note: Note, name: &str, why: &str) {
        self.0[note as usize].add(name, why);
    }

    pub(crate) fn set(&mut self, note: Note, listed: Listed) {
        self.0[note as usize] = listed;
    }

    pub(crate) fn of(&self, note: Note) -> &Listed {
        &self.0[note as usize]
    }

    /// Those kinds of which there is anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Note, &Listed)> {
        Note::ALL.into_iter().zip(&self.0).filter(|(_, listed)| listed.count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_at_its_place() {
        for (at, note) in Note::ALL.into_iter().enumerate() {
            assert_eq!(note as usize, at);
        }
    }
}
