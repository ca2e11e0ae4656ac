//! The one retry layer around calls of the store: exponential waits with jitter, up to a deadline, and only where the error's class says so.

use super::{StoreError, nonce};
use crate::failure::Class;
use std::time::Duration;
use tokio::time::Instant;

/// First wait of [`with_retry`]: longer than a lost race for a key takes to settle (S3's 409 `ConditionalRequestConflict`).
const FIRST: Duration = Duration::from_millis(50);
/// Longest wait of [`with_retry`]: S3's 503 `SlowDown` asks to come back seldom, and a restart of a server should be noticed soon.
const CAP: Duration = Duration::from_secs(5);

/// The waits between attempts: each about twice the one before, half of it left to chance so that many waiters part,
/// none above a cap, all together no longer than a total.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    cap: Duration,
    left: Duration,
    state: u64,
}

impl Backoff {
    /// Waits of about `first`, then twice that, and so on up to `cap`; their sum is at most `total`. The same `seed` gives the same waits.
    #[must_use]
    pub fn new(first: Duration, cap: Duration, total: Duration, seed: u64) -> Backoff {
        Backoff { next: first.min(cap), cap, left: total, state: seed }
    }

    /// Half of `wait` up to all of it, by a step of the SplitMix64 generator.
    fn jitter(&mut self, wait: Duration) -> Duration {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let half = wait / 2;
        // 32 random bits are plenty: a fraction of `half` in steps of 2^-32.
        half + half.mul_f64((mixed >> 32) as f64 / f64::from(u32::MAX))
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.left.is_zero() {
            return None;
        }
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.cap);
        let wait = self.jitter(wait).min(self.left);
        self.left = self.left.saturating_sub(wait);
        Some(wait)
    }
}

/// Calls `op` until it answers anything but an error of [`Class::Retry`]; no attempt starts after `deadline` (an attempt has its own time-out).
/// An unclear answer is not repeated: the caller has to read back first.
///
/// `op` is an `FnMut` and not an `AsyncFnMut`, because the compiler cannot yet see that a future over the latter is `Send`.
///
/// # Errors
/// The first error of another class, or the last error when the deadline is reached.
pub async fn with_retry<T, F>(deadline: Duration, mut op: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let started = Instant::now();
    let mut waits = Backoff::new(FIRST, CAP, deadline, nonce::seed());
    loop {
        match op().await {
            Err(error) if error.class == Class::Retry => match waits.next() {
                Some(wait) if started.elapsed().saturating_add(wait) <= deadline => tokio::time::sleep(wait).await,
                _ => return Err(error),
            },
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, with_retry};
    use crate::failure::Class;
    use crate::store::StoreError;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_the_cap_and_end_at_the_total() {
        for seed in 0..200 {
            let waits: Vec<Duration> = Backoff::new(10 * MS, 80 * MS, 1000 * MS, seed).collect();
            for (wait, base) in waits.iter().zip([10, 20, 40, 80, 80, 80]) {
                assert!(*wait >= base * MS / 2 && *wait <= base * MS, "seed {seed}: {wait:?} of {base} ms");
            }
            assert_eq!(waits.iter().sum::<Duration>(), 1000 * MS, "seed {seed}");
        }
    }

    #[test]
    fn a_seed_fixes_the_waits_and_seeds_differ() {
        let waits = |seed| Backoff::new(10 * MS, 80 * MS, 500 * MS, seed).collect::<Vec<_>>();
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }

    #[test]
    fn extreme_durations_do_not_panic() {
        assert_eq!(Backoff::new(MS, MS, Duration::ZERO, 1).next(), None);
        assert!(Backoff::new(Duration::MAX, Duration::MAX, Duration::MAX, 1).take(5).count() > 0);
    }

    async fn attempts(class: Class, failures: u32, deadline: Duration) -> (u32, Result<(), Class>) {
        let mut calls = 0;
        let answer = with_retry(deadline, || {
            calls += 1;
            std::future::ready(if calls <= failures { Err(StoreError::new(class, "try", "no")) } else { Ok(()) })
        })
        .await;
        (calls, answer.map_err(|error| error.class))
    }

    #[tokio::test]
    async fn passing_trouble_is_tried_again_and_nothing_else_is() {
        let long = Duration::from_secs(600);
        assert_eq!(attempts(Class::Retry, 2, long).await, (3, Ok(())));
        for class in [Class::Unclear, Class::Config, Class::Fatal] {
            assert_eq!(attempts(class, 2, long).await, (1, Err(class)));
        }
    }

    #[tokio::test]
    async fn the_last_error_comes_out_when_the_deadline_is_reached() {
        assert_eq!(attempts(Class::Retry, 9, Duration::ZERO).await, (1, Err(Class::Retry)));
    }
}
