//! What did not become rows in the usual way, by reason: how many, and the first few names. For the lines while trouble lasts and for the
//! end of a run, so that nothing that was passed over is silent and a million of one kind are one line.

use common::store::StoreError;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Names kept with each reason.
pub(crate) const EXAMPLES: usize = 3;

/// Reasons told apart: they may be a server's words. Those beyond are counted together.
const MAX_REASONS: usize = 64;

/// The name of that last reason.
const OTHER: &str = "other reasons";

/// What became of it instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A log file that cannot be read as one: the table's `log_files/` has it, with its reason.
    Quarantined,
    /// A log file that its source names and does not give.
    Waiting,
    /// A place of the source that could not be listed.
    Unlisted,
    /// An entry that is no log file.
    Skipped,
}

/// All that met one fate for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What became of them.
    pub fate: Fate,
    /// Why, in a few words.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The first of their names. They may hold any character.
    pub examples: Vec<String>,
    /// Why, at length, of one of them; empty when the reason says it all.
    pub detail: String,
}

/// Which of the notes something was counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoteId(u16);

/// The notes of a process. Those that are over keep their place, so that an id stays true.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<Note>>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Vec<Note>> {
        // Counts and names: nothing that a panic could leave half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more.
    pub(crate) fn add(&self, fate: Fate, reason: &str, detail: &str, name: &str) -> NoteId {
        let mut notes = self.lock();
        let id = place(&mut notes, fate, reason);
        if let Some(note) = notes.get_mut(usize::from(id.0)) {
            note.count += 1;
            if note.examples.len() < EXAMPLES {
                note.examples.push(name.to_owned());
            }
            if note.detail.is_empty() {
                detail.clone_into(&mut note.detail);
            }
        }
        id
    }

    /// Counts one less; `name` is no example any more.
    pub(crate) fn remove(&self, id: NoteId, name: &str) {
        if let Some(note) = self.lock().get_mut(usize::from(id.0)) {
            note.count = note.count.saturating_sub(1);
            note.examples.retain(|example| example != name);
            note.examples.truncate(usize::try_from(note.count).unwrap_or(EXAMPLES));
        }
    }

    /// Raises a count to `count` if it is lower.
    pub(crate) fn raise(&self, fate: Fate, reason: &str, count: u64, examples: &[String]) {
        let mut notes = self.lock();
        let id = place(&mut notes, fate, reason);
        if let Some(note) = notes.get_mut(usize::from(id.0))
            && note.count < count
        {
            note.count = count;
            note.examples = examples.iter().take(EXAMPLES).cloned().collect();
        }
    }

    /// Forgets all of one fate.
    pub(crate) fn clear(&self, fate: Fate) {
        for note in self.lock().iter_mut().filter(|note| note.fate == fate) {
            (note.count, note.examples, note.detail) = (0, Vec::new(), String::new());
        }
    }

    /// How many met this fate.
    pub fn count(&self, fate: Fate) -> u64 {
        self.lock().iter().filter(|note| note.fate == fate).map(|note| note.count).sum()
    }

    /// All of them, by fate, the most frequent reasons first.
    pub fn all(&self) -> Vec<Note> {
        let mut notes: Vec<Note> = self.lock().iter().filter(|note| note.count > 0).cloned().collect();
        notes.sort_by(|a, b| a.fate.cmp(&b.fate).then(b.count.cmp(&a.count)));
        notes
    }
}

fn place(notes: &mut Vec<Note>, fate: Fate, reason: &str) -> NoteId {
    let known = |notes: &[Note], reason: &str| notes.iter().position(|note| note.fate == fate && note.reason == reason);
    let reason = if known(notes, reason).is_none() && notes.len() >= MAX_REASONS { OTHER } else { reason };
    let at = known(notes, reason).unwrap_or_else(|| {
        notes.push(Note { fate, reason: reason.to_owned(), count: 0, examples: Vec::new(), detail: String::new() });
        notes.len() - 1
    });
    NoteId(u16::try_from(at).unwrap_or(u16::MAX))
}

/// The reason in an error of a store, without what differs from object to object: S3's code, or the system's words.
pub(crate) fn reason_of(error: &StoreError) -> &str {
    let end = [":", ";", " ("].iter().filter_map(|end| error.why.find(end)).min();
    error.why[..end.unwrap_or(error.why.len())].trim()
}

impl std::fmt::Display for Note {
    /// Count, reason, examples and the advice of one of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.count, self.reason)?;
        if !self.examples.is_empty() {
            let more = if self.count > self.examples.len() as u64 { ", …" } else { "" };
            write!(f, ": {}{more}", self.examples.join(", "))?;
        }
        if self.detail.is_empty() || self.detail == self.reason { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::failure::Class;

    #[test]
    fn a_reason_has_a_count_and_three_names_and_forgets_those_that_are_over() {
        let notes = Notes::default();
        let ids: Vec<NoteId> = (0..5).map(|n| notes.add(Fate::Waiting, "denied", "denied: why", &format!("f{n}"))).collect();
        notes.add(Fate::Quarantined, "denied", "", "q");
        assert_eq!((notes.count(Fate::Waiting), notes.count(Fate::Quarantined)), (5, 1));
        assert_eq!(notes.all()[1].to_string(), "5 denied: f0, f1, f2, … (denied: why)");
        notes.remove(ids[0], "f0");
        notes.remove(ids[4], "f4");
        assert_eq!(notes.all()[1].examples, ["f1", "f2"]);
        ids[1..4].iter().zip(["f1", "f2", "f3"]).for_each(|(id, name)| notes.remove(*id, name));
        assert_eq!(notes.all().len(), 1);
        notes.clear(Fate::Quarantined);
        assert!(notes.all().is_empty());
    }

    #[test]
    fn a_server_that_makes_up_reasons_fills_no_memory() {
        let notes = Notes::default();
        for n in 0..1000 {
            notes.add(Fate::Waiting, &format!("reason {n}"), "", "x");
        }
        let all = notes.all();
        assert_eq!((all.len(), all[0].reason.as_str(), all[0].count), (MAX_REASONS + 1, OTHER, 1000 - MAX_REASONS as u64));
    }

    #[test]
    fn the_most_that_one_listing_saw_is_what_counts() {
        let notes = Notes::default();
        for (count, name) in [(1, "a"), (3, "b"), (2, "c"), (3, "d")] {
            notes.raise(Fate::Skipped, "digest", count, &[name.to_owned()]);
        }
        assert_eq!(notes.all()[0].to_string(), "3 digest: b, …");
    }

    #[test]
    fn the_reason_is_what_errors_have_in_common() {
        for (why, expect) in [
            ("AccessDenied: x is not authorized (status 403); allow it", "AccessDenied"),
            ("Permission denied (os error 13)", "Permission denied"),
            ("no answer within 20 s; asked http://x", "no answer within 20 s"),
            ("", ""),
        ] {
            let error = StoreError { class: Class::Retry, what: "get x".into(), why: why.into() };
            assert_eq!(reason_of(&error), expect);
        }
    }
}
