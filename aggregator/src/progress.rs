//! What the aggregator has done so far: counters for the progress bar and the summary.

use crate::notes::{EXAMPLES, Fate, Note, Notes};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that many threads add to and anybody reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why an entry of the source was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// CloudTrail's digest files: signatures over log files.
    Digest,
    /// Another service's logs below `AWSLogs/`.
    OtherFolder,
    /// Does not end in `.json.gz`.
    OtherName,
    /// A name that is not UTF-8 or longer than an S3 key can be.
    UnfitName,
    /// Neither a file nor a directory (a pipe, a device).
    Special,
    /// A directory that is its own ancestor, or too deep to be anything else.
    Loop,
    /// A link that points nowhere.
    DanglingLink,
}

impl Skip {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Skip; 7] =
        [Skip::Digest, Skip::OtherFolder, Skip::OtherName, Skip::UnfitName, Skip::Special, Skip::Loop, Skip::DanglingLink];

    /// The kind's name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Skip::Digest => "digest",
            Skip::OtherFolder => "other_folder",
            Skip::OtherName => "other_name",
            Skip::UnfitName => "unfit_name",
            Skip::Special => "special",
            Skip::Loop => "loop",
            Skip::DanglingLink => "dangling_link",
        }
    }
}

/// The counters. Files are log files; what lies in the source besides them is in `notes`.
#[derive(Debug, Default)]
pub struct Progress {
    /// Log files found and not known from before.
    pub listed: Counter,
    /// Their bytes, as listed.
    pub listed_bytes: Counter,
    /// Log files found and known to be acknowledged already.
    pub known: Counter,
    /// Log files whose whole run is acknowledged, quarantined ones included.
    pub done: Counter,
    /// Log files put aside with a reason.
    pub quarantined: Counter,
    /// Log files that were gone when they were to be read.
    pub vanished: Counter,
    /// Attempts that failed and were made again.
    pub retried: Counter,
    /// Event records acknowledged, rejected ones included.
    pub records: Counter,
    /// Event records acknowledged as rejections.
    pub rejected: Counter,
    /// Compressed bytes of the acknowledged files.
    pub bytes_in: Counter,
    /// Their inflated bytes.
    pub bytes_inflated: Counter,
    /// Messages acknowledged.
    pub messages: Counter,
    /// Bytes of these messages, keys and values.
    pub message_bytes: Counter,
    /// What was quarantined, waits, could not be listed or was skipped (by [`Skip`]: the most that one listing saw), by reason.
    pub notes: Notes,
}

impl Progress {
    /// Publishes what one listing has passed over so far. Listings repeat, so the numbers do not add up over them.
    pub(crate) fn raise_skipped(&self, skipped: &Skipped) {
        for (kind, (count, examples)) in Skip::ALL.into_iter().zip(&skipped.0) {
            if *count > 0 {
                self.notes.raise(Fate::Skipped, kind.as_str(), *count, examples);
            }
        }
    }

    /// All numbers as they are now.
    pub fn summary(&self) -> Summary {
        Summary {
            listed: self.listed.get(),
            known: self.known.get(),
            done: self.done.get(),
            quarantined: self.quarantined.get(),
            vanished: self.vanished.get(),
            waiting: self.notes.count(Fate::Waiting),
            unlisted: self.notes.count(Fate::Unlisted),
            skipped: self.notes.count(Fate::Skipped),
            retried: self.retried.get(),
            records: self.records.get(),
            rejected: self.rejected.get(),
            bytes_in: self.bytes_in.get(),
            bytes_inflated: self.bytes_inflated.get(),
            messages: self.messages.get(),
            message_bytes: self.message_bytes.get(),
            notes: self.notes.all(),
            is_cut_short: false,
        }
    }
}

/// What one listing passes over, by kind: how many, and the first few paths.
#[derive(Debug, Default)]
pub(crate) struct Skipped([(u64, Vec<String>); Skip::ALL.len()]);

impl Skipped {
    pub(crate) fn count(&mut self, kind: Skip, path: &str) {
        let (count, examples) = &mut self.0[kind as usize];
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(path.to_owned());
        }
    }
}

/// The counters at one moment; the fields mean what they mean in [`Progress`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of Progress")]
pub struct Summary {
    pub listed: u64,
    pub known: u64,
    pub done: u64,
    pub quarantined: u64,
    pub vanished: u64,
    /// Log files that the source names and did not give.
    pub waiting: u64,
    /// Places of the source that could not be listed.
    pub unlisted: u64,
    /// Entries that are no log files.
    pub skipped: u64,
    pub retried: u64,
    pub records: u64,
    pub rejected: u64,
    pub bytes_in: u64,
    pub bytes_inflated: u64,
    pub messages: u64,
    pub message_bytes: u64,
    pub notes: Vec<Note>,
    /// True when the work was ended before everything that was listed was done.
    pub is_cut_short: bool,
}

impl Summary {
    /// What is missing of the source, in a sentence; `None` when every log file that it holds was listed and read.
    pub fn shortfall(&self) -> Option<String> {
        let told = |fate, what: &str| {
            let notes: Vec<String> = self.notes.iter().filter(|note| note.fate == fate).map(Note::to_string).collect();
            (!notes.is_empty()).then(|| format!("{what}: {}", notes.join("; ")))
        };
        let parts = [told(Fate::Waiting, "log files that could not be read"), told(Fate::Unlisted, "not listed")];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listing_skips_is_told_by_kind_with_the_first_names() {
        let (progress, mut skipped) = (Progress::default(), Skipped::default());
        for (at, kind) in Skip::ALL.into_iter().enumerate() {
            (0..=at).for_each(|n| skipped.count(kind, &format!("{}-{n}", kind.as_str())));
        }
        progress.raise_skipped(&skipped);
        let summary = progress.summary();
        assert_eq!((summary.skipped, summary.notes.len()), (28, Skip::ALL.len()));
        assert!(summary.notes.iter().any(|note| note.reason == "digest" && note.count == 1 && note.examples == ["digest-0"]));
        assert_eq!(summary.shortfall(), None);
    }

    #[test]
    fn what_is_missing_is_one_sentence() {
        let progress = Progress::default();
        progress.notes.add(Fate::Waiting, "AccessDenied", "", "a");
        progress.notes.add(Fate::Unlisted, "Permission denied", "", "list d/");
        let text = progress.summary().shortfall().unwrap();
        assert_eq!(text, "log files that could not be read: 1 AccessDenied: a; not listed: 1 Permission denied: list d/");
    }
}
