//! From the assignment of a partition to its first message. No partition waits for another's.

use super::partition::{Partition, Standing};
use super::{Action, BatchId, Fact, Generation, Intake, Schedule, Slot};
use crate::protocol::Halt;
use crate::protocol::machine::{Config, Input, Machine};
use common::log::{Position, Watermarks};

impl Schedule {
    pub(super) fn assigned(&mut self, numbers: &[u32]) {
        if numbers.iter().any(|&number| number >= self.config.partitions) {
            let why = format!(
                "the topic has grown to more than {} partitions: log files would change their partition, and what was taken of them would \
                 not be known there; make a new topic and a new table",
                self.config.partitions
            );
            return self.actions.push(Action::End(Err(why)));
        }
        let share = self.config.ledger_entries / (numbers.len() + self.numbers().len()).max(1);
        for &number in numbers {
            let partition = self.new_partition(number, share);
            let generation = partition.generation;
            self.let_go(number, Slot::Owned(Box::new(partition)));
            self.actions.push(Action::AskWatermarks(number, generation));
        }
    }

    pub(super) fn new_partition(&mut self, number: u32, share: usize) -> Partition {
        let machine = Machine::new(Config {
            names: self.names(number),
            format: self.config.format.clone(),
            writer: self.config.writer.clone(),
            checkpoint_every: self.config.checkpoint_every,
            ledger_entries: share,
        });
        Partition::new(machine, share, Generation(self.id()), BatchId(self.id()))
    }

    pub(super) fn watermarks(&mut self, number: u32, watermarks: Watermarks) {
        let Some(owned) = self.owned(number) else { return };
        match std::mem::replace(&mut owned.standing, Standing::Recovering) {
            Standing::Asking(None) => {}
            // It came to its reason with older watermarks.
            Standing::Asking(Some(halt)) if halt.outdated_by(watermarks) => {
                let share = owned.share;
                let mut again = self.new_partition(number, share);
                again.standing = Standing::Recovering;
                self.slots[number as usize] = Slot::Owned(Box::new(again));
                self.tell(number, Fact::StartedOver);
            }
            Standing::Asking(Some(halt)) => return self.halt(number, halt),
            // Nobody asked.
            other => {
                owned.standing = other;
                return;
            }
        }
        self.input(number, Input::Assigned(watermarks));
    }

    pub(super) fn begin(&mut self, number: u32, position: u64) {
        let is_held = self.intake == Intake::Held;
        let Some(owned) = self.owned(number) else { return };
        owned.standing = if is_held { Standing::WaitingForRoom } else { Standing::Reading };
        let is_first = !std::mem::replace(&mut owned.has_begun, true);
        let (chain_end, batches, redo) = (owned.machine.end(), owned.machine.batches(), owned.machine.is_redoing());
        if is_first {
            self.tell(number, Fact::Started { position, chain_end, batches, redo });
            self.tell(number, Fact::ChainEnd(chain_end));
        }
        if !is_held {
            self.actions.push(Action::Seek(number, Position::At(position)));
        }
    }

    /// A machine has stopped. At a start that may be because the log was asked too early.
    pub(super) fn stopped(&mut self, number: u32, halt: Halt) {
        match self.owned(number) {
            Some(owned) if !owned.has_begun && halt.may_be_outdated() => {
                owned.standing = Standing::Asking(Some(halt));
                let generation = owned.generation;
                self.actions.push(Action::AskWatermarks(number, generation));
            }
            _ => self.halt(number, halt),
        }
    }
}
