//! Worlds that must hold, the same ones each time.

use sim::soak::{Options, soak};

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Any failure repeats with `./dev soak sim --seed N`.
#[test]
fn two_thousand_worlds_hold_and_every_fault_was_there() {
    let report = soak(&Options { from: 0, seeds: 2_000, threads: threads(), trace: false });
    if let Some(failure) = report.failure {
        let violation = failure.violation.map(|violation| violation.to_string()).unwrap_or_default();
        panic!(
            "{}\nseed {} fails: {violation}\nto repeat: ./dev soak sim --seed {}",
            failure.lines.join("\n"),
            failure.seed,
            failure.seed
        );
    }
    println!("{}", report.counts);
    assert_eq!((report.seeds, report.counts.missing()), (2_000, Vec::new()));
}

#[test]
fn a_seed_is_the_same_world_twice() {
    for seed in 0..200 {
        let (one, two) = (sim::run(seed, true), sim::run(seed, true));
        let differs = one.lines.iter().zip(&two.lines).find(|(one, two)| one != two);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!((one.trace_hash, one.counts), (two.trace_hash, two.counts), "seed {seed}");
    }
}

#[test]
fn seeds_differ() {
    let hashes: std::collections::HashSet<u64> = (0..50).map(|seed| sim::run(seed, false).trace_hash).collect();
    assert_eq!(hashes.len(), 50);
}
