//! What may happen next while faults happen: work most of the time, trouble now and then.

use crate::outside::Outside;
use crate::process::Process;
use crate::world::World;
use bytes::Bytes;
use common::log::Watermarks;

#[derive(Debug, Clone, Copy)]
enum Choice {
    Serve,
    Deliver,
    Read,
    Cut,
    Chunk,
    Look,
    Produce,
    LandLate,
    Tick,
    Assign,
    Revoke,
    Pause,
    Wake,
    Crash,
    Lose,
    Restore,
    Damage,
    ForgetCommitted,
    Rewind,
    Expire,
    JumpClock,
    List,
}

/// How often each is offered. What cannot be done is not, and another is.
const MENU: &[(u64, Choice)] = &[
    (120, Choice::Serve),
    (90, Choice::Deliver),
    (80, Choice::Read),
    (14, Choice::Cut),
    (6, Choice::Chunk),
    (10, Choice::Look),
    (60, Choice::Produce),
    (6, Choice::LandLate),
    (10, Choice::Tick),
    (5, Choice::Assign),
    (2, Choice::Revoke),
    (2, Choice::Pause),
    (4, Choice::Wake),
    (1, Choice::Crash),
    (2, Choice::Lose),
    (2, Choice::Restore),
    (1, Choice::Damage),
    (1, Choice::ForgetCommitted),
    (2, Choice::Rewind),
    (2, Choice::Expire),
    (1, Choice::JumpClock),
    (2, Choice::List),
];

/// One thing happens.
pub async fn step(world: &mut World<'_>) {
    let total: u64 = MENU.iter().map(|(weight, _)| weight).sum();
    loop {
        let mut left = world.out.chance.below(total);
        let choice = MENU.iter().find(|(weight, _)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        let Some((_, choice)) = choice else { return };
        let happened = match choice {
            Choice::Tick => {
                world.tick().await;
                true
            }
            other => happens(world, *other),
        };
        if happened {
            return;
        }
    }
}

fn happens(world: &mut World<'_>, choice: Choice) -> bool {
    match choice {
        Choice::Serve => world.serve(),
        Choice::Deliver => world.deliver(),
        Choice::Read => world.read(),
        Choice::Cut => {
            let Some((at, number)) = world.pick(|process, _| process.sealable()) else { return false };
            world.processes[at].cut(number, world.out)
        }
        Choice::Chunk => {
            let Some((at, number)) = world.pick(|process, _| process.sealable()) else { return false };
            world.processes[at].chunk(number, world.out)
        }
        Choice::Look => {
            let Some((at, _)) = world.pick(|process, _| process.numbers()) else { return false };
            if world.out.chance.below(4) == 0 {
                world.processes[at].grow_old();
            }
            world.processes[at].look(world.out)
        }
        Choice::Produce => {
            world.producers.work_or_fail(world.out);
            true
        }
        Choice::LandLate => world.land_late(),
        Choice::Tick => false,
        Choice::Assign => assign(world),
        Choice::Revoke => {
            let Some((at, number)) = world.pick(owned) else { return false };
            world.out.line(format_args!("p{} loses {number}", world.processes[at].number));
            world.processes[at].revoke(number, world.out);
            true
        }
        Choice::Pause => {
            let at = world.out.chance.index(world.processes.len());
            world.processes[at].paused = true;
            world.out.counts.add("pauses");
            world.out.line(format_args!("p{} sleeps", world.processes[at].number));
            true
        }
        Choice::Wake => {
            let at = world.out.chance.index(world.processes.len());
            world.processes[at].paused = false;
            true
        }
        Choice::Crash => {
            let at = world.out.chance.index(world.processes.len());
            world.processes[at].crashing = world.out.faults.crash > 0;
            world.processes[at].crashing
        }
        Choice::Lose | Choice::Restore | Choice::Damage => tamper(world, choice),
        Choice::ForgetCommitted => {
            let at = world.out.chance.index(world.out.log.len());
            let committed = world.out.log[at].committed.take();
            world.out.counts.add("committed offsets lost");
            // Lost, or set back by an operator.
            world.out.log[at].committed = committed.filter(|_| world.out.chance.below(2) == 0).map(|offset| offset / 2);
            true
        }
        Choice::Rewind => rewind(world),
        Choice::Expire => expire(world),
        Choice::JumpClock => {
            world.out.clock_jumps();
            true
        }
        Choice::List => {
            list(world.out);
            true
        }
    }
}

fn owned(process: &Process, _: &Outside) -> Vec<u32> {
    if process.is_waiting() { Vec::new() } else { process.numbers() }
}

/// A rebalance, or a group that has lost its mind: any process may be given any partition, whoever has it.
fn assign(world: &mut World<'_>) -> bool {
    let number = world.out.chance.index(world.out.log.len()) as u32;
    // One that waits for memory does not poll, and so is told of no rebalance.
    let runs = |process: &Process| !process.paused && !process.is_waiting();
    let able: Vec<usize> = (0..world.processes.len()).filter(|at| runs(&world.processes[*at])).collect();
    if able.is_empty() {
        return false;
    }
    let to = able[world.out.chance.index(able.len())];
    if world.out.chance.below(2) == 0 {
        for at in able {
            world.processes[at].revoke(number, world.out);
        }
    }
    let others = world.processes.iter().enumerate().filter(|(at, process)| *at != to && process.numbers().contains(&number));
    if others.count() > 0 {
        world.out.counts.add("owners at once");
    }
    world.out.counts.add("assignments");
    world.out.line(format_args!("p{} is given {number}", world.processes[to].number));
    world.processes[to].revoke(number, world.out);
    world.processes[to].assign(number, world.out);
    true
}

/// Hints and checkpoints are derived: they may be lost, stale or damaged.
fn tamper(world: &mut World<'_>, choice: Choice) -> bool {
    let mut state = world.out.store.state();
    let derived: Vec<String> = ["_head/", "_ckpt/"]
        .iter()
        .flat_map(|root| state.objects.range((*root).to_owned()..).take_while(move |(key, _)| key.starts_with(root)))
        .map(|(key, _)| key.clone())
        .collect();
    if derived.is_empty() || (matches!(choice, Choice::Restore) && world.replaced.is_empty()) {
        return false;
    }
    let key = &derived[world.out.chance.index(derived.len())];
    let (kind, key, body) = match choice {
        Choice::Restore => {
            let (key, body) = &world.replaced[world.out.chance.index(world.replaced.len())];
            ("derived objects stale", key, Some(body.clone()))
        }
        Choice::Damage if world.out.chance.below(2) == 0 => ("derived objects damaged", key, Some(Bytes::from_static(b"?"))),
        Choice::Damage => ("derived objects damaged", key, Some(Bytes::from_static(b"{\"v\":1,\"seq\":777}"))),
        _ => ("derived objects lost", key, None),
    };
    state.tamper(key, body);
    drop(state);
    world.out.counts.add(kind);
    world.out.line(format_args!("{kind}: {key}"));
    true
}

/// The consumer gives messages again.
fn rewind(world: &mut World<'_>) -> bool {
    let started = |process: &Process, _: &Outside| {
        process.numbers().into_iter().filter(|number| process.read_at(*number).is_some()).collect()
    };
    let Some((at, number)) = world.pick(started) else { return false };
    let back = world.out.chance.below(6);
    let Watermarks { low, .. } = world.out.log[number as usize].watermarks();
    if let Some(read_at) = world.processes[at].read_at(number) {
        world.processes[at].rewind(number, read_at.saturating_sub(back).max(low));
    }
    world.out.counts.add("rewinds");
    true
}

/// Retention deletes what nobody needs any more: what is before the first unfinished batch and before every reader. (Deleting more must stop
/// a partition, which the machine's own tests show.)
fn expire(world: &mut World<'_>) -> bool {
    let at = world.out.chance.index(world.out.log.len());
    let (_, settled) = world.out.auditor.settled(at as u32);
    let number = at as u32;
    let owners = world.processes.iter().filter(|process| process.numbers().contains(&number));
    // One that is held may be about to read the last batch again, whoever completes it meanwhile.
    let needed = owners.map(|process| process.read_at(number)).try_fold(settled, |least, read_at| Some(least.min(read_at?)));
    let Some(needed) = needed else { return false };
    world.out.log[at].expire(needed);
    world.out.counts.add("retention");
    world.out.line(format_args!("log {at} starts at {needed}"));
    true
}

/// A reader that knows nothing but listings.
fn list(out: &mut Outside) {
    let Outside { store, chance, .. } = &mut *out;
    let mut state = store.state();
    state.catch_up(|| chance.below(3) == 0);
    let shown: Vec<String> = state.list("data/", None, usize::MAX).into_iter().map(|entry| entry.key).collect();
    let there = state.objects.range("data/".to_owned()..).take_while(|(key, _)| key.starts_with("data/")).count();
    drop(state);
    if shown.len() < there {
        out.counts.add("lists behind");
    }
    let finding = out.auditor.listed(shown);
    out.check(finding);
}
