//! One world: producers, processes and what is outside of them, moved one step at a time.

use crate::fate::Fate;
use crate::menu;
use crate::outside::Outside;
use crate::process::Process;
use crate::producers::{Producers, log_files};
use crate::settle;
use crate::store::Change;
use crate::violation::Violation;
use bytes::Bytes;
use persister::protocol::StreamRecord;
use std::time::Duration;

/// One step of the clock: longer than any wait between two attempts, so that every wait that has begun is over after it, whatever its jitter.
const TICK: Duration = Duration::from_secs(10);

/// A world.
#[derive(Debug)]
pub struct World<'a> {
    /// What is outside of the processes.
    pub out: &'a mut Outside,
    /// The aggregators.
    pub producers: Producers,
    /// Persisters that are alive.
    pub processes: Vec<Process>,
    /// What hints and checkpoints were before they were replaced.
    pub replaced: Vec<(String, Bytes)>,
    next_process: u32,
}

/// Runs a world to its end: first with faults, then without. What was wrong, if anything, is in `out`.
pub async fn run(out: &mut Outside) {
    let files = out.chance.between(3, 8);
    let files = log_files(files, out.layout, &mut out.chance);
    if out.wide {
        out.counts.add("worlds with the wide table");
    }
    let mut world = World { out, producers: Producers::new(files), processes: Vec::new(), replaced: Vec::new(), next_process: 0 };
    for _ in 0..world.out.chance.between(2, 3) {
        world.start_process();
    }
    let steps = world.out.chance.between(200, 900);
    for _ in 0..steps {
        menu::step(&mut world).await;
        world.quiesce().await;
        world.bury();
        if world.out.violation.is_some() {
            return;
        }
    }
    settle::settle(&mut world).await;
}

impl World<'_> {
    /// A new process joins. First one that is shown another number of partitions may try, and must not get in.
    pub fn start_process(&mut self) -> usize {
        let partitions = self.out.log.len() as u32;
        let record = |partitions| StreamRecord::new("t", "0", partitions, self.out.layout.format());
        if record(partitions).agrees_with(&record(partitions + 1)).is_ok() {
            self.out.check(Err(Violation::other("a table keeps its number of partitions", "a process got in with another")));
        }
        self.out.counts.add("refusals of another P");
        self.next_process += 1;
        let process = Process::start(self.next_process, self.out);
        self.out.line(format_args!("p{} starts", process.number));
        self.processes.push(process);
        self.processes.len() - 1
    }

    /// A process ends, without any cleaning up; what it has sent to the store may still land.
    pub fn end_process(&mut self, at: usize) {
        let process = self.processes.swap_remove(at);
        self.out.line(format_args!("p{} ends", process.number));
        self.out.finished.forget(process.number);
        let Outside { store, chance, .. } = &mut *self.out;
        store.state().orphan(process.number, || chance.below(2) == 0);
    }

    /// Ends the processes that crashed in this step; others take their places.
    fn bury(&mut self) {
        while let Some(at) = self.processes.iter().position(|process| process.crashing) {
            self.out.counts.add("crashes");
            self.end_process(at);
            self.start_process();
        }
    }

    /// Lets every effect come to where it waits for the store or the clock.
    pub async fn quiesce(&mut self) {
        loop {
            let before = (self.out.store.state().activity(), self.out.finished.len());
            // Each yield lets every task that can run do so; a chain of tasks that wake each other is short.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            if before == (self.out.store.state().activity(), self.out.finished.len()) {
                return;
            }
        }
    }

    /// The clock moves.
    pub async fn tick(&mut self) {
        tokio::time::advance(TICK).await;
    }

    /// Serves one of the requests that wait. False when there is none.
    pub fn serve(&mut self) -> bool {
        let mut state = self.out.store.state();
        let at = self.out.chance.index(state.waiting());
        let Some((asker, op)) = state.request(at) else { return false };
        let fate = Fate::pick(op, self.out.faults.store, &mut self.out.chance);
        let (asker, name) = (asker.clone(), op.name());
        let change = state.serve(&asker, fate);
        drop(state);
        self.out.line(format_args!("p{} {name} {}: {fate:?}", asker.process, asker.key));
        if let Some(kind) = fate.kind() {
            self.out.counts.add(kind);
        }
        if change.as_ref().is_some_and(|change| change.key.starts_with("_log/")) {
            self.count_zombie(asker.process, &asker.key);
        }
        self.landed(change);
        true
    }

    fn count_zombie(&mut self, number: u32, key: &str) {
        let active = self.processes.iter().any(|process| {
            let owns = process.numbers().iter().any(|number| key.starts_with(&self.out.names[*number as usize].chain()));
            process.number == number && owns && !process.paused
        });
        if !active {
            self.out.counts.add("intents of a paused or former owner");
        }
    }

    /// A put of somebody who gave up, or is dead, lands. False when there is none.
    pub fn land_late(&mut self) -> bool {
        let mut state = self.out.store.state();
        if state.late() == 0 {
            return false;
        }
        let at = self.out.chance.index(state.late());
        let (key, change) = state.land_late(at);
        drop(state);
        self.out.counts.add(if change.is_some() { "late landings" } else { "late landings that came too late" });
        self.out.line(format_args!("late: {key}{}", if change.is_some() { "" } else { ", too late" }));
        self.landed(change);
        true
    }

    fn landed(&mut self, change: Option<Change>) {
        self.out.changed(change.as_ref());
        if let Some(Change { key, before: Some(before), .. }) = change
            && (key.starts_with("_head/") || key.starts_with("_ckpt/"))
        {
            self.replaced.push((key, before));
        }
    }

    /// Hands in one of the results that wait. False when there is none that may be handed in.
    pub fn deliver(&mut self) -> bool {
        let waiting = self.processes.iter().enumerate().filter(|(_, process)| !process.paused);
        let waiting: Vec<(usize, u64)> =
            waiting.flat_map(|(at, process)| process.deliverable(self.out).into_iter().map(move |effect| (at, effect))).collect();
        if waiting.is_empty() {
            return false;
        }
        let (at, effect) = waiting[self.out.chance.index(waiting.len())];
        self.processes[at].deliver(effect, self.out);
        true
    }

    /// One of the processes reads some messages. False when there is nothing to read.
    pub fn read(&mut self) -> bool {
        let Some((at, number)) = self.pick(|process, out| process.readable(out)) else { return false };
        for _ in 0..self.out.chance.between(1, 4) {
            let process = &mut self.processes[at];
            let on = !process.crashing && process.readable(self.out).contains(&number);
            if on {
                process.read(number, self.out);
            }
        }
        true
    }

    /// One of the partitions that `of` names, of a process whose loop runs.
    pub fn pick(&mut self, of: impl Fn(&Process, &Outside) -> Vec<u32>) -> Option<(usize, u32)> {
        let runs = |process: &&Process| !process.paused;
        let all: Vec<(usize, u32)> = self
            .processes
            .iter()
            .enumerate()
            .filter(|(_, process)| runs(process))
            .flat_map(|(at, process)| of(process, self.out).into_iter().map(move |number| (at, number)))
            .collect();
        if all.is_empty() { None } else { Some(all[self.out.chance.index(all.len())]) }
    }
}
