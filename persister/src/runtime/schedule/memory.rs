//! Memory is one budget for all partitions: who gives way when it is short, and when messages are taken.
//!
//! Rows wait in memory until a chunk of them is worth a row group, encoded bytes until their batch is cut and put. Short of the one, the
//! partition with most rows is encoded early; short of the other, the batch with most bytes is cut early. While neither is enough
//! no message is taken.

use super::partition::{Partition, RowSizes, Standing};
use super::{Action, MemoryBounds, Schedule, Slot};
use crate::protocol::seal::Reason;
use common::log::Position;
use std::time::Duration;

/// Jobs of an encoder: one under way and one that waits, so that it never idles. Each may hold a whole chunk.
const JOBS: usize = 2;

/// How long no message is taken before all partitions are held. Holding throws away what the consumer has fetched, so the usual short waits
/// for an encoder or the store are sat out; but a consumer that is not polled answers no rebalance, and the group waits for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether messages are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// They are.
    Open,
    /// Memory is used up: the consumer is not polled, results are waited for.
    Waiting {
        /// Since when.
        since: Duration,
    },
    /// That has lasted: every partition is held and the consumer is polled for everything else.
    Held,
}

/// What is held, in bytes.
struct Held {
    /// Rows of open batches.
    rows: usize,
    /// Rows of cut batches whose encoding has not ended.
    leaving_rows: usize,
    /// Encoded bytes of all batches.
    encoded: usize,
    /// Those of cut batches.
    leaving: usize,
}

impl Schedule {
    /// Has a chunk encoded if the encoder has room for it and `is_enough` of it waits.
    pub(super) fn chunk_if(&mut self, number: u32, is_enough: impl Fn(RowSizes, MemoryBounds) -> bool) {
        let (encoder, bounds) = (self.encoder(number), self.config.memory);
        let has_room = self.jobs[encoder] < JOBS;
        let Some(owned) = self.owned(number).filter(|owned| has_room && owned.rows.bytes > 0 && is_enough(owned.rows, bounds))
        else {
            return;
        };
        let batch = owned.batch;
        // The next look is told what is left.
        owned.rows.bytes = owned.rows.bytes.saturating_sub(owned.rows.largest_directory);
        owned.rows.largest_directory = 0;
        self.jobs[encoder] += 1;
        self.actions.push(Action::Chunk(number, batch));
    }

    /// Encodes early, cuts early.
    pub(super) fn relieve_memory(&mut self) {
        let bounds = self.config.memory;
        if self.held().rows > bounds.rows {
            let has_room = |number: u32| self.jobs[self.encoder(number)] < JOBS;
            let largest = self.all().filter(|(number, _)| has_room(*number)).max_by_key(|(_, owned)| owned.rows.bytes);
            if let Some((number, _)) = largest {
                self.chunk_if(number, |_, _| true);
            }
        }
        loop {
            let held = self.held();
            // A quarter of the bound on its way is enough to be done with, and the others may go on growing to their size.
            if held.encoded <= bounds.encoded || held.leaving > bounds.encoded / 4 {
                return;
            }
            let sealable = self.all().filter(|(_, owned)| owned.can_seal() && owned.encoded > 0);
            let Some((number, _)) = sealable.max_by_key(|(_, owned)| owned.encoded) else { return };
            self.seal(number, Reason::Memory);
        }
    }

    /// Opens and closes the intake.
    pub(super) fn set_intake(&mut self) {
        let held = self.held();
        let bounds = self.config.memory;
        // To go on only with some room: holding and going on cost more than a message.
        let share = |bound: usize| if self.intake == Intake::Held { bound / 4 * 3 } else { bound };
        let is_full = held.rows > share(bounds.rows)
            || held.rows + held.leaving_rows > share(2 * bounds.rows)
            || held.encoded > share(bounds.full);
        // A redo may be larger than any bound, and must be read to its end.
        let is_leaving = !self.departed.is_empty() || self.all().any(|(_, owned)| owned.machine.is_publishing());
        let may_ease = is_leaving || self.jobs.iter().any(|jobs| *jobs > 0);
        let next = match self.intake {
            _ if !(is_full && may_ease) => Intake::Open,
            Intake::Open => Intake::Waiting { since: self.now },
            Intake::Waiting { since } if self.now.saturating_sub(since) > PATIENCE => Intake::Held,
            same => same,
        };
        let before = std::mem::replace(&mut self.intake, next);
        if (before == Intake::Held) != (next == Intake::Held) {
            self.hold_or_resume_all();
        }
    }

    fn hold_or_resume_all(&mut self) {
        for number in self.numbers() {
            let is_held = self.intake == Intake::Held;
            let Some(owned) = self.owned(number) else { continue };
            match owned.standing {
                Standing::Reading if is_held => self.hold(number, Standing::WaitingForRoom),
                Standing::WaitingForRoom if !is_held => {
                    owned.standing = Standing::Reading;
                    let position = owned.machine.reads_from();
                    self.actions.push(Action::Seek(number, Position::At(position)));
                }
                _ => {}
            }
        }
    }

    fn held(&self) -> Held {
        let departed = self.departed.values().sum();
        let mut held = Held { rows: 0, leaving_rows: 0, encoded: departed, leaving: departed };
        for slot in &self.slots {
            if let Slot::Owned(owned) = slot {
                let Partition { rows, encoded, leaving, .. } = &**owned;
                held.rows += rows.bytes;
                held.encoded += encoded;
                if let Some(leaving) = leaving {
                    held.leaving_rows += leaving.rows;
                    held.encoded += leaving.encoded;
                    held.leaving += leaving.encoded;
                }
            }
        }
        held
    }
}
