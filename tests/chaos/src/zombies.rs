//! Persisters that are paused, at any moment or right before or after an effect, until others have taken over their partitions and
//! published there; then they resume with what they knew before.
//!
//! There are two ways to get two owners. In a group, the broker gives a silent member's partitions away when its session times out: a
//! zombie is counted when another member was given its partition, and published there, before it woke. Or two persisters are configured to
//! own the same partition for good: counted apart, as double owners, each time one is paused while the other continues.

use crate::actor::{Role, Share};
use crate::context::Context;
use crate::round::Round;
use crate::stage::Plan;
use crate::tally::Tally;
use std::time::{Duration, Instant};

/// Zombies of one topic and table.
const PER_ROUND: u64 = 25;

/// Members of the group, and how many of them stand still at a time.
const MEMBERS: u32 = 6;
const AT_A_TIME: usize = 3;

/// How long a takeover is waited for: sessions last about a second, a rebalance two of them. Nothing depends on it but the count. On a machine
/// that is busy with other things it takes longer: after each round that came to nothing, as long again.
const TAKEOVER: Duration = Duration::from_secs(15);

/// How long a process may take to come to its failpoint before it is stopped wherever it is.
const REACH: Duration = Duration::from_secs(6);

/// Pause between two deliveries.
const DELIVER_EVERY: Duration = Duration::from_millis(150);

/// Longest time between waking one and stopping the next, in milliseconds.
const LONGEST: u64 = 900;

/// Points at which a process stops itself; those of an intent and its files are what matters most.
const POINTS: [&str; 10] = [
    "intent.before",
    "intent.before",
    "intent.after",
    "intent.after",
    "file.before",
    "file.after",
    "encode.after",
    "hint.before",
    "mirror.before",
    "mirror.after",
];

/// Deliveries besides those that each stop takes, about: a round that runs out of log files ends, and another one is played.
const SPARE_PARTS: u64 = 100;

/// Rounds of both kinds in a row that may come to nothing, as on a machine that is busy with other things, before the harness is broken.
const BARREN: u32 = 5;

/// Plays rounds of both kinds in turn until there are enough zombies of a group, and half as many double owners.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let (zombies, owners) = (context.options.zombies, context.options.zombies.div_ceil(2));
    let mut barren = 0;
    while (tally.zombies < zombies || tally.double_owners < owners) && !context.is_stopped() {
        let before = tally.zombies + tally.double_owners;
        if tally.zombies < zombies {
            let wanted = PER_ROUND.min(zombies - tally.zombies);
            group(context, tally, wanted, TAKEOVER * (1 + barren));
        }
        if tally.double_owners < owners && !context.is_stopped() {
            let wanted = PER_ROUND.min(owners - tally.double_owners);
            double_owners(context, tally, wanted, TAKEOVER * (1 + barren));
        }
        barren = if tally.zombies + tally.double_owners > before { 0 } else { barren + 1 };
        assert!(barren < BARREN, "nobody was overtaken in {BARREN} rounds: {zombies} zombies and {owners} double owners wanted");
    }
}

fn group(context: &Context, tally: &mut Tally, wanted: u64, patience: Duration) {
    let seed = context.options.seed.wrapping_add(7_000 + tally.rounds);
    let mut plan = Plan::new(format!("zombies-{}", tally.rounds), seed);
    (plan.group, plan.partitions, plan.parts) = (true, 12, SPARE_PARTS + 60 * wanted);
    plan.records = 20 * plan.parts;
    let mut round = Round::open(context, tally, plan);
    for _ in 0..MEMBERS {
        round.enlist(Role::Persister(Share::Group), &[]);
    }
    round.enlist(Role::Aggregator, &[]);
    let goal = round.tally.zombies + wanted;
    feed(&mut round, Duration::from_secs(2), |_| false);
    while round.tally.zombies < goal && !round.is_delivered() && !context.is_stopped() {
        let still = (0..AT_A_TIME).filter_map(|_| stand_still(&mut round, |_| true)).collect::<Vec<_>>();
        feed(&mut round, patience, |round| still.iter().all(|one| one.is_overtaken(round)));
        for one in &still {
            let taken = one.is_overtaken(&round);
            round.actors[one.at].wake();
            if taken {
                round.tally.zombies += 1;
            } else {
                round.tally.fault("stops that nobody noticed");
            }
        }
        linger(&mut round);
    }
    round.close();
}

fn double_owners(context: &Context, tally: &mut Tally, wanted: u64, patience: Duration) {
    let seed = context.options.seed.wrapping_add(8_000 + tally.rounds);
    let mut plan = Plan::new(format!("owners-{}", tally.rounds), seed);
    (plan.partitions, plan.parts) = (2, SPARE_PARTS + 30 * wanted);
    plan.records = 20 * plan.parts;
    let mut round = Round::open(context, tally, plan);
    for partition in [0, 0, 1, 1] {
        round.enlist(Role::Persister(Share::Static(vec![partition])), &[]);
    }
    round.enlist(Role::Aggregator, &[]);
    let goal = round.tally.double_owners + wanted;
    feed(&mut round, Duration::from_secs(1), |_| false);
    while round.tally.double_owners < goal && !round.is_delivered() && !context.is_stopped() {
        // One of each pair at most, so that somebody goes on.
        let still: Vec<_> = [0, 1].into_iter().filter_map(|p| stand_still(&mut round, |at| at / 2 == p)).collect();
        feed(&mut round, patience, |round| still.iter().all(|one| one.has_other_published(round)));
        for one in &still {
            let went_on = one.has_other_published(&round);
            round.actors[one.at].wake();
            round.tally.double_owners += u64::from(went_on);
        }
        linger(&mut round);
    }
    round.close();
}

/// One that stands still, and what was so when it stopped.
struct Still {
    at: usize,
    owned: Vec<u64>,
    /// Assignments and batches of its partitions, by others.
    assigned: u64,
    published: u64,
}

impl Still {
    fn is_overtaken(&self, round: &Round<'_>) -> bool {
        let (assigned, published) = by_others(round, self.at, &self.owned);
        assigned > self.assigned && published > self.published
    }

    fn has_other_published(&self, round: &Round<'_>) -> bool {
        by_others(round, self.at, &self.owned).1 > self.published
    }
}

/// Stops one that has something to do: wherever it is, or at a point of its own choosing in a new life.
fn stand_still(round: &mut Round<'_>, eligible: impl Fn(usize) -> bool) -> Option<Still> {
    let able: Vec<usize> = (0..round.actors.len())
        .filter(|at| eligible(*at) && round.actors[*at].role != Role::Aggregator && !round.actors[*at].stopped)
        .filter(|at| !round.actors[*at].diary().owned.is_empty())
        .collect();
    if able.is_empty() {
        return None;
    }
    let at = *round.chance.one(&able);
    if round.chance.once_in(2) {
        let (point, hit) = (*round.chance.one(&POINTS), 1 + round.chance.below(4));
        round.actors[at].env = vec![("SWITCHBACK_FAILPOINT".to_owned(), format!("{point}:{hit}:stop"))];
        round.kill(at);
        round.actors[at].env.clear();
        feed(round, REACH, |round| round.actors[at].is_still());
        if round.actors[at].is_still() {
            round.tally.fault("stops at a failpoint");
        }
    }
    // One that stands already takes no notice.
    round.actors[at].stop();
    round.tally.fault("stops");
    let owned: Vec<u64> = round.actors[at].diary().owned.into_iter().collect();
    let (assigned, published) = by_others(round, at, &owned);
    Some(Still { at, owned, assigned, published })
}

/// What other persisters say of these partitions: assignments, batches.
fn by_others(round: &Round<'_>, at: usize, partitions: &[u64]) -> (u64, u64) {
    let others = round.actors.iter().enumerate().filter(|(other, actor)| *other != at && actor.role != Role::Aggregator);
    let diaries: Vec<_> = others.map(|(_, actor)| actor.diary()).collect();
    let sum = |of: fn(&crate::diary::Diary) -> &std::collections::BTreeMap<u64, u64>| {
        diaries.iter().flat_map(|diary| partitions.iter().filter_map(move |p| of(diary).get(p))).sum()
    };
    (sum(|diary| &diary.assigned), sum(|diary| &diary.published))
}

/// Lets log files arrive until it is so, or the time is over.
fn feed(round: &mut Round<'_>, time: Duration, is_enough: impl Fn(&Round<'_>) -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end && !is_enough(round) {
        round.deliver();
        round.pass(DELIVER_EVERY);
    }
}

/// What was woken goes on for a while; sometimes somebody dies of it.
fn linger(round: &mut Round<'_>) {
    let time = Duration::from_millis(round.chance.below(LONGEST));
    feed(round, time, |_| false);
    if round.chance.once_in(4) {
        let at = round.one_of(|role| *role != Role::Aggregator);
        round.kill(at);
    }
}
