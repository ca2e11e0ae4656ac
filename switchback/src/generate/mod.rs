//! `switchback generate`: realistic trees of CloudTrail log files, with the truth about them.
//!
//! Data for the demo, the benchmarks and the tests. It shares no code with the stages (except for dates), and the truth about a tree is known
//! by construction, not by reading the tree.
//!
//! ```text
//!  seed ──▶ world ──▶ plan ──▶ log_file ──▶ record ◀── catalogue, identity, client
//!           accounts  one per   │            └─▶ malformed, story, rare
//!           regions   log file  └──▶ tree (disk) + truth
//! ```

mod account;
mod api;
mod catalogue;
mod client;
mod digest;
mod identity;
mod log_file;
mod malformed;
mod plan;
mod rare;
mod record;
mod regions;
mod rng;
mod services;
mod services_tail;
mod settings;
mod story;
mod template;
mod text;
mod tree;
mod truth;
mod world;

#[cfg(test)]
mod tests;

pub use settings::{GenerateArgs, Settings};
pub use story::StoryTruth;
pub use truth::{OBJECTS_FILE, ObjectTruth, TRUTH_FILE, Truth};

use common::service::ConfigError;
use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressStyle};
use plan::Planner;
use std::process::ExitCode;
use story::Story;
use world::World;

/// Writes a tree and prints what is in it.
///
/// # Errors
/// When the directory holds a tree already or cannot be written.
pub fn run(args: GenerateArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::from(args);
    let bar = ProgressBar::new(settings.records);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} records, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    let truth = generate(&settings, &|records| bar.set_position(records))?;
    bar.finish_and_clear();
    println!(
        "{} records in {} log files ({}, {} inflated) in {}",
        HumanCount(truth.records),
        HumanCount(truth.files),
        DecimalBytes(truth.bytes_gz),
        DecimalBytes(truth.bytes_raw),
        settings.out.display()
    );
    println!(
        "expected: {} rows, {} rejected records, {} quarantined and {} repeated log files (see {TRUTH_FILE})",
        HumanCount(truth.events),
        HumanCount(truth.rejected_total()),
        HumanCount(truth.quarantined_total()),
        HumanCount(truth.duplicate_files)
    );
    Ok(ExitCode::SUCCESS)
}

/// Writes a tree; `progress` gets the number of records so far. The truth is on disk when this returns.
///
/// # Errors
/// When the directory holds a tree already or cannot be written.
pub fn generate(settings: &Settings, progress: &dyn Fn(u64)) -> anyhow::Result<Truth> {
    // Two trees in one directory would make both truths wrong.
    for taken in ["AWSLogs", "redelivered", TRUTH_FILE, OBJECTS_FILE] {
        if settings.out.join(taken).exists() {
            return Err(ConfigError::at(
                "--out",
                format!("{} contains {taken} already: name a new directory", settings.out.display()),
            )
            .into());
        }
    }
    std::fs::create_dir_all(&settings.out)
        .map_err(|error| ConfigError::at("--out", format!("{}: {error}", settings.out.display())))?;
    let world = World::new(settings.seed, settings.accounts, settings.regions)?;
    let story = if Planner::tells_story(settings.records) { Story::new(settings.seed, &world, settings.start) } else { None };
    let generator = log_file::Generator { settings, world: &world, story: story.as_ref(), rare: rare::Rare::new()? };
    tree::write(&generator, &mut Planner::new(settings, &world, story.as_ref()), progress)
}
