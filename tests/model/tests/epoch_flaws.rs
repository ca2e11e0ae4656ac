//! Each rule by which a table outlives its log is needed: without it, the checker finds a run that breaks a promise.

use model::check::counterexample;
use model::epoch::design::Flaw;
use model::epoch::scenes::breaks;

#[test]
fn each_broken_design_is_seen_to_break_its_promises() {
    for flaw in Flaw::ALL {
        let (system, promises) = breaks(flaw);
        for promise in promises {
            let steps = counterexample(system, promise);
            let steps = steps.unwrap_or_else(|| panic!("{flaw:?} keeps the promise \"{promise}\""));
            println!("{flaw:?} breaks \"{promise}\" in {} steps: {steps:?}", steps.len());
        }
    }
}
