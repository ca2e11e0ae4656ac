//! `kill -9` at random moments, over and over: aggregators and persisters, each after a random time.

use crate::context::Context;
use crate::round::Round;
use crate::stage::{Place, Plan};
use crate::tally::Tally;
use std::time::{Duration, Instant};

/// Kills of one topic and table: then the table is judged as a whole, and the next one begins.
const PER_ROUND: u64 = 400;

/// Persisters, one a partition: many, since one that starts waits for the S3 server more than it works.
const PARTITIONS: u32 = 8;

/// Longest life in milliseconds: long enough to publish a few batches. On S3 a start takes up to two seconds, for the probe's race.
const LONGEST_ON_S3: u64 = 4_500;
const LONGEST_LOCALLY: u64 = 2_000;

/// One life in so many is cut while the process is starting, in less than that.
const EARLY: (u64, u64) = (8, 400);

/// Plays as many rounds as the kills need; every other table is a directory.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let goal = context.options.kills;
    while tally.kills < goal && !context.is_stopped() {
        let (number, kills) = (tally.rounds, PER_ROUND.min(goal - tally.kills));
        let mut plan = Plan::new(format!("kills-{number}"), context.options.seed.wrapping_add(number));
        (plan.partitions, plan.parts, plan.records) = (PARTITIONS, kills, 24 * kills);
        plan.table = if number % 2 == 1 { Place::Directory } else { Place::Bucket };
        let mut round = Round::open(context, tally, plan);
        round.enlist_all(&[]);
        kill(&mut round, kills);
        round.close();
    }
}

/// Kills and delivers until both are done.
fn kill(round: &mut Round<'_>, kills: u64) {
    let goal = round.tally.kills + kills.saturating_sub(round.actors.len() as u64);
    let mut deaths: Vec<Instant> = (0..round.actors.len()).map(|_| death(round)).collect();
    while round.tally.kills < goal && !round.context.is_stopped() {
        let next = deaths.iter().min().copied().unwrap_or_else(Instant::now);
        round.pass(next.saturating_duration_since(Instant::now()));
        for (at, due) in deaths.iter_mut().enumerate() {
            if *due <= Instant::now() && round.tally.kills < goal {
                round.kill(at);
                *due = death(round);
                round.deliver();
            }
        }
    }
}

fn death(round: &mut Round<'_>) -> Instant {
    let (times, early) = EARLY;
    let usual = if round.stage.plan.table == Place::Bucket { LONGEST_ON_S3 } else { LONGEST_LOCALLY };
    let longest = if round.chance.once_in(times) { early } else { usual };
    Instant::now() + Duration::from_millis(round.chance.below(longest))
}
