//! Persisters reach S3 through a proxy that injects every fault S3 may have (`proxy.rs`), and are killed now and then.

use crate::actor::Role;
use crate::context::Context;
use crate::proxy::Proxy;
use crate::round::Round;
use crate::stage::Plan;
use crate::tally::Tally;
use std::time::{Duration, Instant};

/// Length of one topic and table.
const ROUND: Duration = Duration::from_secs(120);

/// Longest pause between two deliveries, in milliseconds.
const LONGEST: u64 = 500;

/// One persister is killed in so many pauses.
const KILL_ONE_IN: u64 = 4;

/// Plays rounds until the time is over.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let end = Instant::now() + Duration::from_secs_f64(context.options.minutes * 60.0);
    let (_, endpoint) = context.services.env.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").expect("an endpoint");
    while Instant::now() < end && !context.is_stopped() {
        let mut plan = Plan::new(format!("proxy-{}", tally.rounds), context.options.seed.wrapping_add(2_000 + tally.rounds));
        (plan.parts, plan.records) = (480, 12_000);
        let proxy = Proxy::start(&context.runtime, endpoint, context.chance(plan.seed + 1));
        let mut round = Round::open(context, tally, plan);
        round.enlist_all(&[("AWS_ENDPOINT_URL", &proxy.url())]);
        let until = end.min(Instant::now() + ROUND);
        while Instant::now() < until && !context.is_stopped() {
            round.deliver();
            round.pass_below(LONGEST);
            if round.chance.once_in(KILL_ONE_IN) {
                let at = round.one_of(|role| *role != Role::Aggregator);
                round.kill(at);
            }
        }
        proxy.calm();
        for (kind, count) in proxy.counts() {
            *round.tally.faults.entry(kind.to_owned()).or_default() += count;
        }
        round.close();
    }
}
