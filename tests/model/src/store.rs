//! The table's store: the chain, the data files, and puts that are still on their way.

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::{DataFile, Intent, Key, Rows};
use crate::ledger::Ledger;

/// A request to put one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Put {
    /// The record `seq` of the chain.
    Intent {
        /// Its place in the chain.
        seq: u8,
        /// Its content.
        intent: Intent,
        /// Whether it is put only if nothing is there, as it should be.
        if_absent: bool,
    },
    /// A data file, put only if nothing is there.
    File(DataFile),
}

/// What the store did with a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landed {
    /// It is there now.
    Stored,
    /// Something was there already: 412.
    Refused,
}

/// Objects that are there, and puts that may yet land.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Store {
    /// The intents by sequence number.
    pub chain: BTreeMap<u8, Intent>,
    /// The data files: what the bare listing shows.
    pub files: BTreeMap<Key, Rows>,
    /// Puts whose senders have given up on the answer or died. Each may land at any later moment; one that never does is the same as one
    /// that was never sent.
    pub late: BTreeSet<Put>,
}

impl Store {
    /// Carries out a put, now.
    pub fn land(&mut self, put: Put) -> Landed {
        match put {
            Put::Intent { seq, if_absent: true, .. } if self.chain.contains_key(&seq) => Landed::Refused,
            Put::Intent { seq, intent, .. } => {
                self.chain.insert(seq, intent);
                Landed::Stored
            }
            Put::File((key, _)) if self.files.contains_key(&key) => Landed::Refused,
            Put::File((key, rows)) => {
                self.files.insert(key, rows);
                Landed::Stored
            }
        }
    }

    /// Whether all of these files are there.
    pub fn has_all(&self, files: &[DataFile]) -> bool {
        files.iter().all(|(key, _)| self.files.contains_key(key))
    }

    /// The ledger after those records of the chain that are before `seq`.
    pub fn ledger_before(&self, seq: u8) -> Ledger {
        let mut ledger = Ledger::EMPTY;
        self.chain.range(..seq).for_each(|(_, intent)| ledger.apply(&intent.delta));
        ledger
    }

    /// The offset after the chain's last record.
    pub fn chain_end(&self) -> u8 {
        self.chain.last_key_value().map_or(0, |(_, head)| head.end)
    }

    /// Nobody waits for this writer's put any more: its nonce is nobody's.
    pub fn forget(&mut self, writer: usize) {
        self.rename(|nonce| if nonce == writer { None } else { Some(nonce) });
    }

    /// Drops late puts that can have no effect any more (as long as nothing is deleted), which makes states equal that differ in nothing else.
    pub fn drop_futile(&mut self) {
        let Store { chain, files, late } = self;
        late.retain(|put| match put {
            Put::Intent { seq, if_absent, .. } => !if_absent || !chain.contains_key(seq),
            Put::File((key, _)) => !files.contains_key(key),
        });
    }

    /// Gives every nonce another owner.
    pub fn rename(&mut self, owner: impl Fn(usize) -> Option<usize>) {
        for intent in self.chain.values_mut() {
            intent.nonce = intent.nonce.and_then(&owner);
        }
        let rename = |mut put| {
            if let Put::Intent { intent, .. } = &mut put {
                intent.nonce = intent.nonce.and_then(&owner);
            }
            put
        };
        self.late = std::mem::take(&mut self.late).into_iter().map(rename).collect();
    }
}
