//! What an auditor finds.

use persister::protocol::invariants::Invariant;
use std::fmt;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant, or what else was promised.
    pub broken: String,
    /// Where, and how.
    pub detail: String,
}

impl Violation {
    /// An invariant of the commit protocol is broken.
    pub fn of(invariant: Invariant, detail: impl Into<String>) -> Violation {
        Violation { broken: invariant.to_string(), detail: detail.into() }
    }

    /// Something else that was promised is not so.
    pub fn other(broken: &str, detail: impl Into<String>) -> Violation {
        Violation { broken: broken.to_owned(), detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.broken, self.detail)
    }
}
