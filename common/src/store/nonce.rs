//! Unique names and seeds, for temporary files, probes and the jitter of retries. No decision depends on them.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// 64 bits that differ from call to call and from process to process; the standard library's hash keys come from the system's randomness.
pub(super) fn seed() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one((CALLS.fetch_add(1, Ordering::Relaxed), std::process::id()))
}

/// 128 such bits as lower-case hex.
pub(super) fn name() -> String {
    format!("{:016x}{:016x}", seed(), seed())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn names_do_not_repeat() {
        let names: HashSet<_> = (0..10_000).map(|_| super::name()).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.iter().all(|name| name.len() == 32));
    }
}
