//! What was checked and what was found wrong: one entry a check, the number of violations and a description of the first few.

use common::service::Printable;
use persister::protocol::invariants::Invariant;

/// Violations of one check that are described; a table with a systematic fault has millions, and they all look alike.
pub(crate) const EXAMPLES: usize = 20;

/// The checks, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Stream,
    Chain,
    Files,
    Rows,
    Orphans,
    Once,
    Dense,
    Ledger,
    Source,
    Values,
}

impl Check {
    pub(crate) const ALL: [Check; 10] = [
        Check::Stream,
        Check::Chain,
        Check::Files,
        Check::Rows,
        Check::Orphans,
        Check::Once,
        Check::Dense,
        Check::Ledger,
        Check::Source,
        Check::Values,
    ];

    /// The name in `--json`: scripts rely on it.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Check::Stream => "stream",
            Check::Chain => "chain",
            Check::Files => "files",
            Check::Rows => "rows",
            Check::Orphans => "orphans",
            Check::Once => "once",
            Check::Dense => "dense",
            Check::Ledger => "ledger",
            Check::Source => "source",
            Check::Values => "values",
        }
    }

    /// The invariant of the commit protocol that is checked, where it is one.
    pub(crate) fn invariant(self) -> Option<Invariant> {
        match self {
            Check::Chain => Some(Invariant::C1OffsetsTile),
            Check::Files => Some(Invariant::C2FilesBeforeNext),
            Check::Rows => Some(Invariant::C3NameFixesRows),
            Check::Once => Some(Invariant::C4RowOnce),
            Check::Dense => Some(Invariant::C6IndexesDense),
            Check::Stream | Check::Orphans | Check::Ledger | Check::Source | Check::Values => None,
        }
    }

    /// What holds when there is no violation.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Check::Stream => "the table belongs to one stream",
            Check::Orphans => "every file is named by a batch",
            Check::Ledger => "the ledger agrees with the rows",
            Check::Source => "every log file of the source is in the table",
            Check::Values => "every record agrees value by value",
            _ => self.invariant().map_or("", Invariant::says),
        }
    }

    /// What an operator must do about a violation.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Check::Stream => "restore the record from an object version or a backup before a persister starts on this table",
            Check::Chain => {
                "stop the partition's persisters and restore the record byte for byte from an object version or a backup; \
                 never write or delete one by hand: all later records depend on it"
            }
            Check::Files | Check::Rows => {
                "restore the file from an object version or a backup; a missing file of a partition's newest batch is written by the next \
                 persister that starts; otherwise build a new table from the log files"
            }
            Check::Orphans => {
                "if the record of its batch is missing or damaged, restore that; otherwise move the file out of the table"
            }
            Check::Once | Check::Dense | Check::Ledger => {
                "first repair what is wrong above; if nothing is, this is a fault of Switchback: keep table and topic as they are and report it"
            }
            Check::Source => "send the log files again: records that the table has already are dropped",
            Check::Values => {
                "if nothing is wrong above, compare the named rows: either the rows or the log files were changed after they were written"
            }
        }
    }

    /// True when the check needs the log files.
    pub(crate) fn needs_source(self) -> bool {
        matches!(self, Check::Source | Check::Values)
    }
}

/// The violations of one check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) violations: u64,
    /// How many of them the examples describe; one example may describe many.
    pub(crate) described: u64,
    /// The first [`EXAMPLES`], fit for a terminal.
    pub(crate) examples: Vec<String>,
}

/// The violations of all checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings([Found; Check::ALL.len()]);

impl Findings {
    /// Adds a violation; the text may quote hostile input.
    pub(crate) fn add(&mut self, check: Check, text: impl AsRef<str>) {
        self.add_many(check, 1, text);
    }

    /// Adds violations that one example describes.
    pub(crate) fn add_many(&mut self, check: Check, violations: u64, text: impl AsRef<str>) {
        let found = &mut self.0[check as usize];
        found.violations += violations;
        if violations > 0 && found.examples.len() < EXAMPLES {
            found.described += violations;
            found.examples.push(Printable(text.as_ref()).to_string());
        }
    }

    /// Counts violations without describing them.
    pub(crate) fn add_undescribed(&mut self, check: Check, violations: u64) {
        self.0[check as usize].violations += violations;
    }

    /// Adds what another part of the work found.
    pub(crate) fn merge(&mut self, other: Findings) {
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            ours.violations += theirs.violations;
            let room = EXAMPLES - ours.examples.len();
            // Of examples that are left out in part, each counts as one.
            ours.described += if theirs.examples.len() <= room { theirs.described } else { room as u64 };
            ours.examples.extend(theirs.examples.into_iter().take(room));
        }
    }

    pub(crate) fn of(&self, check: Check) -> &Found {
        &self.0[check as usize]
    }

    /// Violations of all checks.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|found| found.violations).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_stands_at_its_place() {
        for (at, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(check as usize, at);
            assert!(!check.says().is_empty() && !check.remedy().is_empty());
        }
    }

    #[test]
    fn every_violation_is_counted_and_the_first_few_are_told_fit_for_a_terminal() {
        let mut findings = Findings::default();
        for n in 0..15 {
            findings.add(Check::Chain, format!("{n}\u{1b}[2J"));
        }
        findings.merge(findings.clone());
        let found = findings.of(Check::Chain);
        assert_eq!((found.violations, found.examples.len(), findings.total()), (30, EXAMPLES, 30));
        assert_eq!(found.examples[1], "1\\u{1b}[2J");
        findings.add_many(Check::Rows, 7, "seven");
        assert_eq!((findings.of(Check::Rows).described, findings.of(Check::Chain).described), (7, EXAMPLES as u64));
    }
}
