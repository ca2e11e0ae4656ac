//! The report: text for people, and the same as JSON.

use crate::context::Context;
use crate::tally::Tally;

/// One scenario is over.
pub(crate) fn finished(tally: &Tally) {
    match &tally.skipped {
        Some(why) => println!("{}: skipped: {why}", tally.scenario),
        None => println!("{}: {} in {} s", tally.scenario, outcome(tally), tally.seconds),
    }
    for violation in &tally.violations {
        println!("  {violation}");
    }
    if let Some(why) = &tally.broken_off {
        println!("  broken off: {why}");
    }
}

fn outcome(tally: &Tally) -> &'static str {
    match (tally.is_exact(), tally.is_good()) {
        (false, _) => "VIOLATED",
        (true, false) => "FAILED",
        (true, true) => "good",
    }
}

/// The figures of all of them, a column each.
pub(crate) fn table(context: &Context, tallies: &[Tally]) {
    type Figure = (&'static str, fn(&Tally) -> u64);
    let figures: [Figure; 19] = [
        ("seconds", |t| t.seconds),
        ("rounds", |t| t.rounds),
        ("kill -9", |t| t.kills),
        ("  had published", |t| t.kills_at_work),
        ("zombies", |t| t.zombies),
        ("double owners", |t| t.double_owners),
        ("outages", |t| t.outages),
        ("batches", |t| t.batches),
        ("  redone", |t| t.redone),
        ("  lost races", |t| t.lost_races),
        ("  unclear intents", |t| t.unclear),
        ("log files", |t| t.log_files),
        ("records", |t| t.records),
        ("parquet files", |t| t.files),
        ("checks", |t| t.checks),
        ("duplicates", |t| t.duplicates),
        ("missing", |t| t.missing),
        ("verified tables", |t| t.verified),
        ("violations", |t| t.violations.len() as u64),
    ];
    let played: Vec<&Tally> = tallies.iter().filter(|tally| tally.skipped.is_none()).collect();
    println!("\n{:<20}{}", "", played.iter().map(|tally| format!("{:>12}", tally.scenario)).collect::<String>());
    for (name, figure) in figures {
        println!("{name:<20}{}", played.iter().map(|tally| format!("{:>12}", figure(tally))).collect::<String>());
    }
    for tally in &played {
        let list = |of: &std::collections::BTreeMap<String, u64>| {
            of.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
        };
        if !tally.faults.is_empty() {
            println!("{}: {}", tally.scenario, list(&tally.faults));
        }
        if !tally.ended.is_empty() {
            println!("{}: ended by themselves: {}", tally.scenario, list(&tally.ended));
        }
    }
    println!("to repeat: {}", repeat(context, tallies));
}

/// The same for programs.
pub(crate) fn json(context: &Context, tallies: &[Tally]) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let value = serde_json::json!({
        "commit": context.commit,
        "cores": cores,
        "seed": context.options.seed,
        "repeat": repeat(context, tallies),
        "scenarios": tallies,
    });
    format!("{value:#}\n")
}

fn repeat(context: &Context, tallies: &[Tally]) -> String {
    let names: Vec<&str> = tallies.iter().map(|tally| tally.scenario).collect();
    let options = &context.options;
    format!(
        "target/release/chaos {} --kills {} --zombies {} --minutes {} --seed {}",
        names.join(" "),
        options.kills,
        options.zombies,
        options.minutes,
        options.seed
    )
}
