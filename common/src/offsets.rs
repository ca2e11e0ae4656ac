//! Half-open ranges of Kafka offsets, `[start, end)`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A half-open range of offsets: `start` is in it, `end` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range {
    /// First offset in the range.
    pub start: u64,
    /// First offset after the range.
    pub end: u64,
}

impl Range {
    /// Offsets in the range.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// True when no offset is in the range.
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// True when `offset` is in the range.
    pub fn contains(&self, offset: u64) -> bool {
        self.start <= offset && offset < self.end
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}
