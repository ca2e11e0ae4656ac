//! How many bytes may be in one place at a time: what keeps memory flat however large the backlog, the log files or the broker's
//! delay are.

use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Compressed bytes fetched or being fetched and not yet transformed. Far more than the log files of all reads under
/// way usually are together; one larger than this is fetched alone.
pub(crate) const FETCHED_BYTES: u64 = 24 << 20;

/// Inflated bytes in the hands of all workers, by estimate. A file as large as this is worked on alone.
pub(crate) const INFLATING_BYTES: u64 = 64 << 20;

/// Bytes of messages handed to the producer and not yet acknowledged: the round trip of a few hundred MB/s at 100 ms.
pub(crate) const AWAITING_BYTES: u64 = 48 << 20;

/// A number of bytes to hand out permits from. Clones share it. First come, first served: a large request is not starved by small
/// ones.
#[derive(Debug, Clone)]
pub(crate) struct ByteBudget {
    kibibytes: Arc<Semaphore>,
    capacity: u32,
}

/// The right to hold so many bytes; returned to the budget when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    kibibytes: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Takes the part for `bytes` out of this permit, or what is left of it.
    pub(crate) fn split(&mut self, bytes: u64) -> Permit {
        let part = self.kibibytes.as_mut().and_then(|held| held.split(held.num_permits().min(kibibytes(bytes) as usize)));
        Permit { kibibytes: part }
    }
}

/// No request is free, and none costs more than can be counted.
fn kibibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).max(1)
}

impl ByteBudget {
    pub(crate) fn new(bytes: u64) -> ByteBudget {
        let capacity = kibibytes(bytes).min(Semaphore::MAX_PERMITS.min(1 << 30) as u32);
        ByteBudget { kibibytes: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// What a request for `bytes` costs, in kibibytes. More than the budget costs the whole of it, so such a request is served alone.
    fn cost(&self, bytes: u64) -> u32 {
        kibibytes(bytes).min(self.capacity)
    }

    /// Waits until there is room for `bytes`.
    pub(crate) async fn acquire(&self, bytes: u64) -> Permit {
        self.acquire_all([bytes]).await
    }

    /// Waits until there is room for all of these together: one after the other, two such requests could wait for each other's parts.
    pub(crate) async fn acquire_all(&self, parts: impl IntoIterator<Item = u64>) -> Permit {
        let costs = parts.into_iter().map(|bytes| self.cost(bytes));
        let cost = costs.fold(0, u32::saturating_add).min(self.capacity);
        // The semaphore is never closed, so this cannot fail.
        Permit { kibibytes: Arc::clone(&self.kibibytes).acquire_many_owned(cost).await.ok() }
    }

    /// The same from a thread that may block (never from one of the runtime's own).
    pub(crate) fn acquire_blocking(&self, bytes: u64, runtime: &Handle) -> Permit {
        match Arc::clone(&self.kibibytes).try_acquire_many_owned(self.cost(bytes)) {
            Ok(permit) => Permit { kibibytes: Some(permit) },
            Err(_) => runtime.block_on(self.acquire(bytes)),
        }
    }

    /// Bytes there is room for now.
    #[cfg(test)]
    pub(crate) fn room(&self) -> u64 {
        self.kibibytes.available_permits() as u64 * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// True when the future is ready at its first poll.
    fn ready<T>(future: impl Future<Output = T>) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn no_more_is_handed_out_than_the_budget_has() {
        let budget = ByteBudget::new(10 * 1024);
        let first = pin!(budget.acquire(6 * 1024)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(first.is_ready());
        assert!(!ready(budget.acquire(5 * 1024)));
        assert!(ready(budget.acquire(4 * 1024)));
        drop(first);
        assert!(ready(budget.acquire(5 * 1024)));
        assert_eq!(budget.room(), 10 * 1024);
    }

    #[test]
    fn a_request_larger_than_the_budget_is_served_alone() {
        let budget = ByteBudget::new(10 * 1024);
        let small = pin!(budget.acquire(1)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(small.is_ready() && !ready(budget.acquire(u64::MAX)));
        drop(small);
        let huge = pin!(budget.acquire(u64::MAX)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(huge.is_ready() && !ready(budget.acquire(1)));
    }

    #[test]
    fn parts_of_a_permit_are_returned_one_by_one() {
        let budget = ByteBudget::new(10 * 1024);
        let all = pin!(budget.acquire_all([3 * 1024, 1, 2 * 1024])).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(mut all) = all else { panic!("there is room") };
        assert_eq!(budget.room(), 4 * 1024);
        let (first, second) = (all.split(3 * 1024), all.split(1));
        drop(first);
        assert_eq!(budget.room(), 7 * 1024);
        drop(all);
        assert_eq!(budget.room(), 9 * 1024);
        drop(second);
        assert_eq!(budget.room(), 10 * 1024);
    }

    #[test]
    fn more_parts_than_the_budget_has_are_served_alone() {
        let budget = ByteBudget::new(10 * 1024);
        let all = pin!(budget.acquire_all([u64::MAX, u64::MAX])).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(mut all) = all else { panic!("there is room") };
        let (_first, second) = (all.split(u64::MAX), all.split(1));
        assert!(!ready(budget.acquire(1)), "all of it is in the first part");
        drop(second);
        assert_eq!(budget.room(), 0);
    }
}
