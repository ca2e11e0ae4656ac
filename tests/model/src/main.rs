//! `model`: checks both models and every broken variant of them, and prints a table.

use std::fmt::Display;
use std::process::ExitCode;

use model::check::{Checked, Visited, counterexample, visit};
use model::design::{Design, Flaw};
use model::epoch::{design::Flaw as EpochFlaw, scenes};
use model::system::{Budget, System};

fn main() -> ExitCode {
    println!("{:<62} {:>9}  verdict", "design", "states");
    // All of them, even after one has failed: the table is to be complete.
    let mut fine = report_designed(Design::<Flaw>::CORRECT, System { design: Design::CORRECT, budget: Budget::LARGE }, true);
    for (name, system) in scenes::SMALL.iter().chain(scenes::LARGE) {
        fine &= report_designed(name, *system, false);
    }
    for flaw in Flaw::ALL {
        let design = Design::broken(flaw);
        fine &= report_broken(design, System { design, budget: Budget::SMALL }, None);
    }
    for flaw in EpochFlaw::ALL {
        let (system, promises) = scenes::breaks(flaw);
        fine &= report_broken(system.design, system, Some(promises[0]));
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the design keeps every promise and, if that is asked, all that should be seen was.
fn report_designed(name: impl Display, system: impl Checked, whole: bool) -> bool {
    let Visited { states, longest, broken, unseen } = visit(system);
    let verdict = match (&broken[..], &unseen[..]) {
        ([], unseen) if unseen.is_empty() || !whole => format!("holds in every state, in runs of up to {longest} steps"),
        ([], unseen) => format!("holds, but never seen: {}", unseen.join(", ")),
        (broken, _) => format!("BREAKS {}", broken.join(", ")),
    };
    println!("{name:<62} {states:>9}  {verdict}");
    broken.is_empty() && (unseen.is_empty() || !whole)
}

/// Whether the checker has found the flaw: by this promise, or by whichever it comes upon.
fn report_broken(name: impl Display, system: impl Checked, promise: Option<&'static str>) -> bool {
    let visited = visit(system);
    let mut promises = promise.map_or(visited.broken, |promise| vec![promise]).into_iter();
    let shortest = promises.find_map(|promise| Some((promise, counterexample(system, promise)?)));
    let verdict = match &shortest {
        Some((promise, steps)) => format!("breaks {promise}, in {} steps", steps.len()),
        None => "NOT FOUND OUT".to_owned(),
    };
    println!("{name:<62} {:>9}  {verdict}", visited.states);
    shortest.is_some()
}
