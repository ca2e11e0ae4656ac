//! The accept rule: which message is taken, by the identity of its record alone.

use crate::design::{Design, Flaw};
use crate::log::{Body, FILES, Message, PARTITIONS};

/// How far a log file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress {
    /// The index that is taken next.
    Next(u8),
    /// Its end has been taken; nothing more will be.
    Done,
}

/// Progress of every log file, per partition, because each partition's chain has a ledger of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ledger([[Progress; FILES]; PARTITIONS]);

impl Ledger {
    /// Nothing taken yet.
    pub const EMPTY: Ledger = Ledger([[Progress::Next(0); FILES]; PARTITIONS]);

    /// Takes the message or drops it, and says which.
    pub fn accept(&mut self, message: &Message, design: Design) -> bool {
        let progress = &mut self.0[message.partition(design)][usize::from(message.file)];
        let Progress::Next(next) = *progress else { return false };
        match message.body {
            Body::Record { index, .. } if index == next || (index > next && design.has(Flaw::GapAccepted)) => {
                *progress = Progress::Next(index + 1);
                true
            }
            Body::End { count } if count == next => {
                *progress = Progress::Done;
                true
            }
            _ => false,
        }
    }

    /// The log files whose end has been taken, on any partition.
    pub fn done(&self) -> impl Iterator<Item = u8> {
        (0..FILES).filter(|&file| self.0.iter().any(|of| of[file] == Progress::Done)).map(|file| file as u8)
    }

    /// What is in `after` and not in `self`: an intent's ledger delta.
    pub fn delta(&self, after: &Ledger) -> Delta {
        let changed = |partition: usize, file: usize| {
            let now = after.0[partition][file];
            (self.0[partition][file] != now).then_some((partition as u8, file as u8, now))
        };
        Delta((0..PARTITIONS).flat_map(|p| (0..FILES).filter_map(move |f| changed(p, f))).collect())
    }

    /// Follows one record of the chain.
    pub fn apply(&mut self, delta: &Delta) {
        for &(partition, file, progress) in &delta.0 {
            self.0[usize::from(partition)][usize::from(file)] = progress;
        }
    }
}

/// The changes one batch makes: partition, log file, its progress afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delta(Vec<(u8, u8, Progress)>);
