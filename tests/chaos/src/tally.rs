//! The figures of one scenario.

use crate::diary::Diary;
use ::tests::watch::Seen;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was done, and what came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Tally {
    /// Its name.
    pub(crate) scenario: &'static str,
    /// Its seed.
    pub(crate) seed: u64,
    /// How long it took.
    pub(crate) seconds: u64,
    /// Why it was not played.
    pub(crate) skipped: Option<String>,
    /// Topics and tables.
    pub(crate) rounds: u64,
    /// `kill -9` of an aggregator or a persister.
    pub(crate) kills: u64,
    /// Of these, persisters that had published in that life.
    pub(crate) kills_at_work: u64,
    /// Persisters stopped until another had taken over, then woken.
    pub(crate) zombies: u64,
    /// Persisters stopped while another, told to own the same partition, went on; then woken.
    pub(crate) double_owners: u64,
    /// Outages of Kafka or S3.
    pub(crate) outages: u64,
    /// Everything else that was done, by kind.
    pub(crate) faults: BTreeMap<String, u64>,
    /// Processes that ended by themselves, by their last words.
    pub(crate) ended: BTreeMap<String, u64>,
    /// Batches published, starts that finished another's batch, batches dropped since another writer was first, intents without a
    /// clear answer. Only what processes lived to say.
    pub(crate) batches: u64,
    /// See `batches`.
    pub(crate) redone: u64,
    /// See `batches`.
    pub(crate) lost_races: u64,
    /// See `batches`.
    pub(crate) unclear: u64,
    /// Log files delivered, copies included, the last delivery of everything not.
    pub(crate) log_files: u64,
    /// Records that the tables must hold, and do: as a row or as a rejection.
    pub(crate) records: u64,
    /// Parquet files.
    pub(crate) files: u64,
    /// Looks at a table while it was written.
    pub(crate) checks: u64,
    /// Looks at which the store did not answer.
    pub(crate) blind: u64,
    /// Rows seen more than once, at any moment.
    pub(crate) duplicates: u64,
    /// Rows that are not there at the end.
    pub(crate) missing: u64,
    /// Tables that `switchback verify --against` found exact, as the judge had.
    pub(crate) verified: u64,
    /// What must not be.
    pub(crate) violations: Vec<String>,
    /// Why it was not played to its end: a violation, or something that the harness expected and did not see.
    pub(crate) broken_off: Option<String>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(scenario: &'static str, seed: u64) -> Tally {
        Tally { scenario, seed, ..Tally::default() }
    }

    /// Nothing lost, nothing twice, and played to the end.
    pub(crate) fn is_good(&self) -> bool {
        self.is_exact() && self.broken_off.is_none()
    }

    /// Nothing lost, nothing twice, as far as it was played.
    pub(crate) fn is_exact(&self) -> bool {
        self.violations.is_empty() && self.duplicates == 0 && self.missing == 0
    }

    /// Counts something that was done.
    pub(crate) fn fault(&mut self, kind: &str) {
        *self.faults.entry(kind.to_owned()).or_default() += 1;
    }

    /// Counts what a process did in the life that is over.
    pub(crate) fn learn(&mut self, diary: &Diary) {
        self.batches += diary.batches();
        self.redone += diary.redone;
        self.lost_races += diary.lost;
        self.unclear += diary.unclear;
    }

    /// Counts what stands in a table at the end.
    pub(crate) fn see(&mut self, seen: &Seen) {
        self.files += seen.files;
        self.records += seen.rows + seen.rejected;
        self.duplicates += seen.twice;
        self.missing += seen.missing;
        self.violations.extend(seen.problems.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_good_only_with_nothing_twice_nothing_missing_and_no_violation() {
        assert!(Tally::default().is_good());
        assert!(!Tally { duplicates: 1, ..Tally::default() }.is_good());
        assert!(!Tally { missing: 1, ..Tally::default() }.is_good());
        assert!(!Tally { violations: vec!["x".to_owned()], ..Tally::default() }.is_good());
        let broken_off = Tally { broken_off: Some("x".to_owned()), ..Tally::default() };
        assert!(!broken_off.is_good() && broken_off.is_exact(), "the harness has failed, not the product");
    }
}
