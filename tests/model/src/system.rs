//! Everything at once: two writers, the store, Kafka's committed offset, and an adversary with a budget.

use std::cmp::Ordering;

use stateright::{Model, Property};

use crate::design::{Design, Flaw};
use crate::log::LOG_END;
use crate::properties;
use crate::store::{Landed, Put, Store};
use crate::writer::{self, Phase};

/// The writers of the partition.
pub const WRITERS: usize = 2;

/// How often the adversary may strike in one execution. Everything else (who acts next, where a batch is cut, when a late put lands) is
/// free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Budget {
    /// Writers killed.
    pub crashes: u8,
    /// Puts without an answer, or with an answer to another attempt.
    pub unclear: u8,
    /// Times that an operator sets the group's offsets back to the start.
    pub resets: u8,
}

/// The system of one design.
#[derive(Debug, Clone, Copy)]
pub struct System {
    /// The protocol.
    pub design: Design,
    /// The adversary.
    pub budget: Budget,
}

/// A state of the system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    /// The writers.
    pub writers: [Phase; WRITERS],
    /// The table's store.
    pub store: Store,
    /// Kafka's committed offset.
    pub committed: u8,
    /// What the adversary may still do.
    pub budget: Budget,
    /// What the last step was an example of.
    pub witnessed: Option<Witness>,
}

/// Situations that the checker must have met, or it has proved little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Witness {
    /// A batch was begun again because files of the head were missing.
    Redo,
    /// A writer found another's record in its place.
    RaceLost,
    /// A put landed after its sender had given up or died.
    LatePutLanded,
    /// A writer was told "something is there", and it was its own first attempt.
    OwnRefused,
}

/// What becomes of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out, and the writer is told how.
    Answered,
    /// No answer comes; the put may land at any later moment. (That it landed at once and the answer was lost is the case where it lands next.)
    Unanswered,
    /// It is carried out, the answer is lost below the writer, and the client's own second attempt is refused.
    RefusedByItself,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The writer reads the chain.
    Start(usize),
    /// The writer seals the batch that ends before this offset.
    Seal(usize, u8),
    /// The writer makes its put.
    Put(usize, Fate),
    /// The writer reads back the record it tried to put.
    ReadBack(usize),
    /// The writer mirrors the chain's end to Kafka.
    Commit(usize),
    /// The writer dies. A put it has in hand stays on its way.
    Crash(usize),
    /// The late put with this rank lands.
    Land(usize),
    /// The group's offsets are reset.
    ResetOffsets,
    /// Somebody cleans up the oldest record of the chain.
    Expire,
}

impl Budget {
    /// Enough to break every broken design.
    pub const SMALL: Budget = Budget { crashes: 2, unclear: 1, resets: 0 };
    /// For a machine with time to spare.
    pub const LARGE: Budget = Budget { crashes: 2, unclear: 2, resets: 1 };
}

impl System {
    fn writer_actions(&self, state: &State, me: usize, actions: &mut Vec<Action>) {
        let unclear = state.budget.unclear > 0;
        match &state.writers[me] {
            Phase::Halted => return,
            Phase::Down => return actions.push(Action::Start(me)),
            Phase::Open { view, .. } => actions.extend((view.position + 1..=LOG_END).map(|end| Action::Seal(me, end))),
            Phase::PutIntent(attempt) => {
                actions.push(Action::Put(me, Fate::Answered));
                actions.extend(unclear.then_some(Action::Put(me, Fate::Unanswered)));
                let free = !state.store.chain.contains_key(&attempt.seq());
                actions.extend((unclear && free).then_some(Action::Put(me, Fate::RefusedByItself)));
            }
            Phase::PutFiles { .. } => {
                actions.push(Action::Put(me, Fate::Answered));
                actions.extend(unclear.then_some(Action::Put(me, Fate::Unanswered)));
            }
            Phase::ReadBack(_) => actions.push(Action::ReadBack(me)),
            Phase::Commit(_) => actions.push(Action::Commit(me)),
        }
        actions.extend((state.budget.crashes > 0).then_some(Action::Crash(me)));
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let writers = [Phase::Down, Phase::Down];
        vec![State { writers, store: Store::default(), committed: 0, budget: self.budget, witnessed: None }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        (0..WRITERS).for_each(|me| self.writer_actions(state, me, actions));
        actions.extend((0..state.store.late.len()).map(Action::Land));
        actions.extend((state.budget.resets > 0 && state.committed > 0).then_some(Action::ResetOffsets));
        let expires = self.design.has(Flaw::ChainExpires) && state.store.chain.len() > 1;
        actions.extend(expires.then_some(Action::Expire));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.witnessed = None;
        match action {
            Action::Put(me, fate) => state.put(self.design, me, fate),
            Action::Crash(me) => {
                state.store.late.extend(state.writers[me].put(self.design, me));
                state.store.forget(me);
                state.writers[me] = Phase::Down;
                state.budget.crashes -= 1;
            }
            Action::Land(rank) => {
                let put = state.store.late.iter().nth(rank)?.clone();
                state.store.late.remove(&put);
                state.store.land(put);
                state.witnessed = Some(Witness::LatePutLanded);
            }
            Action::ResetOffsets => {
                state.committed = 0;
                state.budget.resets -= 1;
            }
            Action::Expire => drop(state.store.chain.pop_first()),
            Action::Start(me) | Action::Seal(me, _) | Action::ReadBack(me) | Action::Commit(me) => {
                state.step(self.design, me, action);
            }
        }
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl State {
    /// A step of one writer that sends nothing.
    fn step(&mut self, design: Design, me: usize, action: Action) {
        let phase = std::mem::replace(&mut self.writers[me], Phase::Down);
        self.writers[me] = match (phase, action) {
            (Phase::Down, Action::Start(_)) => {
                let started = writer::start(design, &self.store, self.committed);
                self.witnessed = matches!(started, Phase::PutFiles { .. }).then_some(Witness::Redo);
                started
            }
            (Phase::Open { view, owed }, Action::Seal(_, end)) => writer::seal(design, view, owed, end),
            (Phase::ReadBack(attempt), Action::ReadBack(_)) => match self.store.chain.get(&attempt.seq()) {
                None => Phase::PutIntent(attempt),
                Some(there) if there.nonce == Some(me) => attempt.mine(design),
                Some(_) => {
                    self.witnessed = Some(Witness::RaceLost);
                    Phase::Down
                }
            },
            (Phase::Commit(view), Action::Commit(_)) => {
                self.committed = view.position;
                Phase::open(view)
            }
            (phase, _) => phase,
        };
        self.forget_unless_trying(me);
    }

    /// A put of one writer meets its fate.
    fn put(&mut self, design: Design, me: usize, fate: Fate) {
        let Some(put) = self.writers[me].put(design, me) else { return };
        let landed = if fate == Fate::Unanswered {
            self.store.late.insert(put.clone());
            None
        } else {
            Some(self.store.land(put.clone()))
        };
        if fate != Fate::Answered {
            self.budget.unclear -= 1;
        }
        if fate == Fate::RefusedByItself {
            self.witnessed = Some(Witness::OwnRefused);
        }
        let phase = std::mem::replace(&mut self.writers[me], Phase::Down);
        self.writers[me] = match (phase, put, landed) {
            (Phase::PutIntent(attempt), _, None) => attempt.unanswered(design),
            (Phase::PutIntent(attempt), _, Some(Landed::Stored)) if fate == Fate::Answered => attempt.mine(design),
            (Phase::PutIntent(attempt), _, Some(_)) => attempt.refused(design),
            (Phase::PutFiles { .. }, Put::File((key, rows)), Some(_)) if self.store.files[&key] != rows => Phase::Halted,
            (Phase::PutFiles { mut files, then }, _, Some(_)) => {
                files.pop_front();
                if files.is_empty() { *then } else { Phase::PutFiles { files, then } }
            }
            // A data file is put again until there is an answer: the name fixes the rows, so it does not matter whose attempt landed.
            (phase, _, _) => phase,
        };
        self.forget_unless_trying(me);
    }

    /// A writer that is not trying to put an intent recognises none; its next batch has a new nonce.
    fn forget_unless_trying(&mut self, me: usize) {
        if !matches!(self.writers[me], Phase::PutIntent(_) | Phase::ReadBack(_)) {
            self.store.forget(me);
        }
    }

    /// One of all the states that differ only in which writer is called the first, or in puts that can have no effect.
    fn canonical(mut self) -> State {
        self.store.drop_futile();
        let twin = |mut state: State| {
            state.writers.swap(0, 1);
            state.store.rename(|writer| Some(1 - writer));
            state
        };
        match self.writers[0].cmp(&self.writers[1]) {
            Ordering::Less => self,
            Ordering::Greater => twin(self),
            Ordering::Equal => twin(self.clone()).min(self),
        }
    }
}
