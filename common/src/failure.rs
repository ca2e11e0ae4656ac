//! What a caller must do about an error: the only question the control flow asks.

/// The class of a failure; every error type of the workspace tells its own through a `class()` method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Passing trouble (503, time-out, leader change): try again, with backoff, until the deadline.
    Retry,
    /// It is not known whether the effect took place: read back before deciding.
    Unclear,
    /// The operator must change something: one message naming what, exit [`EXIT_CONFIG`].
    Config,
    /// An invariant is broken or data is gone: stop this partition (or the process), loudly, without committing.
    Fatal,
}

/// Exit status for a configuration error (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;
/// Exit status for anything else that ended the process against its will.
pub const EXIT_FAILURE: u8 = 1;
