//! What was injected and what happened, so that it can be seen (and is tested) that the faults were really there.

use std::collections::BTreeMap;
use std::fmt;

/// Everything that must have happened at least once in a soak of any size, besides a crash before and after each effect.
pub const KINDS: &[&str] = &[
    "aggregator crashes",
    "assignments",
    "batches cut for memory",
    "batches cut for their age",
    "batches published",
    "checkpoints written",
    "clock jumps",
    "committed offsets lost",
    "crashes",
    "day loads",
    "derived objects damaged",
    "derived objects lost",
    "derived objects stale",
    "files altered",
    "files quarantined",
    "foreign messages",
    "ghost runs",
    "holds for memory",
    "intents of a paused or former owner",
    "late landings",
    "late landings that came too late",
    "lists behind",
    "lost races",
    "messages dropped: ahead",
    "messages dropped: duplicate",
    "owners at once",
    "pauses",
    "recoveries with a checkpoint",
    "redeliveries",
    "redos",
    "re-productions of everything",
    "refusals of another P",
    "retention",
    "rewinds",
    "runs cut",
    "runs with a hole",
    "starts done over",
    "store: 409",
    "store: 503",
    "store: answer lost after landing",
    "store: answer lost before landing",
    "store: landed late",
    "time-outs of the producer",
    "worlds with the wide table",
];

/// Every effect with a place for a crash; a halt ends a partition anyway.
pub const EFFECTS: &[&str] = &[
    "AskWatermarks",
    "ReadHint",
    "Exists",
    "ReadCheckpoint",
    "ReadIntents",
    "CheckFiles",
    "LoadDay",
    "Begin",
    "Hold",
    "Chunk",
    "Encode",
    "PutIntent",
    "ReadBack",
    "PutFiles",
    "Mirror",
    "WriteHint",
    "WriteCheckpoint",
    "Discard",
];

/// Before or after an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing of it was done.
    Before,
    /// It was done; nobody has learned of it.
    After,
}

/// How often each thing happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    kinds: BTreeMap<&'static str, u64>,
    crashes: BTreeMap<(&'static str, Moment), u64>,
}

impl Counts {
    /// It happened once more.
    pub fn add(&mut self, kind: &'static str) {
        self.add_many(kind, 1);
    }

    /// It happened so many times more.
    pub fn add_many(&mut self, kind: &'static str, times: u64) {
        if times == 0 {
            return;
        }
        *self.kinds.entry(kind).or_default() += times;
    }

    /// A process ended before or after this effect.
    pub fn crash(&mut self, effect: &'static str, moment: Moment) {
        *self.crashes.entry((effect, moment)).or_default() += 1;
    }

    /// Adds another world's.
    pub fn merge(&mut self, other: &Counts) {
        for (kind, times) in &other.kinds {
            *self.kinds.entry(kind).or_default() += times;
        }
        for (place, times) in &other.crashes {
            *self.crashes.entry(*place).or_default() += times;
        }
    }

    /// What should have happened and did not.
    pub fn missing(&self) -> Vec<String> {
        let kinds = KINDS.iter().filter(|kind| !self.kinds.contains_key(**kind)).map(|kind| (*kind).to_owned());
        let places = EFFECTS.iter().flat_map(|effect| [(*effect, Moment::Before), (*effect, Moment::After)]);
        let crashes = places
            .filter(|place| !self.crashes.contains_key(place))
            .map(|(effect, moment)| format!("a crash {moment:?} {effect}"));
        kinds.chain(crashes).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, times) in &self.kinds {
            writeln!(f, "  {kind:<44} {times:>12}")?;
        }
        writeln!(f, "  {:<30} {:>12} {:>12}", "crashes at an effect", "before", "after")?;
        for effect in EFFECTS {
            let times = |moment| self.crashes.get(&(*effect, moment)).copied().unwrap_or_default();
            writeln!(f, "  {effect:<30} {:>12} {:>12}", times(Moment::Before), times(Moment::After))?;
        }
        Ok(())
    }
}
