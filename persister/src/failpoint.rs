//! Places where a test may end the process, make it stand still, or let an effect fail: before and after every effect of a batch, because
//! a crash between two of them is what the protocol is about, and trouble from outside hits such a moment once in a thousand times.
//!
//! `SWITCHBACK_FAILPOINT=EFFECT.MOMENT:HIT:FATE` has that fate met where the point is come to for the HIT-th time (from 1). Effects:
//! `encode`, `intent`, `file` (each file), `hint`, `checkpoint` (each object of it), `mirror`. Moments: `before`, `after`. Fates:
//! - `abort` (or none said): the process ends, without any cleaning up;
//! - `stop`: it gets SIGSTOP; whoever sends SIGCONT later wakes a writer that knows nothing of what has happened since;
//! - `error`: passing trouble. Before the effect it is not done and says so; after it, it is done and the answer is lost;
//! - `refusal`: the same, as an error that nobody tries again.
//!
//! Without the variable a point does nothing; without the cargo feature `failpoints` there are no points. A program without them that is
//! told of one refuses to start, so that no test can think that it was.

#[cfg(not(feature = "failpoints"))]
mod absent;
#[cfg(feature = "failpoints")]
mod armed;

#[cfg(not(feature = "failpoints"))]
pub(crate) use absent::attempt;
#[cfg(all(feature = "services", not(feature = "failpoints")))]
pub(crate) use absent::{encoding, mirroring};
#[cfg(feature = "failpoints")]
pub(crate) use armed::{Failure, attempt, encoding, mirroring};

/// The environment's variable that arms a point.
#[cfg(feature = "services")]
const VARIABLE: &str = "SWITCHBACK_FAILPOINT";

/// Refuses what could only be ignored.
///
/// # Errors
/// When a point was asked for of a program that has none.
#[cfg(feature = "services")]
pub fn check() -> Result<(), common::service::ConfigError> {
    if cfg!(feature = "failpoints") || std::env::var_os(VARIABLE).is_none() {
        return Ok(());
    }
    let why = "is set, but this program was built without failpoints (cargo build --features persister/failpoints)";
    Err(common::service::ConfigError::at(VARIABLE, why))
}
