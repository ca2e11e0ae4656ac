//! Work that runs ahead of its reader: a few jobs at once, their results in the order in which they were given.

use anyhow::Context;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Bytes of objects held at once, in MiB: a file of a table is sealed at about 128 MiB of Parquet, so two of those never lie
/// in memory together while many small ones do.
const OBJECT_MIB: u32 = 192;

/// Jobs under way.
#[derive(Debug)]
pub(crate) struct Ahead<T> {
    width: usize,
    running: VecDeque<JoinHandle<T>>,
}

impl<T: Send + 'static> Ahead<T> {
    pub(crate) fn new(width: usize) -> Ahead<T> {
        Ahead { width: width.max(1), running: VecDeque::new() }
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
            Some(job) => job.await.map(Some).context("a part of the verification broke down"),
            None => Ok(None),
        }
    }
}

/// What bounds the memory and threads of jobs.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    bytes: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl Room {
    pub(crate) fn new() -> Room {
        Room { bytes: Arc::new(Semaphore::new(OBJECT_MIB as usize)), threads: Arc::new(Semaphore::new(cores())) }
    }

    /// Fetches `size` bytes and works on them on a thread that may be kept busy, both within bounds.
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
