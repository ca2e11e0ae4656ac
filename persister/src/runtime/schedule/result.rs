//! Results of what was begun, and what the machines want done because of them.

use super::partition::Standing;
use super::{Action, BatchId, Fact, Generation, Schedule, Slot};
use crate::protocol::machine::{Effect, Input};
use crate::protocol::{FileEntry, Halt};
use common::log::Position;

impl Schedule {
    pub(super) fn performed(&mut self, number: u32, input: Input) {
        if let Input::GaveUp(why) = input {
            return self.actions.push(Action::End(Err(format!("partition {number}: {why}"))));
        }
        let Some(owned) = self.owned(number) else { return };
        let loaded =
            matches!((&input, owned.standing.clone()), (Input::Day(day, _), Standing::Loading(awaited)) if *day == awaited);
        let published = input == Input::Published;
        let effects = owned.machine.handle(input);
        if published && let Some(leaving) = owned.leaving.take() {
            let fact = Fact::Published {
                seq: owned.machine.batches() - 1,
                reason: leaving.reason,
                took: self.now.saturating_sub(leaving.since),
            };
            self.tell(number, fact);
        }
        self.apply(number, effects);
        // Where the day was not there after all, the machine looks at the chain again, and begins where that ends.
        if loaded && let Some(owned) = self.owned(number).filter(|owned| owned.machine.is_open()) {
            let position = owned.machine.reads_from();
            self.begin(number, position);
        }
    }

    pub(super) fn finished(&mut self, number: u32, files: Result<(Vec<FileEntry>, usize), String>) {
        match files {
            Ok((entries, bytes)) => {
                if let Some(leaving) = self.owned(number).and_then(|owned| owned.leaving.as_mut()) {
                    (leaving.encoded, leaving.rows) = (bytes, 0);
                }
                self.input(number, Input::Encoded(entries));
            }
            Err(why) => self.actions.push(Action::End(Err(format!("partition {number}: failed to encode a batch: {why}")))),
        }
    }

    pub(super) fn job_ended(&mut self, number: u32) {
        let encoder = self.encoder(number);
        self.jobs[encoder] = self.jobs[encoder].saturating_sub(1);
    }

    pub(super) fn encoder(&self, number: u32) -> usize {
        number as usize % self.jobs.len()
    }

    pub(super) fn input(&mut self, number: u32, input: Input) {
        if let Some(owned) = self.owned(number) {
            let effects = owned.machine.handle(input);
            self.apply(number, effects);
        }
    }

    pub(super) fn apply(&mut self, number: u32, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Begin(offset) => self.begin(number, offset),
                Effect::Mirror(offset) => {
                    self.tell(number, Fact::ChainEnd(offset));
                    self.actions.push(Action::Mirror(number, offset));
                }
                Effect::Halt(halt) => self.stopped(number, halt),
                Effect::Discard => self.discard(number),
                Effect::Encode { seq, start, end } => self.finish(number, seq, start, end),
                effect => {
                    if let Some(generation) = self.owned(number).map(|owned| owned.generation) {
                        self.actions.push(Action::Perform { partition: number, generation, effect });
                    }
                }
            }
        }
    }

    pub(super) fn halt(&mut self, number: u32, halt: Halt) {
        if let Halt::GaveUp(why) = &halt {
            return self.actions.push(Action::End(Err(format!("partition {number}: {why}"))));
        }
        if self.owned(number).is_none() {
            return;
        }
        self.hold(number, Standing::Recovering);
        self.let_go(number, Slot::Halted(halt.clone()));
        self.tell(number, Fact::Halted(halt));
        if self.all().next().is_none() {
            let halts: Vec<String> = self.halts().map(|(number, halt)| format!("partition {number}: {halt}")).collect();
            let why = format!("every partition of this process has halted: {}", halts.join("; "));
            self.actions.push(Action::End(Err(why)));
        }
    }

    pub(super) fn halts(&self) -> impl Iterator<Item = (u32, &Halt)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(number, slot)| if let Slot::Halted(halt) = slot { Some((number, halt)) } else { None })
    }

    pub(super) fn revoked(&mut self, number: u32) {
        // What is under way may finish: it is the same whoever does it. What is not committed to is read again by the next owner.
        self.let_go(number, Slot::NotOurs);
        self.tell(number, Fact::Released);
    }

    /// Puts something else in a partition's place. A batch that is under way stays in memory until it is over.
    pub(super) fn let_go(&mut self, number: u32, next: Slot) {
        self.drop_batches(number);
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        if let Slot::Owned(before) = std::mem::replace(slot, next)
            && let Some(leaving) = before.leaving
        {
            self.departed.insert(before.generation, leaving.rows + leaving.encoded);
        }
    }

    pub(super) fn drop_batches(&mut self, number: u32) {
        if let Some(batch) = self.owned(number).map(|owned| owned.batch) {
            self.actions.push(Action::Drop(number, batch));
        }
    }

    pub(super) fn discard(&mut self, number: u32) {
        self.hold(number, Standing::Recovering);
        self.drop_batches(number);
        let (generation, batch) = (Generation(self.id()), BatchId(self.id()));
        if let Some(owned) = self.owned(number) {
            owned.discard(generation, batch);
            self.tell(number, Fact::Dropped);
        }
    }

    pub(super) fn hold(&mut self, number: u32, why: Standing) {
        if let Some(owned) = self.owned(number) {
            let before = std::mem::replace(&mut owned.standing, why);
            if before == Standing::Reading {
                self.actions.push(Action::Seek(number, Position::Hold));
            }
        }
    }
}

/// A result after which the files of a batch, or its intent, are not needed any more by whoever began with them.
pub(super) fn ends_a_step(input: &Input) -> bool {
    matches!(input, Input::IntentPut(_) | Input::ReadBack(_) | Input::Published | Input::Conflict(_) | Input::GaveUp(_))
}
