//! Waiting with a deadline: no test depends on how long something takes.

use std::time::{Duration, Instant};

/// Bound of every wait; a machine under load is slow, not wrong.
pub const PATIENCE: Duration = Duration::from_secs(240);

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks until there is something.
///
/// # Panics
/// When nothing has come within [`PATIENCE`].
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_or(what, look, String::new)
}

/// The same; `seen` says what was seen instead.
///
/// # Panics
/// When nothing has come within [`PATIENCE`].
pub fn until_or<T>(what: &str, mut look: impl FnMut() -> Option<T>, seen: impl Fn() -> String) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain until {what} {}", seen());
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Looks until it is so.
pub fn until_true(what: &str, mut look: impl FnMut() -> bool) {
    until(what, || look().then_some(()));
}
