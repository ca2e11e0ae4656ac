//! The protocol as designed keeps its promises in every state there is.

use model::check::visit;
use model::design::Design;
use model::system::{Budget, System};

fn check(budget: Budget) -> Vec<&'static str> {
    let visited = visit(System { design: Design::CORRECT, budget });
    println!("{budget:?}: {} states, runs of up to {} steps", visited.states, visited.longest);
    assert_eq!(visited.broken, Vec::<&str>::new(), "under {budget:?}");
    visited.unseen
}

#[test]
fn two_owners_two_crashes_and_an_unclear_answer_break_no_promise() {
    assert_eq!(check(Budget::SMALL), Vec::<&str>::new(), "a situation that proves something was never met");
}

#[test]
fn offsets_that_an_operator_resets_break_no_promise() {
    check(Budget { crashes: 0, unclear: 0, resets: 1 });
}

#[test]
fn without_an_adversary_no_put_lands_late_and_nothing_is_refused_by_itself() {
    let unseen = check(Budget { crashes: 0, unclear: 0, resets: 0 });
    assert_eq!(unseen, ["a put that landed late", "a refusal by one's own record"]);
}
