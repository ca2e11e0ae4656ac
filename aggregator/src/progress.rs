//! What the aggregator has done so far: counters for the progress bar and the summary.

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

    /// Raises the number to `n` if it is lower.
    pub(crate) fn raise(&self, n: u64) {
        self.0.fetch_max(n, Ordering::Relaxed);
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
    /// A directory that may not be read, or whose entry cannot be looked at.
    Unreadable,
}

impl Skip {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Skip; 7] =
        [Skip::Digest, Skip::OtherFolder, Skip::OtherName, Skip::UnfitName, Skip::Special, Skip::Loop, Skip::Unreadable];

    /// The kind's name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Skip::Digest => "digest",
            Skip::OtherFolder => "other_folder",
            Skip::OtherName => "other_name",
            Skip::UnfitName => "unfit_name",
            Skip::Special => "special",
            Skip::Loop => "loop",
            Skip::Unreadable => "unreadable",
        }
    }
}

/// The counters. Files are log files; whatever else lies in the source is in `skipped`.
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
    /// Log files that the system would not let us read.
    pub unreadable: Counter,
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
    /// Entries passed over, by [`Skip`]: the most that one listing saw.
    skipped: [Counter; Skip::ALL.len()],
}

impl Progress {
    /// Entries passed over for this reason: the most that one listing saw.
    pub fn skipped(&self, kind: Skip) -> u64 {
        self.skipped[kind as usize].get()
    }

    /// Publishes what one listing has passed over so far. Listings repeat, so the numbers do not add up over them.
    pub(crate) fn raise_skipped(&self, counts: &[u64; Skip::ALL.len()]) {
        for (counter, count) in self.skipped.iter().zip(counts) {
            counter.raise(*count);
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
            unreadable: self.unreadable.get(),
            retried: self.retried.get(),
            records: self.records.get(),
            rejected: self.rejected.get(),
            bytes_in: self.bytes_in.get(),
            bytes_inflated: self.bytes_inflated.get(),
            messages: self.messages.get(),
            message_bytes: self.message_bytes.get(),
            skipped: Skip::ALL.into_iter().map(|kind| (kind.as_str(), self.skipped(kind))).filter(|(_, n)| *n > 0).collect(),
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
    pub unreadable: u64,
    pub retried: u64,
    pub records: u64,
    pub rejected: u64,
    pub bytes_in: u64,
    pub bytes_inflated: u64,
    pub messages: u64,
    pub message_bytes: u64,
    /// Entries passed over, by the name of the reason; reasons that did not occur are left out.
    pub skipped: std::collections::BTreeMap<&'static str, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_skip_has_its_own_counter() {
        let progress = Progress::default();
        let counts: [u64; Skip::ALL.len()] = std::array::from_fn(|at| at as u64 + 1);
        progress.raise_skipped(&counts);
        for (at, kind) in Skip::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, progress.skipped(kind)), (at, at as u64 + 1));
        }
    }

    #[test]
    fn a_second_listing_of_the_same_tree_counts_nothing_twice() {
        let progress = Progress::default();
        for digests in [1, 3, 2, 3] {
            progress.raise_skipped(&[digests, 0, 0, 0, 0, 0, 0]);
        }
        assert_eq!(progress.summary().skipped, [("digest", 3)].into());
    }
}
