//! What nobody asked for: processes die, late puts land, and the log does not stay what it was.

use super::log::{Message, Set};
use super::persist::Phase;
use super::system::{Action, State, System, Witness};

/// What may happen now.
pub fn actions(system: &System, state: &State, actions: &mut Vec<Action>) {
    let budget = &state.budget;
    let busy = |me: &usize| !state.processes[*me].puts(system.design).is_empty();
    actions.extend((0..system.processes).filter(|me| budget.crashes > 0 && busy(me)).map(Action::Crash));
    actions.extend((0..state.store.late.len()).map(Action::Land));
    for (name, log) in state.logs.iter().enumerate() {
        let partitions = 0..log.partitions.len() as u8;
        let used = log.partitions.iter().any(|partition| !partition.messages.is_empty());
        if budget.recreated > 0 && used {
            actions.extend((1..=system.partitions).map(|partitions| Action::Recreate(name, partitions)));
        }
        actions.extend((budget.grown > 0 && log.partitions.len() == 1).then_some(Action::Grow(name)));
        for p in partitions.clone() {
            let partition = &log.partitions[usize::from(p)];
            if budget.expired > 0 {
                actions.extend((partition.low + 1..=partition.high()).map(|low| Action::Expire(name, p, low)));
            }
            if budget.lost > 0 {
                actions.extend((partition.low..partition.high()).map(|high| Action::Lose(name, p, high)));
            }
        }
        for &file in system.files.iter().filter(|_| budget.copied > 0) {
            let home = file % partitions.end;
            let there = log.partitions[usize::from(home)].messages.iter().any(|message| message.file == file);
            actions.extend(partitions.clone().filter(|to| there && *to != home).map(|to| Action::Copy(name, file, to)));
        }
    }
    if budget.cut_runs > 0 {
        let sends = |name| system.files.iter().map(move |file| Action::Send(name, *file, 1));
        actions.extend((0..state.logs.len()).flat_map(sends));
    }
    if budget.needless > 0 {
        super::work::needless(system, state, actions);
    }
}

/// It happens. Does nothing for what is not from outside.
pub fn step(system: &System, state: &mut State, action: Action) {
    let design = system.design;
    match action {
        Action::Crash(me) => {
            state.budget.crashes -= 1;
            state.kill(design, me);
        }
        Action::Land(rank) => {
            let Some(put) = state.store.late.iter().nth(rank).cloned() else { return };
            state.store.late.remove(&put);
            state.store.land(design, put);
            state.witnessed = Some(Witness::LatePutLanded);
        }
        Action::Recreate(name, partitions) => {
            state.budget.recreated -= 1;
            // An embedded log lives in its process, which does not outlive it.
            if system.embedded {
                state.kill(design, name);
            }
            state.logs[name].recreate(state.next_id, usize::from(partitions));
            state.next_id += 1;
        }
        Action::Grow(name) => {
            state.budget.grown -= 1;
            state.logs[name].partitions.push(Default::default());
        }
        Action::Expire(name, p, low) => {
            state.budget.expired -= 1;
            state.logs[name].partitions[usize::from(p)].low = low;
        }
        Action::Copy(name, file, to) => {
            state.budget.copied -= 1;
            let log = &mut state.logs[name];
            let home = usize::from(file) % log.partitions.len();
            let run: Vec<Message> =
                log.partitions[home].messages.iter().filter(|message| message.file == file).copied().collect();
            log.partitions[usize::from(to)].messages.extend(run);
        }
        Action::Lose(name, p, high) => lose(system, state, name, p, high),
        _ => {}
    }
}

fn lose(system: &System, state: &mut State, name: usize, p: u8, high: u8) {
    state.budget.lost -= 1;
    if system.embedded {
        state.kill(system.design, name);
    }
    let listed = state.listed(system.files);
    let log = &mut state.logs[name];
    log.life += 1;
    let lost = log.partitions[usize::from(p)].messages.split_off(usize::from(high));
    let lost = lost.iter().map(|message| message.file).fold(Set::EMPTY, Set::with);
    log.hurt = log.hurt.and(lost.without(listed));
    for process in &mut state.processes {
        match process {
            Phase::Open(view) if view.p == p && view.position > high => *process = Phase::Down,
            _ => {
                if let Some(view) = process.view().filter(|view| view.p == p) {
                    view.broken = true;
                }
            }
        }
    }
}
