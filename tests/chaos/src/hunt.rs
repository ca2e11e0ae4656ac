//! Every kind of fault at once, short and dense: what finds a broken design soonest, as the mutants do (`tests/mutants`).
//!
//! Two persisters are configured to own each partition. They are killed, paused, crash, stop and get errors at their failpoints; committed
//! offsets are changed; the topic begins in the middle of a run. Every other table lies in the bucket behind the proxy; the others lie
//! in a directory, where clocks jump, and are not disturbed until their chains are long.

use crate::actor::{Role, Share};
use crate::clock;
use crate::context::Context;
use crate::proxy::Proxy;
use crate::round::Round;
use crate::stage::{Place, Plan};
use crate::tally::Tally;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tests::wait;

/// Length of one topic and table in the bucket and in a directory, and what its end may take: no round begins that cannot end in time.
const IN_BUCKET: Duration = Duration::from_secs(25);
const IN_DIRECTORY: Duration = Duration::from_secs(40);
const CLOSING: Duration = Duration::from_secs(25);

const PARTITIONS: u32 = 2;

/// Deliveries of a round, a log file each; more than it has time for.
const PARTS: u64 = 200;
const LONG_PARTS: u64 = 500;

/// Chain records of a table whose chains are long: a ledger checkpoint comes after 64 of each partition. How long they are waited for.
const LONG: u64 = 160;
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest pause between two events, in milliseconds.
const LONGEST: u64 = 250;

/// How long a process may take to come to its failpoint before it may be killed anywhere.
const REACH: Duration = Duration::from_secs(8);

/// Pause between two deliveries while there is peace.
const DELIVER_EVERY: Duration = Duration::from_millis(50);

/// Messages of each partition before its oldest ones are deleted.
const OLD_MESSAGES: i64 = 20;

const VARIABLE: &str = "SWITCHBACK_FAILPOINT";
/// Intents and files are what matters most.
const EFFECTS: [&str; 10] = ["intent", "intent", "intent", "file", "file", "file", "encode", "hint", "mirror", "checkpoint"];
const MOMENTS: [&str; 2] = ["before", "after"];
const FATES: [&str; 4] = ["abort", "stop", "error", "refusal"];

/// Plays rounds as long as there is time.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let end = Instant::now() + Duration::from_secs_f64(context.options.minutes * 60.0);
    while !context.is_stopped() && (tally.rounds == 0 || Instant::now() + IN_DIRECTORY + CLOSING < end) {
        let number = tally.rounds;
        let mut plan = Plan::new(format!("hunt-{number}"), context.options.seed.wrapping_add(11_000 + number));
        // Few files a batch make many batches: the chain is what is looked at here.
        (plan.partitions, plan.seal, plan.late) = (PARTITIONS, ("4KiB", "40ms"), "0.002");
        let is_in_bucket = number.is_multiple_of(2);
        (plan.table, plan.parts) = if is_in_bucket { (Place::Bucket, PARTS) } else { (Place::Directory, LONG_PARTS) };
        plan.records = 12 * plan.parts;
        if is_in_bucket {
            in_the_bucket(context, tally, plan);
        } else {
            in_a_directory(context, tally, plan);
        }
    }
}

fn in_a_directory(context: &Context, tally: &mut Tally, plan: Plan) {
    let mut round = Round::open(context, tally, plan);
    begin_in_the_middle(&mut round);
    let mut clocks = Vec::new();
    for number in 0..2 * PARTITIONS {
        let clock = round.stage.dir.join(format!("clock-{number}"));
        let env = clock::library().map(|library| clock::told_by(library, &clock));
        round.enlist(owner(number), env.as_ref().map_or(&[], |env| &env[..]));
        if env.is_some() {
            clocks.push(clock);
        }
    }
    let end = Instant::now() + PATIENCE;
    while round.seen().batches < LONG && Instant::now() < end && !context.is_stopped() {
        round.deliver();
        round.pass(DELIVER_EVERY);
    }
    unrest(&mut round, IN_DIRECTORY, &clocks);
    round.close();
}

fn in_the_bucket(context: &Context, tally: &mut Tally, plan: Plan) {
    let (_, endpoint) = context.services.env.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").expect("an endpoint");
    let proxy = Proxy::start(&context.runtime, endpoint, context.chance(plan.seed + 1));
    let mut round = Round::open(context, tally, plan);
    begin_in_the_middle(&mut round);
    for number in 0..2 * PARTITIONS {
        round.enlist(owner(number), &[("AWS_ENDPOINT_URL", &proxy.url())]);
    }
    unrest(&mut round, IN_BUCKET, &[]);
    proxy.calm();
    for (kind, count) in proxy.counts() {
        *round.tally.faults.entry(kind.to_owned()).or_default() += count;
    }
    round.close();
}

fn owner(number: u32) -> Role {
    Role::Persister(Share::Static(vec![number % PARTITIONS]))
}

/// The oldest messages are deleted before anybody has read them: what is left begins in the middle of a run, as after one that broke off.
fn begin_in_the_middle(round: &mut Round<'_>) {
    // What a judge that is still reading log files does not see is seen too late.
    wait::until_true("the bystander looks", || round.is_watched());
    round.enlist(Role::Aggregator, &[]);
    let count = i32::try_from(PARTITIONS).expect("a count");
    let mut ends = None;
    wait::until_true("there are messages", || {
        round.deliver();
        round.pass_below(LONGEST);
        ends = round.stage.topic.ends(count);
        ends.as_ref().is_some_and(|ends| ends.iter().all(|end| *end > OLD_MESSAGES))
    });
    let below = |end: i64, round: &mut Round<'_>| round.chance.below(end.cast_unsigned()).cast_signed() + 1;
    let lows: Vec<i64> = ends.into_iter().flatten().map(|end| below(end, round)).collect();
    round.stage.topic.expire_below(&lows);
    round.enlist(Role::Aggregator, &[]);
}

/// One thing after another, for so long or until everything is delivered.
fn unrest(round: &mut Round<'_>, time: Duration, clocks: &[PathBuf]) {
    let (end, mut armed) = (Instant::now() + time, BTreeMap::new());
    while Instant::now() < end && !round.is_delivered() && !round.context.is_stopped() {
        round.deliver();
        round.pass_below(LONGEST);
        match round.chance.below(10) {
            0 if round.chance.once_in(2) => {
                let at = round.one_of(|role| *role == Role::Aggregator);
                round.kill(at);
            }
            1..=3 => begin_anew(round, &mut armed),
            4 => stop(round),
            5..=6 => wake(round),
            7 => move_offset(round),
            8 if !clocks.is_empty() => clock::step(round, clocks),
            _ => {}
        }
    }
}

/// A persister dies, most often one that has published: how fast they live is the machine's. One that is `armed` has some time to come to its
/// failpoint. The next life has one, or none.
fn begin_anew(round: &mut Round<'_>, armed: &mut BTreeMap<usize, Instant>) {
    let at = round.one_of(|role| *role != Role::Aggregator);
    let is_on_its_way = armed.get(&at).is_some_and(|until| Instant::now() < *until) && !round.actors[at].is_still();
    if is_on_its_way || (round.actors[at].diary().batches() == 0 && !round.chance.once_in(4)) {
        return;
    }
    armed.remove(&at);
    let is_armed = round.chance.once_in(2);
    if is_armed {
        let (effect, moment) = (*round.chance.one(&EFFECTS), *round.chance.one(&MOMENTS));
        let (hit, fate) = (1 + round.chance.below(3), *round.chance.one(&FATES));
        armed.insert(at, Instant::now() + REACH);
        round.actors[at].env.push((VARIABLE.to_owned(), format!("{effect}.{moment}:{hit}:{fate}")));
        round.tally.fault("failpoints armed");
    }
    round.kill(at);
    round.actors[at].env.retain(|(name, _)| name != VARIABLE);
}

/// A persister stands still, wherever it is, unless the other owner of its partition does.
fn stop(round: &mut Round<'_>) {
    let at = round.one_of(|role| *role != Role::Aggregator);
    let role = round.actors[at].role.clone();
    if !round.actors.iter_mut().any(|actor| actor.role == role && (actor.has_ended() || actor.is_still())) {
        round.actors[at].stop();
        round.tally.fault("stops");
    }
}

/// Somebody who stands still goes on with what he knew.
fn wake(round: &mut Round<'_>) {
    let still: Vec<usize> = (0..round.actors.len()).filter(|at| round.actors[*at].is_still()).collect();
    if !still.is_empty() {
        let at = *round.chance.one(&still);
        round.actors[at].wake();
        round.tally.fault("wakes");
    }
}

/// Committed offsets decide nothing, so anybody may set them to anything.
fn move_offset(round: &mut Round<'_>) {
    let partition = round.chance.below(u64::from(PARTITIONS));
    let at = usize::try_from(partition).expect("small");
    let Some(end) = round.stage.topic.ends(i32::try_from(PARTITIONS).expect("a count")).map(|ends| ends[at]) else { return };
    let offset = round.chance.below(end.cast_unsigned() + 1).cast_signed();
    if round.stage.topic.commit(i32::try_from(partition).expect("small"), offset) {
        round.tally.fault("offsets moved");
    }
}
