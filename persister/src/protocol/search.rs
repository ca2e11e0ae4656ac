//! Finding the head of a chain in a few existence checks, however long the chain: sequences are dense, so existence is
//! monotone, and the head is found by galloping up from a hint and then halving.

/// The search; ask [`HeadSearch::next`], answer with [`HeadSearch::answer`], until [`HeadSearch::found`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadSearch {
    /// Records below this sequence exist.
    exist: u64,
    /// No record at this sequence, once known.
    absent: Option<u64>,
    step: u64,
}

impl HeadSearch {
    /// Starts where records below `exist` are known to be there (0: nothing is known).
    pub fn new(exist: u64) -> HeadSearch {
        HeadSearch { exist, absent: None, step: 1 }
    }

    /// The sequence to check next; `None` when the head is found.
    pub fn next(&self) -> Option<u64> {
        match self.absent {
            None => Some(self.exist.saturating_add(self.step - 1)),
            Some(absent) if absent > self.exist => Some(self.exist + (absent - self.exist) / 2),
            Some(_) => None,
        }
    }

    /// Whether a record exists at `seq`.
    pub fn answer(&mut self, seq: u64, exists: bool) {
        if exists {
            self.exist = self.exist.max(seq.saturating_add(1));
            self.step = self.step.saturating_mul(2);
        } else {
            self.absent = Some(self.absent.map_or(seq, |absent| absent.min(seq)));
        }
    }

    /// Number of records in the chain, once the search is over: the head is the one before.
    pub fn found(&self) -> Option<u64> {
        (self.absent == Some(self.exist)).then_some(self.exist)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_head_is_found_in_logarithmic_steps(length in 0u64..1_000_000_000, known in 0u64..1_000_000_000) {
            let mut search = HeadSearch::new(known.min(length));
            let mut steps = 0;
            while let Some(seq) = search.next() {
                search.answer(seq, seq < length);
                steps += 1;
                prop_assert!(steps <= 64);
            }
            prop_assert_eq!(search.found(), Some(length));
        }
    }

    #[test]
    fn an_empty_chain_takes_one_check() {
        let mut search = HeadSearch::new(0);
        assert_eq!(search.next(), Some(0));
        search.answer(0, false);
        assert_eq!((search.next(), search.found()), (None, Some(0)));
    }
}
