//! What is outside of every process: the log, the store, the clock, the auditor; and the choices, the trace and the counts of a world.

use crate::auditor::Auditor;
use crate::chance::Chance;
use crate::counts::{Counts, Moment};
use crate::expected::{Expected, Said};
use crate::log::Partition;
use crate::process::Done;
use crate::store::{Change, SimStore};
use crate::trace::Trace;
use crate::violation::Violation;
use persister::protocol::Names;
use persister::sink::parquet::Layout;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Noon of the day on which most log files of a world are delivered, in milliseconds.
const START: i64 = 1_688_558_400_000;

/// Results of effects that nobody has been told of, by process and effect: in the order in which effects began, whatever order they ended in.
#[derive(Debug, Clone, Default)]
pub struct Finished(Arc<Mutex<BTreeMap<(u32, u64), Done>>>);

impl Finished {
    /// An effect came to its end.
    pub fn put(&self, process: u32, effect: u64, done: Done) {
        self.all().insert((process, effect), done);
    }

    /// Takes the result of an effect.
    pub fn take(&self, process: u32, effect: u64) -> Option<Done> {
        self.all().remove(&(process, effect))
    }

    /// Effects of a process that came to their end.
    pub fn of(&self, process: u32) -> Vec<u64> {
        self.all().range((process, 0)..=(process, u64::MAX)).map(|((_, effect), _)| *effect).collect()
    }

    /// A process ended: nobody will ask.
    pub fn forget(&self, process: u32) {
        self.all().retain(|(of, _), _| *of != process);
    }

    /// Number of results.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<(u32, u64), Done>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much goes wrong, in thousandths.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Requests to the store.
    pub store: u64,
    /// Processes at the beginning or the end of an effect.
    pub crash: u64,
}

/// Everything that is not a process.
#[derive(Debug)]
pub struct Outside {
    /// Where choices come from.
    pub chance: Chance,
    /// What happened.
    pub trace: Trace,
    /// How often.
    pub counts: Counts,
    /// The topic.
    pub log: Vec<Partition>,
    /// What must become of it.
    pub expected: Vec<Expected>,
    /// The table's store.
    pub store: SimStore,
    /// Who looks at it.
    pub auditor: Auditor,
    /// Results on their way.
    pub finished: Finished,
    /// How much goes wrong now.
    pub faults: Faults,
    /// Files are the product's own, with every column.
    pub wide: bool,
    /// The table's layout.
    pub layout: Layout,
    /// Where each partition's things lie.
    pub names: Vec<Names>,
    /// The first thing that was wrong.
    pub violation: Option<Violation>,
    clock: i64,
}

impl Outside {
    /// An empty world's surroundings.
    pub fn new(seed: u64, keep_trace: bool) -> Outside {
        let mut chance = Chance::new(seed);
        let partitions = chance.between(1, 3) as u32;
        let wide = chance.below(16) == 0;
        let layout = if chance.below(4) == 0 { Layout::DateHour } else { Layout::Date };
        let faults = Faults { store: [0, 50, 150, 300][chance.index(4)], crash: [0, 2, 8, 20][chance.index(4)] };
        let names: Vec<Names> =
            (0..partitions).map(|partition| Names { topic: "t".to_owned(), epoch: "0".to_owned(), partition }).collect();
        Outside {
            chance,
            trace: Trace::new(keep_trace),
            counts: Counts::default(),
            log: names.iter().map(|_| Partition::default()).collect(),
            expected: names.iter().map(|_| Expected::default()).collect(),
            store: SimStore::default(),
            auditor: Auditor::new(names.clone()),
            finished: Finished::default(),
            faults,
            wide,
            layout,
            names,
            violation: None,
            clock: START,
        }
    }

    /// Adds a line to the trace.
    pub fn line(&mut self, what: fmt::Arguments<'_>) {
        self.trace.line(format!("{:>5} {what}", self.trace.len()));
    }

    /// Keeps the first violation.
    pub fn check(&mut self, finding: Result<(), Violation>) {
        if let Err(violation) = finding {
            self.line(format_args!("VIOLATION {violation}"));
            self.violation.get_or_insert(violation);
        }
    }

    /// A message lands in the log.
    pub fn append(&mut self, partition: u32, key: Vec<u8>, value: Vec<u8>, said: &Said) {
        self.clock += self.chance.below(50) as i64;
        let timestamp = self.clock;
        let at = partition as usize;
        // A partition that the topic does not have takes nothing; the run then ends up missing.
        if let (Some(log), Some(expected)) = (self.log.get_mut(at), self.expected.get_mut(at)) {
            let offset = log.watermarks().high;
            log.append(key, value, timestamp);
            expected.append(said, timestamp);
            self.line(format_args!("log {partition}: {offset} {said:?}"));
        }
    }

    /// The wall clock jumps, forward or back.
    pub fn clock_jumps(&mut self) {
        self.counts.add("clock jumps");
        self.clock += self.chance.below(4 * 86_400_000) as i64 - 2 * 86_400_000;
    }

    /// An object changed: the auditor looks at it.
    pub fn changed(&mut self, change: Option<&Change>) {
        if let Some(change) = change {
            let finding = self.auditor.change(change, &self.expected, self.wide);
            self.check(finding);
        }
    }

    /// An offset is committed to the group.
    pub fn mirror(&mut self, partition: u32, offset: u64) {
        let finding = self.auditor.mirrored(partition, offset);
        self.check(finding);
        if let Some(log) = self.log.get_mut(partition as usize) {
            log.committed = Some(offset);
        }
    }

    /// Whether a process ends here.
    pub fn crashes_at(&mut self, effect: &'static str, moment: Moment) -> bool {
        // Seldom come to, and worth as much as the others.
        let seldom = matches!(effect, "LoadDay" | "ReadBack" | "WriteCheckpoint" | "Discard" | "Hold" | "Chunk");
        let crash = self.faults.crash > 0 && self.chance.per_mille(self.faults.crash * if seldom { 5 } else { 1 });
        if crash {
            self.counts.crash(effect, moment);
        }
        crash
    }
}
