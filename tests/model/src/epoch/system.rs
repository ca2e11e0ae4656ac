//! Everything at once: two processes, the store, the logs, and an outside world with a budget.

use stateright::{Model, Property};

use super::design::Design;
use super::log::{Log, Set};
use super::persist::Phase;
use super::store::{Record, Rows, Store};
use super::{outside, properties, work};

/// How often each thing may happen from outside in one execution. What the protocol does (who acts next, where a batch is cut) is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Budget {
    /// Processes killed.
    pub crashes: u8,
    /// Logs replaced by another one of the same name: a topic recreated, an embedded log gone.
    pub recreated: u8,
    /// Low watermarks risen.
    pub expired: u8,
    /// Partitions added to a topic.
    pub grown: u8,
    /// Runs copied to another partition.
    pub copied: u8,
    /// Newest messages lost, in all partitions of a log: a broker's power cut, an embedded log restored from an old copy.
    pub lost: u8,
    /// Runs that break off.
    pub cut_runs: u8,
    /// Times that an operator begins an epoch nobody needs, or gives up a batch that could be finished.
    pub needless: u8,
}

/// One system.
#[derive(Debug, Clone, Copy)]
pub struct System {
    /// The protocol.
    pub design: Design,
    /// The log files that there are.
    pub files: &'static [u8],
    /// How many partitions the log has at first.
    pub partitions: u8,
    /// Whether each process has an embedded log of its own; else all know one topic.
    pub embedded: bool,
    /// How many processes there are.
    pub processes: usize,
    /// What may happen.
    pub budget: Budget,
}

/// A state of the system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    /// The processes.
    pub processes: Vec<Phase>,
    /// The table's store.
    pub store: Store,
    /// The logs by name.
    pub logs: Vec<Log>,
    /// The id of the next log that comes into being.
    pub next_id: u8,
    /// What may still happen.
    pub budget: Budget,
    /// What the last step was an example of.
    pub witnessed: Option<Witness>,
}

/// Situations that the checker must have met, or it has proved little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Witness {
    /// A writer found another's intent or a close in its place.
    RaceLost,
    /// A put landed after its sender had died.
    LatePutLanded,
    /// A writer found a file voided under it.
    FoundVoid,
    /// A process that wanted to begin an epoch found it begun.
    EpochBegunByAnother,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The process starts on this partition of the newest epoch.
    Start(usize, u8),
    /// The process seals the batch that ends before this offset.
    Seal(usize, u8),
    /// A put of the process is carried out, and it goes on.
    Put(usize, usize),
    /// The process leaves a partition where it can do nothing more, to look around.
    LookAround(usize),
    /// The process begins to close the newest epoch, or goes on with that, to begin one with its log.
    Advance(usize),
    /// The process names the offsets of this partition that have expired.
    Skip(usize, u8),
    /// The process voids the head of this partition's chain.
    GiveUp(usize, u8),
    /// The embedded log of the process, which is not what the table was made from, is given a new id.
    Reidentify(usize),
    /// The aggregator of this log sends so many messages of a log file.
    Send(usize, u8, usize),
    /// The aggregator finds that a log file it has sent is not in the table.
    Forget(usize, u8),
    /// The process dies. Puts in its hands stay on their way.
    Crash(usize),
    /// The late put with this rank lands.
    Land(usize),
    /// This log is replaced by one with so many partitions.
    Recreate(usize, u8),
    /// The low watermark of a log's partition rises to here.
    Expire(usize, u8, u8),
    /// The log gets one more partition.
    Grow(usize),
    /// All messages of a log file in its partition are copied to another one.
    Copy(usize, u8, u8),
    /// The newest messages of the log's partition, from this offset on, are lost.
    Lose(usize, u8, u8),
}

impl System {
    /// The name under which a process knows its log.
    pub fn name(&self, me: usize) -> usize {
        if self.embedded { me } else { 0 }
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let names = if self.embedded { self.processes as u8 } else { 1 };
        vec![State {
            processes: vec![Phase::Down; self.processes],
            store: Store::default(),
            logs: (0..names).map(|id| Log::new(id, usize::from(self.partitions))).collect(),
            next_id: names,
            budget: self.budget,
            witnessed: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        work::actions(self, state, actions);
        outside::actions(self, state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.witnessed = None;
        work::step(self, &mut state, action);
        outside::step(self, &mut state, action);
        Some(state.canonical(self))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl State {
    /// The process dies; what it was about to put, or had put without hearing of it, may land at any later moment.
    pub fn kill(&mut self, design: Design, me: usize) {
        self.store.late.extend(self.processes[me].puts(design));
        self.processes[me] = Phase::Down;
    }

    /// Whether an epoch has been begun with this log, or left for it.
    pub fn is_known(&self, id: u8) -> bool {
        let left_for = |record: &Record| record.closes_for() == Some(id);
        self.store.streams.iter().any(|stream| stream.id == id) || self.store.chains.values().flatten().any(left_for)
    }

    /// Log files that a reader finds in the list of log files.
    pub fn listed(&self, files: &[u8]) -> Set {
        let visible = self.store.visible();
        files.iter().copied().filter(|file| visible.has(Rows::listed(*file))).fold(Set::EMPTY, Set::with)
    }

    /// One of all the states that differ only in the processes' names, or in puts that can have no effect.
    fn canonical(mut self, system: &System) -> State {
        self.store.drop_futile(system.design);
        if !system.embedded {
            self.processes.sort();
        }
        self
    }
}
