//! Jobs that run ahead of whoever takes their results: a few at once, the results in the order in which the jobs were given.

#![expect(clippy::disallowed_methods, reason = "reads ahead of the checks")]

use anyhow::Context;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Bytes of objects held at once, in MiB. A Parquet file of a table is sealed at about 128 MiB: two of those are never in memory together,
/// many small ones are.
const OBJECT_MIB: u32 = 192;

/// Jobs that run now or have a result that was not taken yet.
#[derive(Debug)]
pub(crate) struct Prefetch<T> {
    width: usize,
    running: VecDeque<JoinHandle<T>>,
}

impl<T: Send + 'static> Prefetch<T> {
    pub(crate) fn new(width: usize) -> Prefetch<T> {
        Prefetch { width: width.max(1), running: VecDeque::new() }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.running.len() >= self.width
    }

    pub(crate) fn push(&mut self, job: impl Future<Output = T> + Send + 'static) {
        self.running.push_back(tokio::spawn(job));
    }

    /// The result of the oldest job; `None` when there is none.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<T>> {
        match self.running.pop_front() {
            Some(job) => job.await.map(Some).context("a part of the verification panicked"),
            None => Ok(None),
        }
    }
}

/// Bounds on the memory and threads of jobs.
#[derive(Debug, Clone)]
pub(crate) struct WorkLimits {
    bytes: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl WorkLimits {
    pub(crate) fn new() -> WorkLimits {
        WorkLimits { bytes: Arc::new(Semaphore::new(OBJECT_MIB as usize)), threads: Arc::new(Semaphore::new(cores())) }
    }

    /// Fetches `size` bytes and works on them on a blocking thread, both within bounds.
    pub(crate) async fn work<B, E, T, F>(
        &self,
        size: u64,
        fetch: F,
        work: impl FnOnce(B) -> T + Send + 'static,
    ) -> anyhow::Result<Result<T, E>>
    where
        B: Send + 'static,
        T: Send + 'static,
        F: Future<Output = Result<B, E>>,
    {
        let mib = u32::try_from(size >> 20).unwrap_or(OBJECT_MIB).saturating_add(1).min(OBJECT_MIB);
        let _bytes = self.bytes.acquire_many(mib).await?;
        let fetched = match fetch.await {
            Ok(fetched) => fetched,
            Err(error) => return Ok(Err(error)),
        };
        let _thread = self.threads.acquire().await?;
        Ok(Ok(tokio::task::spawn_blocking(move || work(fetched)).await?))
    }
}

/// Threads that work at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
