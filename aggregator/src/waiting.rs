//! Which log files wait because their source did not give them, and when each of them is asked for again: after growing pauses, for as
//! long as it is listed. What other files do decides nothing here. Pure: time is an argument.

use crate::notes::NoteId;
use common::failure::Class;
use std::collections::HashMap;
use std::time::Duration;

/// Longest pause: who has repaired a permission sees the files come within ten minutes.
const LONGEST: Duration = Duration::from_secs(600);

/// Up to this pause a file is kept at hand; a longer one is too long to keep its name in memory, and a listing brings it again.
const AT_HAND: Duration = Duration::from_secs(16);

/// Times that a file is asked for when the source is listed once, after which it is given up: about half a minute for trouble that
/// passes by itself, a few seconds for a refusal.
const ONCE: (u32, u32) = (7, 4);

/// Files remembered, at 64 bytes each. Those beyond are asked for again after every listing.
const MAX_WAITING: usize = 1 << 18;

/// When a file that was not given is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// After this pause.
    In(Duration),
    /// When a listing names it and its pause is over: [`Waiting::may_ask`].
    WhenListed,
    /// Not in this run.
    Never,
}

/// The files that wait, by fingerprint.
#[derive(Debug)]
pub(crate) struct Waiting {
    first: Duration,
    once: bool,
    files: HashMap<u128, Wait>,
    listing: u32,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    asked: u32,
    due: Duration,
    /// The last listing that named it.
    listing: u32,
    note: NoteId,
}

impl Waiting {
    /// `first` is the first pause; with `once` there is only one listing, so what is not given within it is given up.
    pub(crate) fn new(first: Duration, once: bool) -> Waiting {
        Waiting { first, once, files: HashMap::new(), listing: 0 }
    }

    /// True when this file waits.
    pub(crate) fn has(&self, fingerprint: u128) -> bool {
        self.files.contains_key(&fingerprint)
    }

    /// The source did not give a file. `note` counts it from its first failure on; `at_hand` tells whether there is room to keep it.
    pub(crate) fn failed(
        &mut self,
        fingerprint: u128,
        class: Class,
        now: Duration,
        at_hand: bool,
        note: impl FnOnce() -> NoteId,
    ) -> Next {
        let has_room = self.files.len() < MAX_WAITING;
        let asked = match self.files.get_mut(&fingerprint) {
            Some(wait) => {
                wait.asked += 1;
                wait.asked
            }
            None if has_room => {
                self.files.insert(fingerprint, Wait { asked: 1, due: now, listing: self.listing, note: note() });
                1
            }
            None => return if self.once { Next::Never } else { Next::WhenListed },
        };
        let pause = self.pause(fingerprint, asked);
        if let Some(wait) = self.files.get_mut(&fingerprint) {
            wait.due = now + pause;
        }
        let (passing, refusal) = ONCE;
        let most = if class == Class::Retry { passing } else { refusal };
        match (self.once, at_hand && pause <= AT_HAND) {
            (true, true) if asked < most => Next::In(pause),
            (true, _) => Next::Never,
            (false, true) => Next::In(pause),
            (false, false) => Next::WhenListed,
        }
    }

    /// About twice as long each time; a quarter of it hangs on the file, so that those that failed together part.
    fn pause(&self, fingerprint: u128, asked: u32) -> Duration {
        let pause = self.first.saturating_mul(2u32.saturating_pow(asked - 1)).min(LONGEST);
        pause - pause / 4 * u32::from((fingerprint & 0xff) as u8) / 0xff
    }

    /// A listing names this file: true when it may be asked for now.
    pub(crate) fn may_ask(&mut self, fingerprint: u128, now: Duration) -> bool {
        let listing = self.listing;
        self.files.get_mut(&fingerprint).is_none_or(|wait| {
            wait.listing = listing;
            wait.due <= now
        })
    }

    /// A file was given, or is gone: the note in which it was counted, if it waited.
    pub(crate) fn over(&mut self, fingerprint: u128) -> Option<NoteId> {
        self.files.remove(&fingerprint).map(|wait| wait.note)
    }

    /// A listing begins.
    pub(crate) fn listing_begins(&mut self) {
        self.listing = self.listing.wrapping_add(1);
    }

    /// A listing that was whole ended: files that it did not name wait no longer. The notes in which they were counted.
    pub(crate) fn listed_whole(&mut self) -> Vec<NoteId> {
        let listing = self.listing;
        self.files.extract_if(|_, wait| wait.listing != listing).map(|(_, wait)| wait.note).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::{Fate, Notes};

    const FIRST: Duration = Duration::from_millis(500);

    fn note() -> NoteId {
        Notes::default().add(Fate::Waiting, "x", "", "x")
    }

    /// The answers to failures of one file, each asked for when it is due, until it leaves our hands.
    fn ask(waiting: &mut Waiting, class: Class) -> (u32, Duration, Next) {
        let (mut now, mut asked) = (Duration::ZERO, 0);
        loop {
            asked += 1;
            match waiting.failed(0, class, now, true, note) {
                Next::In(pause) => now += pause,
                end => return (asked, now, end),
            }
        }
    }

    #[test]
    fn in_one_listing_a_refusal_is_given_up_in_seconds_and_passing_trouble_in_half_a_minute() {
        for (class, times, took) in [(Class::Config, 4, 3_500), (Class::Fatal, 4, 3_500), (Class::Retry, 7, 31_500)] {
            let answer = ask(&mut Waiting::new(FIRST, true), class);
            assert_eq!(answer, (times, Duration::from_millis(took), Next::Never), "{class:?}");
        }
    }

    #[test]
    fn a_file_that_is_listed_is_asked_for_again_for_ever_with_growing_pauses() {
        let mut waiting = Waiting::new(FIRST, false);
        let (_, mut now, end) = ask(&mut waiting, Class::Config);
        assert_eq!(end, Next::WhenListed);
        let mut pauses = Vec::new();
        for _ in 0..20 {
            waiting.listing_begins();
            let asked = now;
            while !waiting.may_ask(0, now) {
                now += Duration::from_secs(1);
            }
            assert!(waiting.listed_whole().is_empty());
            pauses.push((now - asked).as_secs());
            assert_eq!(waiting.failed(0, Class::Config, now, true, note), Next::WhenListed);
        }
        assert!(pauses.is_sorted() && pauses[0] == 32 && pauses[19] == LONGEST.as_secs(), "{pauses:?}");
        assert!(waiting.over(0).is_some() && waiting.may_ask(0, now), "nothing of it is remembered");
    }

    #[test]
    fn a_file_that_is_listed_no_longer_is_forgotten() {
        let mut waiting = Waiting::new(FIRST, false);
        waiting.listing_begins();
        for file in 0..3 {
            waiting.failed(file, Class::Fatal, Duration::ZERO, false, note);
        }
        assert!(waiting.listed_whole().is_empty(), "they were named by this listing");
        waiting.listing_begins();
        assert!(!waiting.may_ask(1, Duration::ZERO));
        assert_eq!(waiting.listed_whole().len(), 2);
        assert!(waiting.has(1) && !waiting.has(0));
    }

    #[test]
    fn files_that_failed_together_part() {
        let mut waiting = Waiting::new(Duration::from_secs(8), false);
        let pauses: Vec<Next> =
            [0, 0x80, 0xff].into_iter().map(|file| waiting.failed(file, Class::Retry, Duration::ZERO, true, note)).collect();
        assert!(pauses[0] == Next::In(Duration::from_secs(8)) && pauses[2] == Next::In(Duration::from_secs(6)), "{pauses:?}");
        assert_ne!(pauses[0], pauses[1]);
    }

    #[test]
    fn what_is_too_much_to_remember_is_asked_for_after_every_listing() {
        let mut waiting = Waiting::new(FIRST, false);
        for file in 0..MAX_WAITING as u128 {
            waiting.failed(file, Class::Config, Duration::ZERO, false, note);
        }
        let more = MAX_WAITING as u128;
        assert_eq!(waiting.failed(more, Class::Config, Duration::ZERO, true, note), Next::WhenListed);
        assert!(waiting.may_ask(more, Duration::ZERO) && !waiting.has(more));
    }
}
