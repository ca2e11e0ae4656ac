//! From names to bytes: the one stage that reads sources. So many reads run at a time, and no bytes are held before the byte budget
//! has room for them. Behind this stage a log file is its bytes, wherever they came from.

#![expect(clippy::disallowed_methods, reason = "a task for each fetch under way")]

use crate::budget::{ByteBudget, Permit};
use crate::source::{Source, Wanted};
use crate::ticket::{AttemptOutcome, Ticket};
use bytes::Bytes;
use common::limits::MAX_LOG_FILE_BYTES;
use common::service::Shutdown;
use common::store::Content;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// Small files that are read together have no more bytes than this, so that large ones are spread over the reads.
const BATCH_BYTES: u64 = 1 << 20;

/// What a worker gets of a file.
#[derive(Debug)]
pub(crate) enum Body {
    /// The log file, and its share of the byte budget.
    Whole(Bytes, Permit),
    /// Too large to be a log file: not read at all.
    TooLarge,
}

/// A file for a worker.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) ticket: Ticket,
    pub(crate) body: Body,
}

/// The stage.
#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) source: Source,
    pub(crate) budget: ByteBudget,
    pub(crate) work: mpsc::Sender<Work>,
    /// What has not been begun when this is asked for is dropped.
    pub(crate) stop: Shutdown,
}

impl Fetch {
    /// Runs until there are no more tickets, or nobody to work on them.
    pub(crate) async fn run(self, concurrency: u32, mut tickets: mpsc::Receiver<Ticket>) {
        let reads = Arc::new(Semaphore::new(self.source.reads_at_a_time(concurrency)));
        loop {
            // Never closed, so this cannot fail. First the read, then its files: while all reads are busy, files gather.
            let Ok(read) = Arc::clone(&reads).acquire_owned().await else { return };
            let Some(batch) = next_batch(&mut tickets, self.source.files_per_read()).await else { return };
            if self.work.is_closed() {
                return;
            }
            let stage = self.clone();
            tokio::spawn(async move {
                stage.fetch(batch).await;
                drop(read);
            });
        }
    }

    async fn fetch(&self, batch: Vec<Ticket>) {
        let mut grown = self.read(batch).await;
        // One by one: each is listed as small, and together they may be anything.
        while let Some(ticket) = grown.pop() {
            grown.extend(self.read(vec![ticket]).await);
        }
    }

    /// Reads files together and hands them to the workers. Returns those that have grown since they were listed, with the size that
    /// they have now.
    async fn read(&self, batch: Vec<Ticket>) -> Vec<Ticket> {
        let (too_large, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(|ticket| ticket.file().size > MAX_LOG_FILE_BYTES);
        for ticket in too_large {
            self.hand_over(ticket, Body::TooLarge).await;
        }
        if batch.is_empty() {
            return batch;
        }
        let wanted = batch.iter().map(|ticket| Wanted { path: ticket.file().path.clone(), room: ticket.file().size }).collect();
        let read = async {
            let permit = self.budget.acquire_all(batch.iter().map(|ticket| ticket.file().size)).await;
            (permit, self.source.read(wanted).await)
        };
        // A source that does not answer is not waited for when the end was asked for.
        let (mut permit, answers) = tokio::select! {
            biased;
            () = self.stop.wait() => {
                batch.into_iter().for_each(|ticket| ticket.settle(AttemptOutcome::Dropped));
                return Vec::new();
            }
            read = read => read,
        };
        let mut grown = Vec::new();
        for (mut ticket, answer) in batch.into_iter().zip(answers) {
            match answer {
                Ok(Content::Whole(bytes)) => {
                    let share = permit.split(bytes.len() as u64);
                    self.hand_over(ticket, Body::Whole(bytes, share)).await;
                }
                Ok(Content::Larger(bytes)) => {
                    ticket.set_size(bytes);
                    grown.push(ticket);
                }
                Ok(Content::Gone) => ticket.settle(AttemptOutcome::Vanished),
                Err(error) => ticket.settle(AttemptOutcome::NotGiven(error)),
            }
        }
        grown
    }

    async fn hand_over(&self, ticket: Ticket, body: Body) {
        // Fails only when all workers are gone; the ticket then settles as failed.
        let _ = self.work.send(Work { ticket, body }).await;
    }
}

/// The tickets that are read together next; `None` when there will be no more.
async fn next_batch(tickets: &mut mpsc::Receiver<Ticket>, files: usize) -> Option<Vec<Ticket>> {
    let first = tickets.recv().await?;
    let mut bytes = first.file().size;
    let mut batch = vec![first];
    while batch.len() < files
        && bytes < BATCH_BYTES
        && let Ok(ticket) = tickets.try_recv()
    {
        bytes = bytes.saturating_add(ticket.file().size);
        batch.push(ticket);
    }
    Some(batch)
}

#[cfg(test)]
mod tests;
