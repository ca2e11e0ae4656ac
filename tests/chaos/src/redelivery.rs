//! The same log files again and again: copied below other roots, which does not change their identity, and sent by aggregators that
//! have lost their processed-file index, while persisters are killed.

use crate::actor::Role;
use crate::context::Context;
use crate::round::Round;
use crate::stage::Plan;
use crate::tally::Tally;
use tests::case::deliver;

/// Deliveries of everything.
const TIMES: u64 = 4;

/// Longest pause between two kills, in milliseconds.
const LONGEST: u64 = 1_500;

/// Plays one round.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let mut plan = Plan::new("redelivery", context.options.seed.wrapping_add(4_000));
    plan.parts = 1;
    let mut round = Round::open(context, tally, plan);
    round.enlist_all(&[]);
    round.deliver();
    for time in 1..=TIMES {
        // A copied bucket is the same trail: an object is what it is called from AWSLogs/ on.
        let root = round.stage.dir.join(format!("copy-{time}/of/a/bucket"));
        deliver(&round.stage.tree, &root);
        round.stage.send_all(&format!("again-{time}"), &root);
        round.tally.fault("deliveries of everything again");
        for _ in 0..6 {
            round.pass_below(LONGEST);
            let at = round.one_of(|role| *role != Role::Aggregator);
            round.kill(at);
        }
    }
    round.close();
}
