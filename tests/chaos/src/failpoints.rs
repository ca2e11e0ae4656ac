//! Every named point of the persister (`persister/src/failpoint.rs`), before and after, first to third time: crash there, or
//! stand still there until another persister has gone on and then go on oneself, or meet an error there, of passing trouble or for good.
//!
//! One process on the embedded log meets the same crashes in `tests/tests/e2e/crash.rs`.

use crate::actor::{Role, Share};
use crate::context::Context;
use crate::round::Round;
use crate::stage::{Place, Plan};
use crate::tally::Tally;
use std::time::{Duration, Instant};

/// Every point there is.
const NAMES: [&str; 6] = ["encode", "intent", "file", "hint", "mirror", "checkpoint"];
const MOMENTS: [&str; 2] = ["before", "after"];
const HITS: [u64; 3] = [1, 2, 3];

/// How long a process may take to come to its point. One that does not come there is a harness that tests nothing: a violation.
const REACH: Duration = Duration::from_secs(300);

/// How long the other one may take to publish.
const GO_ON: Duration = Duration::from_secs(120);

/// Pause between two deliveries, each worth a batch or more.
const DELIVER_EVERY: Duration = Duration::from_millis(60);

/// Deliveries of a table: enough for all points of a name, and for the 64 batches between two checkpoints.
const PARTS: u64 = 1_500;
const CHECKPOINT_PARTS: u64 = 5_000;

/// Deliveries ahead of the batches that have come of them, at most: a busy machine must not use up what there is.
const AHEAD: u64 = 20;

/// After so long more is delivered all the same: a day of digest files in a row makes no batch.
const NOTHING_COMES: Duration = Duration::from_millis(200);

/// Plays all of them, on a directory and on the bucket; a topic and table for each name.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    for place in [Place::Directory, Place::Bucket] {
        for name in NAMES {
            if context.is_stopped() {
                return;
            }
            let number = tally.rounds;
            let mut plan = Plan::new(format!("failpoints-{number}-{name}"), context.options.seed.wrapping_add(9_000 + number));
            plan.partitions = 1;
            plan.parts = if name == "checkpoint" { CHECKPOINT_PARTS } else { PARTS };
            plan.records = 12 * plan.parts;
            (plan.table, plan.seal) = (place.clone(), ("1KiB", "20ms"));
            let mut round = Round::open(context, tally, plan);
            round.enlist(Role::Aggregator, &[]);
            for point in points(name) {
                crash(&mut round, &point);
                stand_still(&mut round, &point);
                for fate in ["error", "refusal"] {
                    fail(&mut round, name, &point, fate);
                }
            }
            round.close();
        }
    }
}

fn points(name: &str) -> Vec<String> {
    MOMENTS.map(|moment| HITS.map(|hit| format!("{name}.{moment}:{hit}"))).concat()
}

fn persister(round: &mut Round<'_>, point: &str) -> usize {
    round.enlist(Role::Persister(Share::Static(vec![0])), &[("SWITCHBACK_FAILPOINT", point)])
}

/// One dies at the point. Who comes next (the next point's) finds what it left.
fn crash(round: &mut Round<'_>, point: &str) {
    let at = persister(round, &format!("{point}:abort"));
    round.actors[at].is_mortal = true;
    let over = feed(round, REACH, |round| round.actors[at].has_ended());
    assert!(over, "{}: never came to {point}", round.stage.dir.display());
    round.dismiss(at);
    round.tally.fault("crashes at a point");
}

/// One stands still at the point while another goes on; then it wakes, and both go on for a moment.
fn stand_still(round: &mut Round<'_>, point: &str) {
    let at = persister(round, &format!("{point}:stop"));
    let still = feed(round, REACH, |round| round.actors[at].is_still());
    assert!(still, "{}: never came to {point}", round.stage.dir.display());
    let other = round.enlist(Role::Persister(Share::Static(vec![0])), &[]);
    let went_on = feed(round, GO_ON, |round| round.actors[other].diary().batches() > 0);
    assert!(went_on, "{}: nobody could go on after a stop at {point}", round.stage.dir.display());
    round.actors[at].wake();
    round.tally.double_owners += 1;
    round.tally.fault("stops at a point");
    feed(round, Duration::from_millis(300), |_| false);
    // The newer one first: places in the list move up.
    round.dismiss(other);
    round.dismiss(at);
}

/// An effect fails at the point. The process goes on; or it ends, when nobody would try such an effect again, and whoever comes next
/// goes on.
fn fail(round: &mut Round<'_>, effect: &str, point: &str, fate: &str) {
    let at = persister(round, &format!("{point}:{fate}"));
    round.actors[at].is_mortal = true;
    let failed = feed(round, REACH, |round| round.actors[at].diary().failed);
    assert!(failed, "{}: never came to {point}", round.stage.dir.display());
    let over = if gives_up(effect, fate) {
        feed(round, GO_ON, |round| round.actors[at].has_ended())
    } else {
        let before = round.actors[at].diary().batches();
        feed(round, GO_ON, |round| round.actors[at].diary().batches() > before)
    };
    assert!(over, "{}: neither ended nor went on as it should after a {fate} at {point}", round.stage.dir.display());
    round.dismiss(at);
    round.tally.fault(if fate == "error" { "errors at a point" } else { "refusals at a point" });
}

/// What fails for good ends the process, but for what only helps (hints, checkpoints, mirrored offsets). Encoding is never tried again.
fn gives_up(effect: &str, fate: &str) -> bool {
    effect == "encode" || (fate == "refusal" && ["intent", "file"].contains(&effect))
}

/// Lets log files arrive until it is so; false when the time is over.
fn feed(round: &mut Round<'_>, time: Duration, is_enough: impl Fn(&mut Round<'_>) -> bool) -> bool {
    let (end, mut delivered, mut last) = (Instant::now() + time, 0, Instant::now());
    while Instant::now() < end {
        if is_enough(round) {
            return true;
        }
        let batches: u64 = round.actors.iter().map(|actor| actor.diary().batches()).sum();
        if delivered < batches + AHEAD || last.elapsed() > NOTHING_COMES {
            round.deliver();
            (delivered, last) = (delivered + 1, Instant::now());
        }
        round.pass(DELIVER_EVERY);
    }
    is_enough(round)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_before_and_after_and_three_times() {
        let points: Vec<String> = NAMES.into_iter().flat_map(points).collect();
        assert_eq!(points.len(), 36);
        assert!(points.contains(&"checkpoint.after:3".to_owned()) && points.contains(&"encode.before:1".to_owned()));
    }
}
