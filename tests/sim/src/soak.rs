//! Many worlds: on some threads, each seed by itself, until all are done or one has failed.

use crate::counts::Counts;
use crate::outside::Outside;
use crate::violation::Violation;
use crate::world;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// First seed.
    pub from: u64,
    /// Number of seeds.
    pub seeds: u64,
    /// Threads.
    pub threads: usize,
    /// Keep the whole trace of a failure.
    pub trace: bool,
}

/// What became of one seed.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The first thing that was wrong.
    pub violation: Option<Violation>,
    /// The last lines of its trace, or all of them.
    pub lines: Vec<String>,
    /// One number for its whole trace.
    pub trace_hash: u64,
    /// What happened.
    pub counts: Counts,
}

/// What became of all.
#[derive(Debug)]
pub struct Report {
    /// Seeds that were run.
    pub seeds: u64,
    /// The failure with the smallest seed.
    pub failure: Option<Outcome>,
    /// What happened, in all worlds together.
    pub counts: Counts,
}

/// Runs one world.
pub fn run(seed: u64, trace: bool) -> Outcome {
    let mut out = Outside::new(seed, trace);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        match runtime {
            Ok(runtime) => runtime.block_on(world::run(&mut out)),
            Err(error) => out.check(Err(Violation::other("a world has a runtime", error.to_string()))),
        }
    }));
    if let Err(panic) = ended {
        let said = panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        out.check(Err(Violation::other("nothing panics", said.unwrap_or_default())));
    }
    Outcome {
        seed,
        violation: out.violation.take(),
        lines: out.trace.lines().map(str::to_owned).collect(),
        trace_hash: out.trace.hash(),
        counts: out.counts,
    }
}

/// Runs all seeds; the first failure stops the others.
pub fn soak(options: &Options) -> Report {
    let next = AtomicU64::new(options.from);
    let end = options.from.saturating_add(options.seeds);
    let stop = AtomicBool::new(false);
    let report = Mutex::new(Report { seeds: 0, failure: None, counts: Counts::default() });
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                let (mut counts, mut seeds) = (Counts::default(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let outcome = run(seed, options.trace);
                    seeds += 1;
                    counts.merge(&outcome.counts);
                    if outcome.violation.is_some() {
                        stop.store(true, Ordering::Relaxed);
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        if report.failure.as_ref().is_none_or(|failure| outcome.seed < failure.seed) {
                            report.failure = Some(outcome);
                        }
                    }
                }
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                report.seeds += seeds;
                report.counts.merge(&counts);
            });
        }
    });
    report.into_inner().unwrap_or_else(PoisonError::into_inner)
}
