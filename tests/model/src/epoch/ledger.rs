//! The accept rule with wanted indexes, and where a ledger entry is found when the epoch has parents.

use super::design::{Design, Flaw};
use super::log::{Set, Slot, records};
use super::store::Store;

/// What is known of one log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Entry {
    /// Indexes below `next` that were taken and whose rows a void gave up. Never the one just below `next`.
    pub wanted: Set,
    /// The index that is taken next.
    pub next: u8,
    /// Its end was taken; implies that nothing is wanted.
    pub done: bool,
}

impl Entry {
    /// Takes what the message says, or drops it, and says which.
    pub fn accept(&mut self, design: Design, file: u8, slot: Slot) -> bool {
        match slot {
            Slot::Record(index) if self.wanted.has(index) => {
                self.wanted = self.wanted.without(Set::EMPTY.with(index));
                true
            }
            Slot::Record(index) if index == self.next && !self.done => {
                self.next += 1;
                true
            }
            Slot::End => {
                let waits = self.wanted != Set::EMPTY && !design.has(Flaw::EndTakenWhileWanted);
                let ends = !self.done && !waits && self.next == records(file);
                self.done |= ends;
                ends
            }
            Slot::Record(_) => false,
        }
    }

    /// What is left of the step from `before` to `self` when of its rows only `present` came into the table, and of its end only `listed`.
    pub fn voided(self, before: Entry, present: Set, listed: bool) -> Entry {
        let taken = before.wanted.without(self.wanted).and(Set::range(before.next..self.next));
        let mut left = Entry { wanted: self.wanted.and(taken.without(present)), next: self.next, done: self.done && listed };
        while left.next > 0 && left.wanted.has(left.next - 1) {
            left.next -= 1;
            left.wanted = left.wanted.without(Set::EMPTY.with(left.next));
        }
        left
    }
}

/// Changes to the ledger: log file and its new entry, by log file.
pub type Delta = Vec<(u8, Entry)>;

/// The entry of a log file in chain `(epoch, p)` after its records before `seq`: from that chain, or else from the parent's partition
/// that the log file had there, and so on.
pub fn entry(design: Design, store: &Store, epoch: u8, p: u8, seq: u8, file: u8) -> Entry {
    let own = store
        .chain(epoch, p)
        .iter()
        .take(usize::from(seq))
        .rev()
        .find_map(|record| record.delta().iter().find(|change| change.0 == file).map(|change| change.1));
    let parent = store.streams[usize::from(epoch)].parent.filter(|_| !design.has(Flaw::LedgersNotInherited));
    match (own, parent) {
        (Some(entry), _) => entry,
        (None, None) => Entry::default(),
        (None, Some(parent)) => {
            let partitions = store.streams[usize::from(parent)].partitions();
            let by_number = design.has(Flaw::LedgerInheritedByNumber);
            let from = if by_number { p.min(partitions - 1) } else { file % partitions };
            entry_at_end(design, store, parent, from, file)
        }
    }
}

/// The same at the chain's end.
pub fn entry_at_end(design: Design, store: &Store, epoch: u8, p: u8, file: u8) -> Entry {
    entry(design, store, epoch, p, store.chain(epoch, p).len() as u8, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After `before`, a batch took up to `after`; rows of `present` came into the table.
    fn left(before: (u8, u8), after: (u8, u8, bool), present: u8) -> (u8, u8, bool) {
        let before = Entry { wanted: Set(before.0), next: before.1, done: false };
        let after = Entry { wanted: Set(after.0), next: after.1, done: after.2 };
        let left = after.voided(before, Set(present), false);
        (left.wanted.0, left.next, left.done)
    }

    #[test]
    fn a_void_wants_again_what_the_batch_took_and_the_table_lacks() {
        assert_eq!(left((0, 0), (0, 3, true), 0b111), (0, 3, false), "only the end is missing");
        assert_eq!(left((0, 0), (0, 3, true), 0b101), (0b010, 3, false), "a hole");
        assert_eq!(left((0, 0), (0, 3, false), 0b001), (0, 1, false), "what is missing at the end is simply next");
        assert_eq!(left((0, 0), (0, 3, true), 0), (0, 0, false), "nothing is there: as before");
        assert_eq!(left((0b01, 2), (0, 3, false), 0b100), (0b001, 3, false), "what was wanted before and got lost again");
        assert_eq!(left((0b01, 2), (0b01, 3, false), 0), (0b001, 2, false), "what is still wanted stays wanted");
    }

    #[test]
    fn the_end_waits_for_what_is_wanted() {
        let mut entry = Entry { wanted: Set(0b01), next: 2, done: false };
        let mut takes = |slot| entry.accept(Design::CORRECT, 0, slot);
        assert!(!takes(Slot::End) && !takes(Slot::Record(1)));
        assert!(takes(Slot::Record(0)) && !takes(Slot::Record(0)));
        assert!(takes(Slot::End) && !takes(Slot::End));
    }
}
