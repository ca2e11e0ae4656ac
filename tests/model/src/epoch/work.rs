//! What processes and aggregators do.

use super::advance;
use super::design::Flaw;
use super::log::{Log, run};
use super::persist::{self, Phase, Task, View};
use super::store::{Content, Put, Record};
use super::system::{Action, State, System, Witness};

/// What the protocol may do now.
pub fn actions(system: &System, state: &State, actions: &mut Vec<Action>) {
    for me in 0..system.processes {
        process(system, state, me, actions);
    }
    for (name, log) in state.logs.iter().enumerate() {
        for &file in system.files {
            if !log.is_marked(system.design, file) {
                actions.push(Action::Send(name, file, run(file, 0).len()));
            } else if is_missed(system, state, name, file) {
                actions.push(Action::Forget(name, file));
            }
        }
    }
}

fn process(system: &System, state: &State, me: usize, actions: &mut Vec<Action>) {
    let (design, store, name) = (system.design, &state.store, system.name(me));
    let log = &state.logs[name];
    match &state.processes[me] {
        Phase::Down => {
            let newest = store.newest(design, name as u8);
            for p in newest.map_or(0..0, |epoch| 0..store.streams[usize::from(epoch)].partitions()) {
                actions.extend(persist::start(design, store, log, name as u8, p).map(|_| Action::Start(me, p)));
                actions.extend(can_skip(system, state, name, p).then_some(Action::Skip(me, p)));
                actions.extend(must_void(system, state, name, p).then_some(Action::GiveUp(me, p)));
            }
            if is_remade(system, state, name) {
                actions.push(Action::Reidentify(me));
            } else if is_over(system, state, name) {
                actions.push(Action::Advance(me));
            }
        }
        Phase::Open(view) => {
            let high = log.partition(view.p).map_or(0, |partition| partition.high());
            actions.extend((view.position + 1..=high).map(|end| Action::Seal(me, end)));
            actions.extend(looks_around(system, state, name, *view).then_some(Action::LookAround(me)));
        }
        phase => actions.extend((0..phase.puts(design).len()).map(|rank| Action::Put(me, rank))),
    }
}

/// What an operator may do without need.
pub(super) fn needless(system: &System, state: &State, actions: &mut Vec<Action>) {
    for me in (0..system.processes).filter(|me| state.processes[*me] == Phase::Down) {
        let Some(epoch) = state.store.newest(system.design, system.name(me) as u8) else { continue };
        actions.extend((!is_over(system, state, system.name(me))).then_some(Action::Advance(me)));
        let half = |p: &u8| is_half(system, state, epoch, *p) && !must_void(system, state, system.name(me), *p);
        let partitions = 0..state.store.streams[usize::from(epoch)].partitions();
        actions.extend(partitions.filter(half).map(|p| Action::GiveUp(me, p)));
    }
}

/// A log file that was sent, and is not in the table although all of the log is.
fn is_missed(system: &System, state: &State, name: usize, file: u8) -> bool {
    // Deep enough for every way to heal; broken designs would heal for ever.
    let patience = state.logs[name].partitions.iter().all(|partition| partition.messages.len() < 14);
    patience && !state.listed(system.files).has(file) && is_drained(system, state, name)
}

/// Whether all that the log has is decided on in chains of the newest epoch, and this is an epoch of this log.
pub(super) fn is_drained(system: &System, state: &State, name: usize) -> bool {
    let (design, store, log) = (system.design, &state.store, &state.logs[name]);
    let Some(epoch) = store.newest(design, name as u8) else { return false };
    let stream = &store.streams[usize::from(epoch)];
    stream.id == log.id
        && (0..log.partitions.len() as u8).all(|p| p < stream.partitions() && !has_work(system, state, log, epoch, p))
}

fn has_work(system: &System, state: &State, log: &Log, epoch: u8, p: u8) -> bool {
    let chain = state.store.chain(epoch, p);
    let end = persist::end(system.design, &state.store, log, epoch, p);
    let over = chain.last().is_some_and(|head| matches!(head, Record::Void { .. }) || head.closes_for().is_some());
    over || is_half(system, state, epoch, p) || log.partition(p).is_some_and(|partition| partition.high() != end)
}

/// Whether files of the chain's last batch are missing.
fn is_half(system: &System, state: &State, epoch: u8, p: u8) -> bool {
    let head = state.store.chain(epoch, p).len().checked_sub(1);
    // The broken design takes names first and says so later.
    let open = |head| {
        !state.store.missing(epoch, p, head).is_empty()
            || system.design.has(Flaw::FilledBeforeVoid) && state.store.has_void(epoch, p, head)
    };
    head.is_some_and(|head| open(head as u8))
}

/// Whether a process that stands here would stand elsewhere, or could work elsewhere, had it just started. What the
/// stream's id is compared with on a timer while nothing comes.
fn looks_around(system: &System, state: &State, name: usize, view: View) -> bool {
    let (design, store, log) = (system.design, &state.store, &state.logs[name]);
    let here = persist::start(design, store, log, name as u8, view.p) == Some(Phase::Open(view));
    let idle = log.partition(view.p).is_none_or(|partition| partition.high() == view.position);
    let partitions = store.streams[usize::from(view.epoch)].partitions();
    let elsewhere = || (0..partitions).any(|p| p != view.p && has_work(system, state, log, view.epoch, p));
    !here || idle && elsewhere()
}

/// Expired before it was read: an operator may name what is gone.
fn can_skip(system: &System, state: &State, name: usize, p: u8) -> bool {
    let (design, store, log) = (system.design, &state.store, &state.logs[name]);
    let Some(epoch) = store.newest(design, name as u8) else { return false };
    let whole = advance::mend(design, store, epoch, p, None).is_none() && !store.is_closed(epoch, p);
    let end = persist::end(design, store, log, epoch, p);
    whole && persist::fits(design, store, log, epoch, p) && log.partitions[usize::from(p)].low > end
}

/// The head can't be finished from this log, though it is the epoch's.
fn must_void(system: &System, state: &State, name: usize, p: u8) -> bool {
    let (design, store, log) = (system.design, &state.store, &state.logs[name]);
    let Some(epoch) = store.newest(design, name as u8) else { return false };
    is_half(system, state, epoch, p)
        && persist::fits(design, store, log, epoch, p)
        && persist::start(design, store, log, name as u8, p).is_none()
}

/// An embedded log that has the id of the newest epoch and is not what that was made from.
fn is_remade(system: &System, state: &State, name: usize) -> bool {
    let (design, store, log) = (system.design, &state.store, &state.logs[name]);
    let Some(epoch) = store.newest(design, name as u8) else { return false };
    let partitions = store.streams[usize::from(epoch)].partitions();
    system.embedded
        && store.streams[usize::from(epoch)].id == log.id
        && !(0..partitions).all(|p| persist::fits(design, store, log, epoch, p))
}

/// Whether the newest epoch can't go on with this log, and this log may take over.
fn is_over(system: &System, state: &State, name: usize) -> bool {
    let (design, store, log) = (system.design, &state.store, &state.logs[name]);
    let Some(epoch) = store.newest(design, name as u8) else { return true };
    let stream = &store.streams[usize::from(epoch)];
    let mut partitions = 0..stream.partitions();
    if system.embedded {
        // By itself a process leaves an epoch for a log that the table has never heard of, and goes on with what it began. A log that lost
        // against another does not come back by itself: two processes would take the table from each other for ever.
        let closing_for_it =
            || partitions.clone().any(|p| store.chain(epoch, p).last().and_then(Record::closes_for) == Some(log.id));
        return !state.is_known(log.id) || closing_for_it();
    }
    let left = partitions.clone().any(|p| store.is_closed(epoch, p));
    let counts = stream.starts.len() == log.partitions.len() || design.has(Flaw::PartitionCountNotCompared);
    stream.id != log.id || left || !counts || !partitions.all(|p| persist::fits(design, store, log, epoch, p))
}

/// It is done. Does nothing for what comes from outside.
pub fn step(system: &System, state: &mut State, action: Action) {
    let design = system.design;
    let needless = |state: &mut State, needed: bool| state.budget.needless -= u8::from(!needed);
    match action {
        Action::Start(me, p) => {
            let name = system.name(me);
            state.processes[me] = persist::start(design, &state.store, &state.logs[name], name as u8, p).unwrap_or(Phase::Down);
        }
        Action::Seal(me, end) => {
            let Phase::Open(view) = state.processes[me] else { return };
            let log = &state.logs[system.name(me)];
            state.processes[me] = persist::seal(design, &state.store, log, view, end).unwrap_or(Phase::Down);
        }
        Action::LookAround(me) => state.processes[me] = Phase::Down,
        Action::Put(me, rank) => put(system, state, me, rank),
        Action::Advance(me) => {
            needless(state, is_over(system, state, system.name(me)));
            let from = state.store.newest(design, system.name(me) as u8);
            state.processes[me] = advance(system, state, me, from);
        }
        Action::Skip(me, p) => {
            let name = system.name(me);
            let Some(epoch) = state.store.newest(design, name as u8) else { return };
            let seq = state.store.chain(epoch, p).len() as u8;
            let start = persist::end(design, &state.store, &state.logs[name], epoch, p);
            let record = Record::Skip { start, end: state.logs[name].partitions[usize::from(p)].low };
            state.processes[me] = Phase::Mend(Put::Record { epoch, p, seq, record }, Task::GoOn(epoch, p));
        }
        Action::GiveUp(me, p) => {
            needless(state, must_void(system, state, system.name(me), p));
            let Some(epoch) = state.store.newest(design, system.name(me) as u8) else { return };
            let put = advance::mend(design, &state.store, epoch, p, None);
            state.processes[me] = put.map_or(Phase::Down, |put| Phase::Mend(put, Task::GoOn(epoch, p)));
        }
        Action::Reidentify(me) => {
            state.logs[system.name(me)].id = state.next_id;
            state.next_id += 1;
        }
        Action::Send(name, file, messages) => {
            state.budget.cut_runs -= u8::from(messages < run(file, 0).len());
            state.logs[name].send(design, file, messages);
        }
        Action::Forget(name, file) => {
            let log = &mut state.logs[name];
            log.marks = log.marks.without(super::log::Set::EMPTY.with(file));
        }
        _ => {}
    }
}

fn advance(system: &System, state: &State, me: usize, from: Option<u8>) -> Phase {
    let name = system.name(me);
    let put = advance::step(system.design, &state.store, &state.logs[name], name as u8, from);
    put.map_or(Phase::Down, |put| Phase::Mend(put, Task::Leave(from)))
}

/// A put of a process is carried out, and the process hears of it.
fn put(system: &System, state: &mut State, me: usize, rank: usize) {
    let design = system.design;
    let Some(put) = state.processes[me].puts(design).into_iter().nth(rank) else { return };
    let created = state.store.land(design, put.clone());
    let phase = std::mem::replace(&mut state.processes[me], Phase::Down);
    state.processes[me] = match (phase, put) {
        (Phase::PutIntent(view, Record::Intent { end, .. }), _) if created => {
            let files = state.store.missing(view.epoch, view.p, view.seq);
            publish(system, state, me, View { seq: view.seq + 1, position: end, ..view }, files)
        }
        (Phase::PutIntent(view, _), _) => {
            state.witnessed = Some(Witness::RaceLost);
            lost(system, state, me, view)
        }
        (Phase::PutFiles(view, mut files), Put::File(key, content)) => {
            files.retain(|(name, _)| *name != key);
            match state.store.files.get(&key) {
                Some(there) if *there == content => publish(system, state, me, view, files),
                there => {
                    state.witnessed = (there == Some(&Content::Void)).then_some(Witness::FoundVoid);
                    Phase::Down
                }
            }
        }
        (Phase::Mend(_, Task::GoOn(epoch, p)), _) => {
            let voiding = matches!(state.store.chain(epoch, p).last(), Some(Record::Void { .. }));
            let voiding = voiding || design.has(Flaw::FilledBeforeVoid);
            let next = advance::mend(design, &state.store, epoch, p, None).filter(|_| voiding);
            next.map_or(Phase::Down, |put| Phase::Mend(put, Task::GoOn(epoch, p)))
        }
        (Phase::Mend(..), Put::Stream(_)) if !created => {
            state.witnessed = Some(Witness::EpochBegunByAnother);
            Phase::Down
        }
        (Phase::Mend(_, Task::Leave(from)), _) => advance(system, state, me, from),
        _ => Phase::Down,
    };
}

/// All files are there, or these are still to be put.
fn publish(system: &System, state: &State, me: usize, view: View, files: Vec<(super::store::Key, super::store::Rows)>) -> Phase {
    if !files.is_empty() {
        return Phase::PutFiles(view, files);
    }
    let log = &state.logs[system.name(me)];
    let readable = log.partition(view.p).is_some_and(|at| (at.low..=at.high()).contains(&view.position));
    if readable && !view.broken { Phase::Open(view) } else { Phase::Down }
}

/// Another's record stands there: read the chain forward and go on from its end. After a close there is nothing to go on with.
fn lost(system: &System, state: &State, me: usize, view: View) -> Phase {
    let (design, store, log) = (system.design, &state.store, &state.logs[system.name(me)]);
    let compares = !design.has(Flaw::StreamComparedOnlyAtStart);
    if compares && !persist::fits(design, store, log, view.epoch, view.p) {
        return Phase::Down;
    }
    persist::resume(design, store, log, view.epoch, view.p).unwrap_or(Phase::Down)
}
