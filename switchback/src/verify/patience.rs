//! How long a store is asked that does not answer, and what an operator hears meanwhile.

#![expect(clippy::disallowed_methods, reason = "waits for stores, and says how long")]

use common::failure::Class;
use common::service::Printable;
use common::store::StoreError;
use common::store::retry::with_retry;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one call is repeated. An attempt that is under way then may take its own time-out more: 20 s, and a second for each MiB.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// How long nothing may come before that is said.
const WORD: Duration = Duration::from_secs(5);
/// After how many such times it is said again.
const AGAIN: u32 = 4;
/// Calls that are repeated until the deadline although others are answered; those after them get one attempt, so that a thousand objects
/// in trouble do not take a thousand times as long.
const FULL_CALLS: u32 = 3;

/// The patience with one store. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Patience(Arc<State>);

#[derive(Debug)]
struct State {
    store: String,
    deadline: Duration,
    word: Duration,
    since: Instant,
    /// When something was last answered, and when trouble was last told, in milliseconds from `since`.
    answered: AtomicU64,
    told: AtomicU64,
    given_up: AtomicU32,
}

impl Patience {
    pub(crate) fn with(store: &str) -> Patience {
        Patience::bounded(store, DEADLINE, WORD)
    }

    fn bounded(store: &str, deadline: Duration, word: Duration) -> Patience {
        Patience(Arc::new(State {
            store: Printable(store).to_string(),
            deadline,
            word,
            since: Instant::now(),
            answered: AtomicU64::new(0),
            told: AtomicU64::new(0),
            given_up: AtomicU32::new(0),
        }))
    }

    /// Calls `op` until it answers; trouble is told on stderr while it lasts.
    ///
    /// # Errors
    /// The first error that does not pass by itself, or the last one when the deadline is reached.
    pub(crate) async fn ask<T, F>(&self, mut op: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let state = &*self.0;
        let last = Mutex::new(String::new());
        let deadline = if state.given_up.load(Ordering::Relaxed) < FULL_CALLS { state.deadline } else { Duration::ZERO };
        let attempts = with_retry(deadline, || {
            let (attempt, last) = (op(), &last);
            async move {
                let answer = attempt.await;
                if let Err(error) = &answer {
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
                }
                answer
            }
        });
        let mut attempts = Box::pin(attempts);
        let mut bell = tokio::time::interval(state.word);
        bell.tick().await;
        let answer = loop {
            tokio::select! {
                answer = &mut attempts => break answer,
                _ = bell.tick() => state.tell(&last.lock().unwrap_or_else(PoisonError::into_inner)),
            }
        };
        match &answer {
            Err(error) if error.class == Class::Retry => drop(state.given_up.fetch_add(1, Ordering::Relaxed)),
            // A refusal is an answer too.
            _ => drop(state.answered.fetch_max(state.now(), Ordering::Relaxed)),
        }
        answer
    }

    /// True when nothing has been answered for as long as one call is repeated: asking for more would only take longer.
    pub(crate) fn is_over(&self) -> bool {
        let silent = self.0.now().saturating_sub(self.0.answered.load(Ordering::Relaxed));
        self.0.given_up.load(Ordering::Relaxed) > 0 && u128::from(silent) >= self.0.deadline.as_millis()
    }
}

impl State {
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// One line, however many calls wait.
    fn tell(&self, last: &str) {
        let now = self.now();
        let told = self.told.load(Ordering::Relaxed);
        let is_due =
            told == 0 || u128::from(now.saturating_sub(told)) + self.word.as_millis() / 2 >= (self.word * AGAIN).as_millis();
        if is_due && self.told.compare_exchange(told, now.max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let why = if last.is_empty() { "no answer".to_owned() } else { Printable(last).to_string() };
            eprintln!("switchback: waiting for {}: {why}; a call is given up after {} s", self.store, self.deadline.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: Class) -> StoreError {
        StoreError { class, what: "list x".into(), why: "503".into() }
    }

    #[tokio::test]
    async fn a_store_that_never_answers_is_given_up_and_one_that_refuses_is_not() {
        let patience = Patience::bounded("s3://x", Duration::from_millis(200), Duration::from_millis(50));
        let answer: Result<(), _> = patience.ask(|| async { Err(error(Class::Config)) }).await;
        assert_eq!((answer.unwrap_err().class, patience.is_over()), (Class::Config, false));
        let asked = Instant::now();
        let answer: Result<(), _> = patience.ask(|| async { Err(error(Class::Retry)) }).await;
        assert!(answer.is_err() && asked.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(patience.is_over() && patience.0.told.load(Ordering::Relaxed) > 0);
        assert!(patience.ask(|| async { Ok(()) }).await.is_ok() && !patience.is_over());
    }
}
