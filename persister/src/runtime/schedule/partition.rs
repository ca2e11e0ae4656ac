//! What the event loop knows of one partition.

use super::{BatchId, Generation};
use crate::protocol::machine::Machine;
use crate::protocol::seal::{Reason, SealPolicy, Size, due};
use crate::protocol::{Day, Halt};
use std::time::Duration;

/// Bytes of waiting rows per byte of Parquet they become, roughly: only to guess the size of what is not encoded yet.
const RAW_PER_ENCODED: usize = 18;

/// How large the rows are that wait to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowSizes {
    /// Bytes of all of them.
    pub bytes: usize,
    /// Bytes of the directory that has most.
    pub largest_directory: usize,
    /// Directories of the batch, encoded ones included.
    pub directories: usize,
}

/// Why a partition is read or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Held: the log is asked what it holds, at the start or because this halt may be outdated.
    Asking(Option<Halt>),
    /// Held: the machine is finding out where to read from.
    Recovering,
    /// Held: a message needs this day of the ledger.
    Loading(Day),
    /// Held: memory has been short for a while.
    WaitingForRoom,
    /// The consumer reads it.
    Reading,
}

/// A batch on its way into the table.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) batch: BatchId,
    /// When it was cut, and why.
    pub(super) since: Duration,
    pub(super) reason: Reason,
    /// Bytes of its rows that are not encoded yet, and of what is.
    pub(super) rows: usize,
    pub(super) encoded: usize,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) machine: Machine,
    /// Ledger entries that it may keep in memory.
    pub(super) share: usize,
    pub(super) generation: Generation,
    pub(super) standing: Standing,
    /// True once a position to read from was found.
    pub(super) has_begun: bool,
    /// The open batch, when its first message was taken, and the bytes that its encoder holds.
    pub(super) batch: BatchId,
    pub(super) opened: Option<Duration>,
    pub(super) encoded: usize,
    /// Its rows that wait to be encoded.
    pub(super) rows: RowSizes,
    /// Why it is being cut.
    pub(super) cut_for: Reason,
    pub(super) leaving: Option<Leaving>,
}

impl Partition {
    pub(super) fn new(machine: Machine, share: usize, generation: Generation, batch: BatchId) -> Partition {
        Partition {
            machine,
            share,
            generation,
            standing: Standing::Asking(None),
            has_begun: false,
            batch,
            opened: None,
            encoded: 0,
            rows: RowSizes::default(),
            cut_for: Reason::Drain,
            leaving: None,
        }
    }

    /// A batch is as old as its first message.
    pub(super) fn note_taken(&mut self, now: Duration) {
        if self.opened.is_none() && self.machine.has_open_messages() {
            self.opened = Some(now);
        }
    }

    /// True when the open batch may be cut where it is. A redo is cut at its end and nowhere else.
    pub(super) fn can_seal(&self) -> bool {
        self.machine.can_seal() && !self.machine.is_redoing()
    }

    /// The first bound that the open batch has reached.
    pub(super) fn due(&self, policy: &SealPolicy, now: Duration) -> Option<Reason> {
        let size = Size {
            bytes: self.encoded + self.rows.bytes / RAW_PER_ENCODED,
            age: self.opened.map_or(Duration::ZERO, |opened| now.saturating_sub(opened)),
            directories: self.rows.directories,
            log_files: self.machine.open_log_files(),
        };
        due(policy, &size)
    }

    /// The encoder holds so much of a batch.
    pub(super) fn chunked(&mut self, batch: BatchId, held: usize) {
        if batch == self.batch {
            self.encoded = held;
        } else if let Some(leaving) = self.leaving.as_mut().filter(|leaving| leaving.batch == batch) {
            leaving.encoded = held;
        }
    }

    /// The open batch leaves; `next` takes its place.
    pub(super) fn cut(&mut self, now: Duration, next: BatchId) -> BatchId {
        let batch = std::mem::replace(&mut self.batch, next);
        let (rows, encoded) = (std::mem::take(&mut self.rows).bytes, std::mem::take(&mut self.encoded));
        self.leaving = Some(Leaving { batch, since: now, reason: self.cut_for, rows, encoded });
        self.opened = None;
        batch
    }

    /// Nothing is kept that is not published.
    pub(super) fn discard(&mut self, generation: Generation, next: BatchId) {
        self.generation = generation;
        self.batch = next;
        self.opened = None;
        self.encoded = 0;
        self.rows = RowSizes::default();
        self.leaving = None;
    }
}
