//! The end of a world: faults stop, and one healthy process must bring the table to its end. Then another must find nothing to do.

use crate::outside::Faults;
use crate::violation::Violation;
use crate::world::World;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Steps that are plenty for what a world leaves to do.
const STEPS: usize = 50_000;

/// Ends the faults and everything that was under way, and sees it through.
pub async fn settle(world: &mut World<'_>) {
    world.out.line(format_args!("faults stop"));
    world.out.faults = Faults { store: 0, crash: 0 };
    while !world.processes.is_empty() {
        world.end_process(0);
    }
    for _ in 0..STEPS {
        if world.producers.is_done() {
            break;
        }
        world.producers.work(world.out);
    }
    if !finishes(world).await {
        return;
    }
    let files = world.producers.files.iter();
    let files = files.filter_map(|file| Some((file.object.as_str(), file.id, file.truth()?.len() as u32)));
    let high: Vec<u64> = world.out.log.iter().map(|partition| partition.watermarks().high).collect();
    let finding = world.out.auditor.finish(&world.out.expected, &high, files);
    world.out.check(finding);

    world.out.line(format_args!("a fresh start"));
    world.end_process(0);
    let before = table(world);
    if finishes(world).await && table(world) != before {
        let broken = "a fresh start finds nothing to do";
        world.out.check(Err(Violation::other(broken, "it put something into the table or its chain")));
    }
}

/// All but what is derived.
fn table(world: &World<'_>) -> BTreeMap<String, Bytes> {
    let state = world.out.store.state();
    let derived = |key: &str| key.starts_with("_head/") || key.starts_with("_ckpt/");
    state.objects.iter().filter(|(key, _)| !derived(key)).map(|(key, body)| (key.clone(), body.clone())).collect()
}

/// One new process owns everything, until nothing is left to do. False when something was wrong on the way.
async fn finishes(world: &mut World<'_>) -> bool {
    let at = world.start_process();
    for number in 0..world.out.log.len() as u32 {
        world.processes[at].assign(number, world.out);
    }
    if world.out.chance.below(2) == 0 {
        world.processes[at].drain_to(world.out.log.iter().map(|partition| partition.watermarks().high).collect());
    }
    for _ in 0..STEPS {
        world.quiesce().await;
        if world.out.violation.is_some() {
            return false;
        }
        if !step(world, at).await {
            return world.out.violation.is_none();
        }
    }
    let broken = "a healthy process comes to the end of the log";
    world.out.check(Err(Violation::other(broken, format!("it did not in {STEPS} steps"))));
    false
}

/// One step of work. False when there is none left.
async fn step(world: &mut World<'_>, at: usize) -> bool {
    if world.processes[at].has_ended {
        return false;
    }
    let late = world.out.chance.below(8) == 0;
    let cut = world.out.chance.below(30) == 0;
    if (late && world.land_late()) || (cut && cut_one(world, at)) {
        return true;
    }
    let done = match world.out.chance.below(3) {
        0 => world.serve() || world.deliver() || world.read(),
        1 => world.deliver() || world.read() || world.serve(),
        _ => world.read() || world.serve() || world.deliver(),
    };
    if done || world.processes[at].look(world.out) || world.land_late() {
        return true;
    }
    if world.processes[at].has_tasks(world.out) {
        world.tick().await;
        return true;
    }
    // Nothing is left but what is open: whoever is asked to end publishes that first.
    world.processes[at].end();
    world.processes[at].look(world.out);
    true
}

fn cut_one(world: &mut World<'_>, at: usize) -> bool {
    match world.processes[at].sealable().first() {
        Some(number) => world.processes[at].cut(*number, world.out),
        None => false,
    }
}
