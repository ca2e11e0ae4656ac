//! When a batch is cut, and the end of all of them.

use super::{Action, BatchId, Schedule, Slot};
use crate::protocol::machine::Input;
use crate::protocol::seal::Reason;

impl Schedule {
    pub(super) fn due(&self, number: u32) -> Option<Reason> {
        let Some(Slot::Owned(owned)) = self.slots.get(number as usize) else { return None };
        if !owned.can_seal() {
            return None;
        }
        let is_over = |ends: &Vec<u64>| ends.get(number as usize).is_some_and(|end| owned.machine.position() >= *end);
        if self.ending.is_some() || self.drain_to.as_ref().is_some_and(is_over) {
            return Some(Reason::Drain);
        }
        owned.due(&self.config.seal, self.now)
    }

    pub(super) fn seal(&mut self, number: u32, reason: Reason) {
        let Some(owned) = self.owned(number) else { return };
        owned.cut_for = reason;
        self.input(number, Input::Seal(reason));
    }

    pub(super) fn finish(&mut self, number: u32, seq: u64, start: u64, end: u64) {
        let (next, now) = (BatchId(self.id()), self.now);
        let Some(owned) = self.owned(number) else { return };
        let generation = owned.generation;
        let batch = owned.cut(now, next);
        self.actions.push(Action::Finish { partition: number, generation, batch, seq, start, end });
        let encoder = self.encoder(number);
        self.jobs[encoder] += 1;
    }

    pub(super) fn end_if_drained(&mut self) {
        let Some(until) = self.ending else { return };
        let is_busy = self.all().any(|(_, owned)| owned.machine.is_publishing() || owned.can_seal());
        if is_busy && self.now < until {
            return;
        }
        let halted = self.halts().next().map(|(number, halt)| format!("partition {number} has halted: {halt}"));
        self.actions.push(Action::End(halted.map_or(Ok(()), Err)));
    }
}
