//! `model`: checks the design and every broken variant of it, and prints a table.

use std::process::ExitCode;

use model::check::{counterexample, visit};
use model::design::{Design, Flaw};
use model::system::{Budget, System};

fn main() -> ExitCode {
    println!("{:<26} {:>9}  verdict", "design", "states");
    let holds = report_designed();
    // All of them, even after one has escaped: the table is to be complete.
    let escaped = Flaw::ALL.into_iter().filter(|&flaw| !report_broken(flaw)).count();
    if holds && escaped == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the design keeps every promise and all that should be seen was.
fn report_designed() -> bool {
    let visited = visit(System { design: Design::CORRECT, budget: Budget::LARGE });
    let verdict = match (&visited.broken[..], &visited.unseen[..]) {
        ([], []) => format!("holds in every state, in runs of up to {} steps", visited.longest),
        ([], unseen) => format!("holds, but never seen: {}", unseen.join(", ")),
        (broken, _) => format!("BREAKS {}", broken.join(", ")),
    };
    println!("{:<26} {:>9}  {verdict}", Design::CORRECT, visited.states);
    visited.broken.is_empty() && visited.unseen.is_empty()
}

/// Whether the checker has found the flaw.
fn report_broken(flaw: Flaw) -> bool {
    let design = Design::broken(flaw);
    let visited = visit(System { design, budget: Budget::SMALL });
    let shortest = visited.broken.iter().find_map(|promise| Some((promise, counterexample(design, promise)?)));
    let verdict = match &shortest {
        Some((promise, steps)) => format!("breaks {promise}, in {} steps", steps.len()),
        None => "NOT FOUND OUT".to_owned(),
    };
    println!("{design:<26} {:>9}  {verdict}", visited.states);
    shortest.is_some()
}
