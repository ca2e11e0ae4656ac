//! Kafka and the S3 server are stopped and killed in the middle of the work, and come back a while later.

use crate::context::Context;
use crate::round::Round;
use crate::stage::Plan;
use crate::tally::Tally;
use std::time::{Duration, Instant};

/// Outages of one topic and table.
const PER_ROUND: u64 = 12;

/// Longest outage and longest time between two, in milliseconds; starting a service adds some seconds.
const LONGEST_DOWN: u64 = 6_000;
const LONGEST_UP: u64 = 4_000;

/// Plays rounds until the time is over.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    if !context.services.is_private() {
        tally.skipped = Some("services that others use are not ours to stop".to_owned());
        return;
    }
    let end = Instant::now() + Duration::from_secs_f64(context.options.minutes * 60.0);
    while Instant::now() < end && !context.is_stopped() {
        let mut plan = Plan::new(format!("outages-{}", tally.rounds), context.options.seed.wrapping_add(3_000 + tally.rounds));
        (plan.parts, plan.records) = (PER_ROUND * 8, 8_000);
        let mut round = Round::open(context, tally, plan);
        round.enlist_all(&[]);
        let goal = round.tally.outages + PER_ROUND;
        while round.tally.outages < goal && Instant::now() < end && !context.is_stopped() {
            feed(&mut round, LONGEST_UP);
            break_down(&mut round);
        }
        feed(&mut round, LONGEST_UP);
        round.close();
    }
}

/// One outage; half of them with a process that dies meanwhile.
fn break_down(round: &mut Round<'_>) {
    let services = &round.context.services;
    let service = *round.chance.one(&["kafka", "s3"]);
    let order = *round.chance.one(&["kill", "stop"]);
    services.order(order, service);
    round.tally.outages += 1;
    round.tally.fault(&format!("{service} {order}"));
    if round.chance.once_in(2) {
        let at = round.one_of(|_| true);
        round.kill(at);
    }
    feed(round, LONGEST_DOWN);
    services.order("start", service);
}

/// Lets a while pass in which log files keep arriving.
fn feed(round: &mut Round<'_>, longest: u64) {
    for _ in 0..4 {
        round.deliver();
        round.pass_below(longest / 4);
    }
}
