//! Why a partition stops: loudly, without committing, while others go on.

use super::invariants::Invariant;
use common::log::Watermarks;

/// The reason, with what an operator needs to act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The log skipped offsets.
    #[error("gap: offset {expected} was expected next, the log gave {got}; messages are missing from the topic")]
    Gap {
        /// The offset that should have come.
        expected: u64,
        /// The offset that came.
        got: u64,
    },
    /// Retention deleted what was not read yet.
    #[error(
        "data expired: offset {needed} is needed next, but the topic now starts at {low}; {} messages were deleted before they were read. \
         Deliver the log files again to a new topic and table, or restore the topic", low.saturating_sub(*needed)
    )]
    Expired {
        /// First offset that is still there.
        low: u64,
        /// First offset that is needed.
        needed: u64,
    },
    /// The topic is shorter than what was taken from it.
    #[error(
        "topic recreated: the table holds offsets up to {end}, but the topic ends at {high}. \
         A new topic needs a new table (or its own name)"
    )]
    Shorter {
        /// End of the topic.
        high: u64,
        /// End of the chain.
        end: u64,
    },
    /// Another message stands where the last taken one stood.
    #[error(
        "topic recreated: offset {offset} holds another message than the one taken (key {got:?} instead of {expected:?}). \
         A new topic needs a new table (or its own name)"
    )]
    Recreated {
        /// The offset looked at.
        offset: u64,
        /// Key and timestamp that were taken.
        expected: String,
        /// Key and timestamp that stand there.
        got: String,
    },
    /// Something that cannot be.
    #[error("invariant {invariant} is broken: {detail}")]
    Broken {
        /// Which.
        invariant: Invariant,
        /// Where, and how.
        detail: String,
    },
    /// A chain record does not read.
    #[error("{0}")]
    Damaged(String),
    /// The log cannot give what is needed, or rows cannot be kept.
    #[error("{0}")]
    Stuck(String),
    /// An effect did not succeed before its deadline: the whole process has to start again.
    #[error("gave up: {0}")]
    GaveUp(String),
}

impl Halt {
    /// True when newer watermarks might take the reason away.
    pub fn may_be_outdated(&self) -> bool {
        matches!(self, Halt::Shorter { .. })
    }

    /// True when `now` takes the reason away: watermarks are asked before the chain is read, and in between another writer may have
    /// extended the chain with messages that came later still. Then the start is to be done over with `now`.
    pub fn outdated_by(&self, now: Watermarks) -> bool {
        matches!(self, Halt::Shorter { high, .. } if now.high > *high)
    }
}
