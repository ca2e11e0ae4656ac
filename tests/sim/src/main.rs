//! `sim`: runs worlds, prints what was injected, and the first failure with what is needed to see it again.

use clap::Parser;
use sim::soak::{Options, Outcome, soak};
use std::process::ExitCode;
use std::time::Instant;

/// Runs the commit protocol's real code through simulated faults: one seed is one world with its own log files, crashes, rebalances,
/// zombies, lost answers and late puts. An auditor looks at every object as it lands.
///
/// Exits 1 at the first seed whose world breaks an invariant, and prints the last lines of its trace.
#[derive(Debug, Parser)]
#[command(name = "sim", version)]
struct Arguments {
    /// Number of seeds.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "S")]
    from: u64,
    /// This seed and no other.
    #[arg(long, value_name = "K", conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Print the whole trace: of a failure, or with --seed in any case.
    #[arg(long)]
    trace: bool,
    /// Threads; 0 is one for each processor.
    #[arg(long, default_value_t = 0, value_name = "T")]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic is a failure of its seed, which is reported with its trace.
    std::panic::set_hook(Box::new(|_| {}));
    match arguments.seed {
        Some(seed) => one(seed, arguments.trace),
        None => many(&arguments),
    }
}

fn one(seed: u64, trace: bool) -> ExitCode {
    let outcome = sim::run(seed, trace);
    if outcome.violation.is_some() {
        return failed(&outcome);
    }
    if trace {
        outcome.lines.iter().for_each(|line| println!("{line}"));
    }
    println!("seed {seed} holds; trace {:016x}\n{}", outcome.trace_hash, outcome.counts);
    ExitCode::SUCCESS
}

fn many(arguments: &Arguments) -> ExitCode {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if arguments.threads == 0 { processors } else { arguments.threads };
    let options = Options { from: arguments.from, seeds: arguments.seeds, threads, trace: arguments.trace };
    let started = Instant::now();
    let report = soak(&options);
    let seconds = started.elapsed().as_secs_f64();
    if let Some(failure) = &report.failure {
        println!("{} seeds in {seconds:.1} s", report.seeds);
        return failed(failure);
    }
    println!("{}", report.counts);
    let rate = report.seeds as f64 / seconds.max(f64::EPSILON);
    println!("{} seeds hold: {seconds:.1} s, {rate:.0} a second on {threads} threads", report.seeds);
    ExitCode::SUCCESS
}

fn failed(outcome: &Outcome) -> ExitCode {
    outcome.lines.iter().for_each(|line| println!("{line}"));
    if let Some(violation) = &outcome.violation {
        println!("\nseed {} fails: {violation}\nto repeat: ./dev soak sim --seed {} [--trace]", outcome.seed, outcome.seed);
    }
    ExitCode::FAILURE
}
