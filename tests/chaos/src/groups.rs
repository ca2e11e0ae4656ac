//! A consumer group that keeps rebalancing: members join, leave in good order and are killed.

use crate::actor::{Role, Share};
use crate::context::Context;
use crate::round::Round;
use crate::stage::Plan;
use crate::tally::Tally;

/// Kills of one topic and table.
const PER_ROUND: u64 = 60;

/// Members that there are at least and at most.
const MEMBERS: (usize, usize) = (2, 5);

/// Longest pause between two events, in milliseconds: some are shorter than a session or a rebalance, some longer.
const LONGEST: u64 = 3_000;

/// Plays as many rounds as the kills need: a tenth of those of `kills`, since a group takes its time.
pub(crate) fn play(context: &Context, tally: &mut Tally) {
    let goal = (context.options.kills / 10).max(10);
    while tally.kills < goal && !context.is_stopped() {
        let (number, kills) = (tally.rounds, PER_ROUND.min(goal - tally.kills));
        let mut plan = Plan::new(format!("groups-{number}"), context.options.seed.wrapping_add(500 + number));
        (plan.group, plan.parts, plan.records) = (true, kills * 3, 200 * kills);
        let mut round = Round::open(context, tally, plan);
        for _ in 0..3 {
            round.enlist(Role::Persister(Share::Group), &[]);
        }
        round.enlist(Role::Aggregator, &[]);
        unrest(&mut round, kills);
        round.close();
    }
}

fn unrest(round: &mut Round<'_>, kills: u64) {
    let goal = round.tally.kills + kills.saturating_sub(round.actors.len() as u64);
    let persister = Role::Persister(Share::Group);
    while round.tally.kills < goal && !round.context.is_stopped() {
        round.deliver();
        round.pass_below(LONGEST);
        let members: Vec<usize> = (0..round.actors.len()).filter(|at| round.actors[*at].role == persister).collect();
        match round.chance.below(5) {
            0 if members.len() < MEMBERS.1 => {
                round.enlist(persister.clone(), &[]);
                round.tally.fault("members joined");
            }
            1 if members.len() > MEMBERS.0 => {
                let at = *round.chance.one(&members);
                round.leave(at);
            }
            2 if round.chance.once_in(2) => {
                let at = (0..round.actors.len()).find(|at| round.actors[*at].role == Role::Aggregator);
                round.kill(at.expect("one reads log files"));
            }
            _ => {
                let at = *round.chance.one(&members);
                round.kill(at);
            }
        }
    }
}
