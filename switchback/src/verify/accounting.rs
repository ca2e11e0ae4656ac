//! What the rows of the whole table say of each log file.
//!
//! This is what grows with the table: about 100 bytes per log file (nothing per record), and the keys of the table's own files.

use super::findings::EXAMPLES;
use super::listed::{Listed, Named};
use super::log_files::{LogFileState, LogFiles};
use super::parquet_file::{EndRow, FileFacts, Status};
use common::message::FileId;
use persister::decode::RowKind;
use persister::protocol::{FileState, Intent};

/// Reports of unreadable log files that are kept, of which those are listed that were not read later.
const REPORTS: usize = 50 * EXAMPLES;

/// What the rows and the chain say, added up.
#[derive(Debug, Default)]
pub(crate) struct Accounting {
    pub(crate) log_files: LogFiles,
    /// Keys of the table's files, by number.
    pub(crate) files: Vec<String>,
    pub(crate) rows: [u64; 3],
    /// The first reports of log files that could not be read; some of these may have been read later.
    quarantined: Vec<(FileId, Named)>,
    pub(crate) altered: Listed,
}

impl Accounting {
    /// Adds what the rows of one Parquet file say.
    pub(crate) fn add_file(&mut self, key: &str, facts: &FileFacts) {
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(key.to_owned());
        match facts.kind {
            Some(RowKind::Data) => self.rows[0] += facts.rows,
            Some(RowKind::Rejected) => self.rows[1] += facts.rows,
            Some(RowKind::LogFile) => self.rows[2] += facts.rows,
            None => {}
        }
        for (file, records) in &facts.records {
            let state = self.log_files.entry(*file);
            state.records.add(*records);
            state.seen_in = number;
        }
        for end in &facts.ends {
            self.add_end(end, number);
        }
    }

    fn add_end(&mut self, end: &EndRow, number: u32) {
        let state = self.log_files.entry(end.file);
        state.seen_in = number;
        let (name, why) = end.details.as_ref().map_or(("", ""), |(name, why)| (name, why));
        match end.status {
            Status::Complete => {
                state.ends = state.ends.saturating_add(1);
                state.end = Some(end.records);
                state.content = end.content;
            }
            Status::Quarantined => {
                state.is_quarantined = true;
                state.is_too_large = why == "too_large";
                if self.quarantined.len() < REPORTS {
                    self.quarantined.push((end.file, Named::of(name, why)));
                }
            }
            Status::Altered => {
                state.altered = end.content;
                self.altered.add(name, why);
            }
        }
    }

    /// A batch is not whole in the table: what its log files lack may follow from that.
    pub(crate) fn mark_damaged(&mut self, intent: &Intent) {
        for (file, _) in intent.delta().into_iter().flatten() {
            self.log_files.entry(file).in_damaged_batch = true;
        }
    }

    /// The files of a batch are not all there yet: what its log files lack may come with them.
    pub(crate) fn mark_on_its_way(&mut self, intent: &Intent) {
        for (file, _) in intent.delta().into_iter().flatten() {
            self.log_files.entry(file).is_on_its_way = true;
        }
    }

    /// Adds what the ledger says after a batch.
    ///
    /// # Errors
    /// In words: an entry of the batch does not read.
    pub(crate) fn add_ledger(&mut self, intent: &Intent) -> Result<(), String> {
        for (file, (_, said)) in intent.delta().map_err(|damaged| damaged.to_string())? {
            let state = self.log_files.entry(file);
            (state.ledger, state.ledger_done) = match said {
                FileState::Next(next) => (Some(next), false),
                FileState::Done { records, .. } => (Some(records), true),
                FileState::Quarantined(_) => (Some(0), false),
            };
        }
        Ok(())
    }

    /// Log files that could not be read and have not been read since.
    pub(crate) fn quarantined(&self) -> Listed {
        let is_out = |state: &LogFileState| state.is_quarantined && state.end.is_none();
        let count = self.log_files.iter().filter(|(_, state)| is_out(state)).count() as u64;
        let mut first: Vec<Named> = Vec::new();
        for (_, named) in self.quarantined.iter().filter(|(file, _)| self.log_files.get(*file).is_some_and(is_out)) {
            // Reported again with another reason: named once.
            if first.len() < EXAMPLES && first.iter().all(|other| other.source_object != named.source_object) {
                first.push(named.clone());
            }
        }
        Listed { count, first }
    }
}
