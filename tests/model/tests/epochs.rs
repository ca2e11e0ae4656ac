//! Whatever becomes of the log, the protocol keeps its promises in every state there is.

use model::check::{Visited, counterexample, visit};
use model::epoch::properties::NOTHING_UNSEEN;
use model::epoch::scenes::{SMALL, UNSEEN};

#[test]
fn no_trouble_of_the_log_breaks_a_promise() {
    let mut never_seen: Option<Vec<&str>> = None;
    for (name, system) in SMALL {
        let Visited { states, longest, broken, unseen } = visit(*system);
        println!("{name}: {states} states, runs of up to {longest} steps");
        assert_eq!(broken, Vec::<&str>::new(), "{name}");
        // One world need not show everything; all of them together must.
        let before = never_seen.unwrap_or_else(|| unseen.clone());
        never_seen = Some(before.into_iter().filter(|situation| unseen.contains(situation)).collect());
    }
    assert_eq!(never_seen, Some(Vec::new()), "a situation that proves something was never met");
}

/// The limit of what an anchor can show; `docs/adr/0007-epochs.md` says so.
#[test]
fn lost_and_replaced_messages_that_expire_before_anybody_looks_are_not_seen() {
    assert!(counterexample(UNSEEN, NOTHING_UNSEEN).is_some(), "it would be seen: say so in the ADR");
}
