//! Which messages were taken: the accept rule and the memory behind it.
//!
//! Each run of a log file writes `0, 1, …, n-1, end` in order into one partition, so taking a message only when its index is
//! the next one of its file gives each record exactly once, whatever runs repeat, interleave or break off.
//!
//! Memory is bounded, history is not: entries are kept by delivery day; days that lie in the store (checkpoints) need not be
//! in memory, and are asked for when a file of that day shows up.

use common::message::{EndOfFile, EndStatus, FileId, Slot};
use common::time::Date;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// A delivery day, from the log file's name: the bucket its ledger entry lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Day {
    /// The name does not tell.
    Unknown,
    /// UTC day of delivery.
    Of(Date),
}

impl From<Option<Date>> for Day {
    fn from(date: Option<Date>) -> Day {
        date.map_or(Day::Unknown, Day::Of)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Day::Unknown => f.write_str("unknown"),
            Day::Of(date) => date.fmt(f),
        }
    }
}

impl Day {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Day> {
        if text == "unknown" { Some(Day::Unknown) } else { Date::parse(text).map(Day::Of) }
    }
}

/// What is known of one log file. A file without an entry is `Next(0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Records before this index are taken.
    Next(u32),
    /// The end message was taken.
    Done {
        /// Elements of `Records`.
        records: u32,
        /// Head of the SHA-256 of the content.
        content: u64,
        /// Another content that a later end message told of; reported once.
        altered: Option<u64>,
    },
    /// Put aside as unreadable, nothing taken: a later good run starts at 0. The number tells repeats of the same report.
    Quarantined(u64),
}

/// What to do with a message of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// A row; the file's state is now this.
    Take(FileState),
    /// An end message that tells of another content than the one taken: reported, changes no record.
    Altered(FileState),
    /// Taken before: drop and count.
    Duplicate,
    /// Left over from a run that broke off before this: drop and count, a complete run sends it again.
    Ahead,
}

/// What a message says of itself, as far as the accept rule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The record at this index.
    Record(u32),
    /// The log file ended after so many records, with this content.
    Complete(u32, u64),
    /// The log file could not be read.
    Unreadable(u64),
}

impl Claim {
    /// The claim of a record message, or of an end message with its value.
    pub fn of(slot: Slot, end: Option<&EndOfFile>) -> Option<Claim> {
        match (slot, end) {
            (Slot::Record(index), _) => Some(Claim::Record(index)),
            (Slot::End, Some(end)) => Some(match end.status {
                EndStatus::Complete => Claim::Complete(end.records, head_of(end.sha256.as_deref().unwrap_or(""))),
                EndStatus::Quarantined => Claim::Unreadable(head_of(&format!(
                    "{}\n{}\n{}",
                    end.etag,
                    end.reason.as_deref().unwrap_or(""),
                    end.detail.as_deref().unwrap_or("")
                ))),
            }),
            (Slot::End, None) => None,
        }
    }
}

fn head_of(text: &str) -> u64 {
    let mut head = [0u8; 8];
    head.copy_from_slice(&Sha256::digest(text.as_bytes())[..8]);
    u64::from_be_bytes(head)
}

/// The accept rule.
pub fn accept(state: Option<FileState>, claim: Claim) -> Accept {
    use Accept::{Ahead, Altered, Duplicate, Take};
    use FileState::{Done, Next, Quarantined};
    let next = match state {
        None | Some(Quarantined(_)) => 0,
        Some(Next(next)) => next,
        Some(Done { records, content, altered }) => {
            return match claim {
                Claim::Record(index) if index < records => Duplicate,
                Claim::Record(_) => Ahead,
                Claim::Complete(count, told) if count == records && told == content => Duplicate,
                Claim::Complete(_, told) | Claim::Unreadable(told) if altered == Some(told) => Duplicate,
                Claim::Complete(_, told) | Claim::Unreadable(told) => Altered(Done { records, content, altered: Some(told) }),
            };
        }
    };
    match claim {
        // An index is below u32::MAX: a log file of four billion records does not fit the inflate cap.
        Claim::Record(index) if index == next && index < u32::MAX => Take(Next(index + 1)),
        Claim::Record(index) if index < next => Duplicate,
        Claim::Record(_) => Ahead,
        Claim::Complete(records, content) if records == next => Take(Done { records, content, altered: None }),
        Claim::Complete(..) => Ahead,
        Claim::Unreadable(told) if state == Some(Quarantined(told)) => Duplicate,
        Claim::Unreadable(told) if next == 0 => Take(Quarantined(told)),
        // Part of it was read before: nothing to add, the part stays and a good run completes it.
        Claim::Unreadable(_) => Duplicate,
    }
}

/// Changes to the ledger made by one batch.
pub type Delta = HashMap<FileId, (Day, FileState)>;

/// A [`Delta`] in the making. The records of a log file come one behind the other, so what the last file has come to is kept beside the
/// map, and written into it when another file's turn comes.
#[derive(Debug, Default)]
pub struct OpenDelta {
    /// Has every file; of the last one, what it was when its turn began.
    map: Delta,
    last: Option<(FileId, Day, FileState)>,
}

impl OpenDelta {
    /// What a file has come to, if this batch has changed it.
    pub fn get(&self, file: FileId) -> Option<FileState> {
        match self.last {
            Some((last, _, state)) if last == file => Some(state),
            _ => self.map.get(&file).map(|(_, state)| *state),
        }
    }

    /// Changes a file.
    pub fn insert(&mut self, file: FileId, day: Day, state: FileState) {
        if let Some((last, last_day, last_state)) = &mut self.last
            && *last == file
        {
            (*last_day, *last_state) = (day, state);
            return;
        }
        self.settle();
        self.map.insert(file, (day, state));
        self.last = Some((file, day, state));
    }

    /// Number of files changed.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// True when no file was changed.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// All changes.
    pub fn into_delta(mut self) -> Delta {
        self.settle();
        self.map
    }

    fn settle(&mut self) {
        if let Some((file, day, state)) = self.last.take() {
            self.map.insert(file, (day, state));
        }
    }
}

/// Where a day of the ledger lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Object key.
    pub key: String,
    /// SHA-256 of the object, lower-case hex.
    pub sha256: String,
    /// Entries in it.
    pub entries: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    stored: Option<Stored>,
    /// False while `files` lacks what lies in the store.
    missing: bool,
    /// Changed since it was stored.
    dirty: bool,
    /// On its way to the store.
    writing: Option<Stored>,
    touched: u64,
    files: HashMap<FileId, FileState>,
}

/// What the ledger answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The state, `None` for a file never seen.
    Known(Option<FileState>),
    /// This day must be loaded first.
    Missing(Day),
}

/// The committed ledger of one partition: every batch up to the head of the chain, nothing of the open one.
#[derive(Debug, Default)]
pub struct Ledger {
    days: BTreeMap<Day, Bucket>,
    clock: u64,
}

impl Ledger {
    /// A ledger whose days lie in the store, none in memory.
    pub fn from_checkpoint(days: impl IntoIterator<Item = (Day, Stored)>) -> Ledger {
        let days =
            days.into_iter().map(|(day, stored)| (day, Bucket { stored: Some(stored), missing: true, ..Bucket::default() }));
        Ledger { days: days.collect(), clock: 0 }
    }

    /// What is known of a file.
    pub fn lookup(&mut self, day: Day, file: FileId) -> Lookup {
        self.clock += 1;
        let Some(bucket) = self.days.get_mut(&day) else { return Lookup::Known(None) };
        bucket.touched = self.clock;
        match bucket.files.get(&file) {
            Some(state) => Lookup::Known(Some(*state)),
            None if bucket.missing => Lookup::Missing(day),
            None => Lookup::Known(None),
        }
    }

    /// Where a missing day lies.
    pub fn stored(&self, day: Day) -> Option<&Stored> {
        self.days.get(&day).and_then(|bucket| bucket.stored.as_ref())
    }

    /// Adds a loaded day; what is in memory already is newer.
    pub fn load(&mut self, day: Day, entries: impl IntoIterator<Item = (FileId, FileState)>) {
        let bucket = self.days.entry(day).or_default();
        for (file, state) in entries {
            bucket.files.entry(file).or_insert(state);
        }
        bucket.missing = false;
    }

    /// Applies a committed batch.
    pub fn apply(&mut self, delta: impl IntoIterator<Item = (FileId, (Day, FileState))>) {
        self.clock += 1;
        for (file, (day, state)) in delta {
            let bucket = self.days.entry(day).or_default();
            bucket.files.insert(file, state);
            bucket.dirty = true;
            bucket.touched = self.clock;
        }
    }

    /// Entries held in memory.
    pub fn entries(&self) -> usize {
        self.days.values().map(|bucket| bucket.files.len()).sum()
    }

    /// The first day that was changed but is not all in memory: it must be loaded before a checkpoint can be written.
    pub fn unwritable(&self) -> Option<Day> {
        self.days.iter().find(|(_, bucket)| bucket.dirty && bucket.missing).map(|(day, _)| *day)
    }

    /// Begins a checkpoint: every changed day goes through `place`, which says where its entries (in file-id order) will lie.
    /// Returns the index of all days. Ends with [`Ledger::end_write`].
    pub fn begin_write(&mut self, mut place: impl FnMut(Day, &[(FileId, FileState)]) -> Stored) -> Vec<(Day, Stored)> {
        for (day, bucket) in self.days.iter_mut().filter(|(_, bucket)| bucket.dirty && !bucket.missing) {
            let mut entries: Vec<_> = bucket.files.iter().map(|(file, state)| (*file, *state)).collect();
            entries.sort_unstable_by_key(|entry| entry.0);
            bucket.writing = Some(place(*day, &entries));
            bucket.dirty = false;
        }
        let stored = self.days.iter().filter_map(|(day, bucket)| Some((*day, bucket.writing.clone().or(bucket.stored.clone())?)));
        stored.collect()
    }

    /// Ends a checkpoint: the days lie in the store now, or did not get there and count as changed again.
    pub fn end_write(&mut self, written: bool) {
        for bucket in self.days.values_mut() {
            match bucket.writing.take() {
                Some(stored) if written => bucket.stored = Some(stored),
                Some(_) => bucket.dirty = true,
                None => {}
            }
        }
    }

    /// Forgets clean days, the longest untouched first, until at most `limit` entries are in memory.
    pub fn evict(&mut self, limit: usize) {
        let mut held = self.entries();
        while held > limit {
            let clean =
                self.days.values_mut().filter(|b| !b.dirty && b.writing.is_none() && b.stored.is_some() && !b.files.is_empty());
            let Some(oldest) = clean.min_by_key(|bucket| bucket.touched) else { return };
            held -= oldest.files.len();
            // A new map: clearing would keep the memory.
            oldest.files = HashMap::new();
            oldest.missing = true;
        }
    }
}

#[cfg(test)]
mod tests;
