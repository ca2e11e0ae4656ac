//! `chaos`: the product on a real Kafka and a real S3 server while faults are injected, and a judge that counts rows all the time.
//! One scenario a file; what they share:
//!
//! ```text
//!  scenario ──▶ round ──▶ actors (aggregators, persisters: real processes) ──▶ kill -9, SIGSTOP, faults, outages
//!                 │  └──▶ deliveries of log files, bit by bit
//!                 └──▶ bystander (DuckDB: no row twice, at any moment) ──▶ tally
//! ```
//! A round has its own log files, topic and table. When its chaos is over everything is delivered once more, what is left is drained
//! in peace, and the table must be exact: for the judge, and for `switchback verify`.

mod actor;
mod bystander;
mod clock;
mod context;
mod diary;
mod disk;
mod failpoints;
mod groups;
mod hunt;
mod kills;
mod outages;
mod proxied;
mod proxy;
mod redelivery;
mod report;
mod round;
mod scenario;
mod stage;
mod tally;
mod zombies;

use anyhow::Context as _;
use clap::Parser;
use context::{Context, Options};
use scenario::Scenario;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use tally::Tally;

/// Breaks everything around the product, and counts rows.
#[derive(Debug, Parser)]
#[command(after_help = scenario::list())]
struct Arguments {
    /// Scenarios, one after the other; `all` for every one
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    options: Options,
    /// Write the figures here too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            HARNESS_FAILED.into()
        }
    }
}

/// What is wrong with the product is one thing, and what is wrong with us another: mutants are caught by the one only.
const VIOLATED: u8 = 1;
const HARNESS_FAILED: u8 = 2;

/// Success when nothing was lost and nothing stood anywhere twice.
fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let scenarios = scenario::named(&arguments.scenarios)?;
    let mut context = Context::open(&arguments.options)?;
    let mut tallies = Vec::new();
    for scenario in scenarios {
        if context.is_stopped() {
            break;
        }
        let tally = play(scenario, &context);
        report::finished(&tally);
        tallies.push(tally);
        if let Some(path) = &arguments.json {
            let text = report::json(&context, &tallies);
            std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
        }
    }
    let good = tallies.iter().all(Tally::is_good);
    report::table(&context, &tallies);
    if !good {
        context.keep();
    }
    let is_violated = tallies.iter().any(|tally| !tally.is_exact());
    Ok(match (good, is_violated) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) => VIOLATED.into(),
        (false, false) => HARNESS_FAILED.into(),
    })
}

/// Plays one scenario. The harness asserts what must hold, as tests do; a round that finds a violation has counted it before it panics.
/// The next scenario is still played.
fn play(scenario: &Scenario, context: &Context) -> Tally {
    let mut tally = Tally::new(scenario.name, context.options.seed);
    println!("{}: {}", scenario.name, scenario.about);
    let started = std::time::Instant::now();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (scenario.play)(context, &mut tally))) {
        let text =
            panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        tally.broken_off = Some(text.unwrap_or_else(|| "the harness panicked".to_owned()));
    }
    tally.seconds = started.elapsed().as_secs();
    tally
}
