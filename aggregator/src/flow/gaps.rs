//! What the listing under way, or the last one, left out.

use crate::notes::{Fate, Notes, reason_of};
use common::store::StoreError;

/// Places kept by name of those that one listing left out.
const MAX_NAMED: usize = 256;

/// The places that a listing could not look at.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// The first of them.
    first: Vec<StoreError>,
    count: u64,
    /// The attempt at hand failed, and is made again.
    passing: Option<StoreError>,
    /// Those of the listing before: until this one is whole, they are not over.
    before: u64,
    last_words: String,
}

impl Gaps {
    /// A listing begins.
    pub(super) fn begin(&mut self) {
        let (before, last_words) = (self.count, std::mem::take(&mut self.last_words));
        *self = Gaps { before, last_words, ..Gaps::default() };
    }

    /// A place was left out for good.
    pub(super) fn add(&mut self, error: StoreError) {
        self.last_words = error.to_string();
        (self.count, self.passing) = (self.count + 1, None);
        if self.first.len() < MAX_NAMED {
            self.first.push(error);
        }
    }

    /// An attempt failed, and is made again.
    pub(super) fn add_passing(&mut self, error: StoreError) {
        self.last_words = error.to_string();
        self.passing = Some(error);
    }

    /// The listing continues.
    pub(super) fn passed(&mut self) {
        self.passing = None;
    }

    /// A listing ended. True when it was whole and the one before was not.
    pub(super) fn end(&mut self) -> bool {
        self.passing = None;
        let was_in_trouble = std::mem::take(&mut self.before) > 0;
        was_in_trouble && self.is_whole()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.count == 0
    }

    /// How much trouble there is.
    pub(super) fn amount(&self) -> u64 {
        self.before.max(self.count + u64::from(self.passing.is_some()))
    }

    /// The latest error, in words.
    pub(super) fn last_words(&self) -> &str {
        &self.last_words
    }

    /// Writes down what was left out, in place of what was written before.
    pub(super) fn publish(&self, notes: &Notes) {
        notes.clear(Fate::Unlisted);
        for gap in self.first.iter().chain(&self.passing) {
            notes.add(Fate::Unlisted, reason_of(gap), &gap.why, &gap.what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::failure::Class;

    fn error(what: &str) -> StoreError {
        StoreError { class: Class::Retry, what: what.into(), why: "500".into() }
    }

    #[test]
    fn a_gap_is_over_when_a_listing_was_whole_and_not_when_the_next_one_begins() {
        let mut gaps = Gaps::default();
        gaps.begin();
        gaps.add(error("a"));
        assert!(!gaps.end() && !gaps.is_whole());
        gaps.begin();
        assert_eq!((gaps.amount(), gaps.last_words()), (1, "a: 500"));
        assert!(gaps.end() && gaps.is_whole());
        assert_eq!(gaps.amount(), 0);
    }

    #[test]
    fn trouble_that_passed_leaves_nothing() {
        let (mut gaps, notes) = (Gaps::default(), Notes::default());
        gaps.begin();
        gaps.add_passing(error("page"));
        gaps.publish(&notes);
        assert_eq!((gaps.amount(), notes.count(Fate::Unlisted)), (1, 1));
        gaps.passed();
        assert!(!gaps.end());
        gaps.publish(&notes);
        assert_eq!((gaps.amount(), notes.count(Fate::Unlisted)), (0, 0));
    }
}
