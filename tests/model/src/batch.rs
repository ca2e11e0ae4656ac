//! A batch: what one cut of the log becomes. A function of the offsets and the ledger before them, and of nothing else (C3).

use std::collections::BTreeMap;

use crate::design::Design;
use crate::ledger::{Delta, Ledger};
use crate::log::{Body, LOG};

/// A set of rows, one bit per offset: the model's digest as well, because equal digests mean equal rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Rows(u8);

impl Rows {
    /// The offsets, ascending.
    pub fn offsets(self) -> impl Iterator<Item = usize> {
        (0..LOG.len()).filter(move |offset| self.0 & (1 << offset) != 0)
    }

    fn with(self, offset: u8) -> Rows {
        Rows(self.0 | (1 << offset))
    }
}

/// A data file's name: it says the batch, its offsets and the hive partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The batch.
    pub seq: u8,
    /// Its first offset.
    pub start: u8,
    /// The offset after its last.
    pub end: u8,
    /// The hive partition.
    pub hive: u8,
}

/// One data file: its name and its rows.
pub type DataFile = (Key, Rows);

/// What an intent says. The hash of the record before it is left out: the model compares whole records instead.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intent {
    /// The first offset.
    pub start: u8,
    /// The offset after the last.
    pub end: u8,
    /// Names and rows of its data files, by hive partition.
    pub files: Vec<DataFile>,
    /// What it changes in the ledger.
    pub delta: Delta,
    /// Who would know it for its own: the writer that is still trying to put this very batch. A nonce is used once, so as soon as nobody is
    /// waiting for it, all that can be said of it is that it is not the reader's; keeping it would only tell equal states apart.
    pub nonce: Option<usize>,
}

/// Cuts `[start, end)` into the batch `seq`: goes through the messages with the ledger, gives each row taken to its hive partition.
/// The intent has no nonce yet.
pub fn cut(design: Design, before: Ledger, seq: u8, start: u8, end: u8) -> (Intent, Ledger) {
    let mut after = before;
    let mut files = BTreeMap::<Key, Rows>::new();
    for offset in start..end {
        let message = &LOG[usize::from(offset)];
        if after.accept(message, design)
            && let Body::Record { hive, .. } = message.body
        {
            let rows = files.entry(Key { seq, start, end, hive }).or_default();
            *rows = rows.with(offset);
        }
    }
    let files = files.into_iter().collect();
    (Intent { start, end, files, delta: before.delta(&after), nonce: None }, after)
}
