use super::*;
use proptest::prelude::*;

const DAY: Day = Day::Of(Date(20_000));

#[test]
fn the_accept_rule_as_a_table() {
    use Accept::{Ahead, Altered, Duplicate, Take};
    use Claim::{Complete, Record, Unreadable};
    use FileState::{Done, Next, Quarantined};
    let done = Done { records: 3, content: 7, altered: None };
    let altered = Done { records: 3, content: 7, altered: Some(8) };
    for (state, claim, expect) in [
        (None, Record(0), Take(Next(1))),
        (None, Record(1), Ahead),
        (Some(Next(2)), Record(1), Duplicate),
        (Some(Next(2)), Record(2), Take(Next(3))),
        (Some(Next(2)), Record(3), Ahead),
        (Some(Next(u32::MAX)), Record(u32::MAX), Ahead),
        (None, Complete(0, 7), Take(Done { records: 0, content: 7, altered: None })),
        (Some(Next(3)), Complete(3, 7), Take(done)),
        (Some(Next(2)), Complete(3, 7), Ahead),
        (Some(Next(3)), Complete(2, 7), Ahead),
        (Some(done), Complete(3, 7), Duplicate),
        (Some(done), Complete(3, 8), Altered(altered)),
        (Some(altered), Complete(3, 8), Duplicate),
        (Some(altered), Complete(3, 7), Duplicate),
        (Some(done), Record(2), Duplicate),
        (Some(done), Record(3), Ahead),
        (None, Unreadable(5), Take(Quarantined(5))),
        (Some(Quarantined(5)), Unreadable(5), Duplicate),
        (Some(Quarantined(5)), Unreadable(6), Take(Quarantined(6))),
        (Some(Quarantined(5)), Record(0), Take(Next(1))),
        (Some(Quarantined(5)), Complete(0, 7), Take(Done { records: 0, content: 7, altered: None })),
        (Some(Next(2)), Unreadable(5), Duplicate),
        (Some(done), Unreadable(8), Altered(altered)),
    ] {
        assert_eq!(accept(state, claim), expect, "{state:?} {claim:?}");
    }
}

#[test]
fn a_day_in_the_store_is_asked_for_before_it_answers() {
    let stored = Stored { key: "k".into(), sha256: String::new(), entries: 1 };
    let mut ledger = Ledger::from_checkpoint([(DAY, stored)]);
    assert_eq!(ledger.lookup(DAY, FileId(1)), Lookup::Missing(DAY));
    assert_eq!(ledger.lookup(Day::Unknown, FileId(1)), Lookup::Known(None));
    // A newer entry in memory wins over the loaded one.
    ledger.apply([(FileId(1), (DAY, FileState::Next(9)))]);
    assert_eq!(ledger.unwritable(), Some(DAY));
    ledger.load(DAY, [(FileId(1), FileState::Next(1)), (FileId(2), FileState::Next(2))]);
    assert_eq!(ledger.lookup(DAY, FileId(1)), Lookup::Known(Some(FileState::Next(9))));
    assert_eq!(ledger.lookup(DAY, FileId(2)), Lookup::Known(Some(FileState::Next(2))));
    assert_eq!(ledger.lookup(DAY, FileId(3)), Lookup::Known(None));
}

#[test]
fn only_days_that_lie_in_the_store_are_forgotten() {
    let mut ledger = Ledger::default();
    ledger.apply([(FileId(1), (DAY, FileState::Next(1))), (FileId(2), (Day::Unknown, FileState::Next(1)))]);
    ledger.evict(0);
    assert_eq!(ledger.entries(), 2, "dirty days stay");
    let index =
        ledger.begin_write(|day, entries| Stored { key: day.to_string(), sha256: String::new(), entries: entries.len() as u64 });
    assert_eq!(index.len(), 2);
    // Changed again while it is on its way: still to be written the next time.
    ledger.apply([(FileId(2), (Day::Unknown, FileState::Next(2)))]);
    ledger.evict(0);
    assert_eq!(ledger.entries(), 2, "days on their way stay");
    ledger.end_write(true);
    ledger.evict(0);
    assert_eq!(ledger.entries(), 1);
    assert_eq!(ledger.lookup(DAY, FileId(1)), Lookup::Missing(DAY));
}

proptest! {
    /// The lemma that the promise rests on: cut, repeated and interleaved runs give each record once, and a complete run gives all.
    #[test]
    fn interleaved_and_broken_runs_give_each_record_exactly_once(
        n in 0u32..6,
        cuts in prop::collection::vec(0u32..8, 0..5),
        order in prop::collection::vec(0usize..6, 0..80),
    ) {
        // Broken runs of lengths `cuts`, one complete run, merged in an arbitrary order that keeps each run's own order.
        let mut runs: Vec<Vec<Claim>> = cuts.iter().map(|&cut| (0..n.min(cut)).map(Claim::Record).collect()).collect();
        runs.push((0..n).map(Claim::Record).chain([Claim::Complete(n, 1)]).collect());
        let mut queue: Vec<std::collections::VecDeque<Claim>> = runs.into_iter().map(Into::into).collect();
        let mut state = None;
        let mut taken = Vec::new();
        let picks = order.into_iter().chain(0..6).cycle();
        for pick in picks {
            if queue.iter().all(std::collections::VecDeque::is_empty) { break }
            let at = pick % queue.len();
            let Some(claim) = queue[at].pop_front() else { continue };
            if let Accept::Take(next) = accept(state, claim) {
                if let Claim::Record(index) = claim { taken.push(index) }
                state = Some(next);
            }
        }
        prop_assert_eq!(taken, (0..n).collect::<Vec<_>>());
        prop_assert_eq!(state, Some(FileState::Done { records: n, content: 1, altered: None }));
    }
}

#[test]
fn a_failed_checkpoint_is_tried_again() {
    let place = |day: Day, entries: &[(FileId, FileState)]| Stored {
        key: day.to_string(),
        sha256: String::new(),
        entries: entries.len() as u64,
    };
    let mut ledger = Ledger::default();
    ledger.apply([(FileId(1), (DAY, FileState::Next(1)))]);
    let mut written = Vec::new();
    ledger.begin_write(|day, entries| {
        written.push(day);
        place(day, entries)
    });
    ledger.end_write(false);
    ledger.begin_write(|day, entries| {
        written.push(day);
        place(day, entries)
    });
    ledger.end_write(true);
    ledger.begin_write(|day, entries| {
        written.push(day);
        place(day, entries)
    });
    assert_eq!(written, [DAY, DAY]);
}

proptest! {
    /// The plain map is the oracle: keeping the last file aside changes nothing.
    #[test]
    fn an_open_delta_says_what_a_map_says(changes in prop::collection::vec((0..4u128, 0..5u32), 0..40)) {
        let (mut open, mut plain) = (OpenDelta::default(), Delta::new());
        for (file, next) in changes {
            let file = FileId(file);
            prop_assert_eq!(open.get(file), plain.get(&file).map(|(_, state)| *state));
            open.insert(file, Day::Unknown, FileState::Next(next));
            plain.insert(file, (Day::Unknown, FileState::Next(next)));
            prop_assert_eq!((open.len(), open.is_empty()), (plain.len(), plain.is_empty()));
            prop_assert_eq!(open.get(file), Some(FileState::Next(next)));
        }
        prop_assert_eq!(open.into_delta(), plain);
    }
}
