//! Between the listing and the workers: brings objects from S3, so many at a time and no more bytes than the budget allows. Local
//! files pass through: the worker reads them itself.

use crate::budget::{ByteBudget, Permit};
use crate::progress::Progress;
use crate::source::Source;
use crate::ticket::{AttemptOutcome, Ticket};
use bytes::Bytes;
use common::failure::Class;
use common::limits::MAX_LOG_FILE_BYTES;
use common::service::Shutdown;
use common::store::StoreError;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// What a worker gets of a file.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing: it reads the file itself.
    Local,
    /// The object, and its share of the budget.
    Fetched(Bytes, Permit),
    /// Too large to be a log file: not brought at all.
    TooLarge,
}

/// A file for a worker.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) ticket: Ticket,
    pub(crate) body: Body,
}

/// Runs until there are no more tickets; what has not been begun when `stop` is asked for is dropped.
pub(crate) async fn run(
    source: Source,
    concurrency: u32,
    budget: ByteBudget,
    mut tickets: mpsc::Receiver<Ticket>,
    work: mpsc::Sender<Work>,
    stop: Shutdown,
    progress: Arc<Progress>,
) {
    let slots = Arc::new(Semaphore::new(concurrency.max(1) as usize));
    while let Some(ticket) = tickets.recv().await {
        let body = match &source {
            _ if stop.requested() => {
                ticket.settle(AttemptOutcome::Dropped);
                continue;
            }
            _ if ticket.file().size > MAX_LOG_FILE_BYTES => Body::TooLarge,
            Source::Local(_) => Body::Local,
            Source::S3(_) => {
                // Never closed, so this cannot fail.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                let (source, budget, work, stop) = (source.clone(), budget.clone(), work.clone(), stop.clone());
                let progress = Arc::clone(&progress);
                tokio::spawn(async move {
                    get(source, budget, ticket, work, stop, &progress).await;
                    drop(slot);
                });
                continue;
            }
        };
        if work.send(Work { ticket, body }).await.is_err() {
            return;
        }
    }
}

async fn get(source: Source, budget: ByteBudget, ticket: Ticket, work: mpsc::Sender<Work>, stop: Shutdown, progress: &Progress) {
    let permit = budget.acquire(ticket.file().size).await;
    if stop.requested() {
        return ticket.settle(AttemptOutcome::Dropped);
    }
    match source.get(ticket.file()).await {
        Ok(Some(bytes)) => {
            let body = if bytes.len() as u64 > MAX_LOG_FILE_BYTES { Body::TooLarge } else { Body::Fetched(bytes, permit) };
            // Fails only when all workers are gone; the ticket then settles as failed.
            let _ = work.send(Work { ticket, body }).await;
        }
        Ok(None) => ticket.settle(AttemptOutcome::Vanished),
        Err(error) if is_its_own(&error, progress) => {
            tracing::warn!(path = ticket.file().path, %error, "passed over: the object cannot be read");
            ticket.settle(AttemptOutcome::Unreadable);
        }
        Err(error) => {
            ticket.settle(AttemptOutcome::Failed(anyhow::Error::from(error).context("failed to fetch it")));
        }
    }
}

/// True when a refusal is about this one object and no reason to stop: it was moved to an archive by a lifecycle rule (S3 answers
/// `InvalidObjectState`), or others could be read and this one cannot (its own KMS key, its own policy).
fn is_its_own(error: &StoreError, progress: &Progress) -> bool {
    matches!(error.class, Class::Config | Class::Fatal)
        && (error.why.starts_with("InvalidObjectState") || progress.done.get() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_the_objects_own_when_others_could_be_read_or_it_is_archived() {
        let error = |class, why: &str| StoreError { class, what: "get x".into(), why: why.into() };
        let (none, some) = (Progress::default(), Progress::default());
        some.done.add(1);
        let denied = error(Class::Config, "AccessDenied: no (status 403)");
        assert!(!is_its_own(&denied, &none) && is_its_own(&denied, &some));
        assert!(is_its_own(&error(Class::Config, "InvalidObjectState: archived (status 403)"), &none));
        assert!(!is_its_own(&error(Class::Retry, "SlowDown"), &some));
    }
}
