//! One process of a round, across its restarts.

use crate::diary::Diary;
use crate::stage::Stage;
use std::os::unix::process::ExitStatusExt as _;
use tests::process::{Ended, Process, Signal};

/// What it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads log files.
    Aggregator,
    /// Writes the table.
    Persister(Share),
}

/// Which partitions a persister works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Share {
    /// These, without a group.
    Static(Vec<u32>),
    /// What the group assigns.
    Group,
}

/// A process that is started again whenever it ends.
#[derive(Debug)]
pub(crate) struct Actor {
    /// What it does.
    pub(crate) role: Role,
    /// What its files are called.
    pub(crate) name: String,
    /// Said in its environment, in its next life too.
    pub(crate) env: Vec<(String, String)>,
    /// True while it was told to stand still.
    pub(crate) stopped: bool,
    /// True for one that is meant to end: it is not started again by whoever looks after everybody.
    pub(crate) is_mortal: bool,
    lives: u32,
    process: Option<Process>,
}

/// As signal(7) numbers it, everywhere.
const SIGKILL: i32 = 9;

/// Lives whose log lines are kept: for people, when something was wrong.
const KEPT_LIVES: u32 = 16;

impl Actor {
    /// Starts it.
    pub(crate) fn start(stage: &Stage, name: String, role: Role, env: Vec<(String, String)>) -> Actor {
        let mut actor = Actor { role, name, env, stopped: false, is_mortal: false, lives: 0, process: None };
        actor.live(stage);
        actor
    }

    /// Begins the next life.
    pub(crate) fn live(&mut self, stage: &Stage) {
        let label = format!("{}.{}", self.name, self.lives % KEPT_LIVES);
        self.lives += 1;
        self.stopped = false;
        self.process = Some(stage.start(&self.role, &self.name, &label, &self.env));
    }

    /// `kill -9`; stopped ones die too. False with what it said when it had ended by itself a moment before.
    pub(crate) fn kill(&mut self) -> (bool, Diary) {
        let ended = self.take().kill();
        (ended.status.signal() == Some(SIGKILL), Diary::read(&ended.output))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn leave(&mut self) -> Ended {
        self.take().term()
    }

    /// True once it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_over)
    }

    /// How it ended, if it did so by itself.
    pub(crate) fn ended(&mut self) -> Option<Ended> {
        self.has_ended().then(|| self.take().wait())
    }

    /// Makes it stand still, whatever it is doing.
    pub(crate) fn stop(&mut self) {
        self.process().signal(Signal::Stop);
        self.stopped = true;
    }

    /// Wakes it.
    pub(crate) fn wake(&mut self) {
        self.process().signal(Signal::Cont);
        self.stopped = false;
    }

    /// True once it stands still, by a signal or by itself at a failpoint.
    pub(crate) fn is_still(&self) -> bool {
        self.process().is_stopped()
    }

    /// What this life has said so far.
    pub(crate) fn diary(&self) -> Diary {
        Diary::read(&self.process().printed())
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a process between start and end")
    }

    fn take(&mut self) -> Process {
        self.process.take().expect("a process between start and end")
    }
}
