//! From bytes to acknowledgement: the worker threads, and what they do with one log file.

#![expect(clippy::disallowed_methods, reason = "the worker pool")]

use crate::budget::{AWAITING_BYTES, ByteBudget, INFLATING_BYTES};
use crate::fetch::{Body, Work};
use crate::notes::Fate;
use crate::progress::Progress;
use crate::source::LogFile;
use crate::ticket::{AttemptOutcome, Ticket};
use crate::transform::{Scratch, Transformed, transform, unreadable};
use common::log::Producer;
use common::service::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Inflated bytes for each compressed one that room is made for. CloudTrail's JSON has about 16.
const EXPECTED_RATIO: u64 = 16;

/// Files that a worker takes at a time, if so many wait: waking a thread costs more than transforming a small file.
const TAKEN_AT_ONCE: usize = 8;

/// The reason of a log file on which the transform panics.
const PANICKED: &str = "panicked";

/// The worker threads, and what they share.
#[derive(Clone)]
pub(crate) struct WorkerPool {
    pub(crate) producer: Arc<dyn Producer>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) stop: Shutdown,
    inflating: ByteBudget,
    awaiting: ByteBudget,
    runtime: Handle,
}

impl WorkerPool {
    /// Must be called on a tokio runtime.
    pub(crate) fn new(producer: Arc<dyn Producer>, progress: Arc<Progress>, stop: Shutdown) -> WorkerPool {
        let (inflating, awaiting) = (ByteBudget::new(INFLATING_BYTES), ByteBudget::new(AWAITING_BYTES));
        WorkerPool { producer, progress, stop, inflating, awaiting, runtime: Handle::current() }
    }

    /// Starts `threads` workers; each ends when there is no more work. Plain threads, because inflating takes the processor and sending
    /// blocks while the log's queue is full.
    pub(crate) fn start(&self, threads: usize, work: mpsc::Receiver<Work>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let work = Arc::new(Mutex::new(work));
        (0..threads)
            .map(|at| {
                let (pool, work) = (self.clone(), Arc::clone(&work));
                std::thread::Builder::new().name(format!("ingest-{at}")).spawn(move || pool.serve(&work))
            })
            .collect()
    }

    fn serve(&self, work: &Mutex<mpsc::Receiver<Work>>) {
        let (mut scratch, mut taken) = (Scratch::default(), Vec::with_capacity(TAKEN_AT_ONCE));
        loop {
            // One worker waits for work, the others wait for the lock.
            let count = work.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv_many(&mut taken, TAKEN_AT_ONCE);
            if count == 0 {
                return;
            }
            for Work { ticket, body } in taken.drain(..) {
                if self.stop.requested() {
                    ticket.settle(AttemptOutcome::Dropped);
                } else {
                    self.ingest(ticket, body, &mut scratch);
                }
            }
        }
    }

    /// Transform and send; the rest happens when the log answers.
    fn ingest(&self, ticket: Ticket, body: Body, scratch: &mut Scratch) {
        let (gz, fetched) = match body {
            Body::Whole(gz, fetched) => (gz, fetched),
            Body::TooLarge => return self.quarantine(ticket, "larger than a log file can be"),
        };
        let size = gz.len() as u64;
        let inflating = self.inflating.acquire_blocking(expected_inflated(&gz), &self.runtime);
        let file = ticket.file();
        let transformed = whole_or_quarantined(file, scratch, |scratch| transform(&file.source_object, &file.etag, &gz, scratch));
        drop((gz, fetched));
        self.send(ticket, transformed, size);
        drop(inflating);
    }

    /// A file that is quarantined without being read.
    fn quarantine(&self, ticket: Ticket, detail: &str) {
        let file = ticket.file();
        let transformed = unreadable(&file.source_object, &file.etag, "too_large", detail);
        self.send(ticket, transformed, 0);
    }

    fn send(&self, ticket: Ticket, transformed: Transformed, size: u64) {
        let Transformed { run, tally } = transformed;
        let (messages, bytes) = (run.messages.len() as u64, run.messages.byte_len() as u64);
        let awaiting = self.awaiting.acquire_blocking(bytes, &self.runtime);
        let progress = Arc::clone(&self.progress);
        let done = move |answer: Result<(), common::log::LogError>| {
            drop(awaiting);
            if let Err(error) = answer {
                return ticket.settle(AttemptOutcome::Failed(anyhow::Error::from(error).context("the log did not take it")));
            }
            if let Some(reason) = tally.quarantined {
                let path = ticket.file().path.as_str();
                tracing::debug!(path, reason, "quarantined: the log file cannot be read");
                progress.notes.add(Fate::Quarantined, reason, "", path);
                progress.quarantined.add(1);
            }
            progress.records.add(u64::from(tally.records));
            progress.rejected.add(u64::from(tally.rejected_total()));
            progress.bytes_in.add(size);
            progress.bytes_inflated.add(tally.inflated_bytes);
            progress.messages.add(messages);
            progress.message_bytes.add(bytes);
            ticket.settle(AttemptOutcome::Acknowledged);
        };
        self.producer.send(run, Box::new(done));
    }
}

/// What `work` makes of a file. A file that makes it panic is quarantined: it would do so each time.
fn whole_or_quarantined(file: &LogFile, scratch: &mut Scratch, work: impl FnOnce(&mut Scratch) -> Transformed) -> Transformed {
    catch_unwind(AssertUnwindSafe(|| work(scratch))).unwrap_or_else(|panic| {
        // The panic may have left it in any state.
        *scratch = Scratch::default();
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let detail = format!("the transform panicked: {}", said.unwrap_or("it did not say why"));
        unreadable(&file.source_object, &file.etag, PANICKED, &detail)
    })
}

/// The probable size of a file when it is inflated: what its last member says (RFC 1952, ISIZE) or the usual ratio, whichever is more.
/// This estimate only decides how many files are inflated side by side; the bound is enforced while inflating.
fn expected_inflated(gz: &[u8]) -> u64 {
    let said = gz.last_chunk::<4>().map_or(0, |isize| u64::from(u32::from_le_bytes(*isize)));
    said.max(gz.len() as u64 * EXPECTED_RATIO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::message::{EndOfFile, EndStatus};

    #[test]
    fn a_file_that_makes_the_transform_panic_is_quarantined_with_the_reason() {
        let file = LogFile { source_object: "AWSLogs/x.json.gz".into(), etag: "e".into(), ..LogFile::default() };
        for (panic, said) in [("on purpose", "on purpose"), ("{}", "{}")] {
            let Transformed { run, tally } = whole_or_quarantined(&file, &mut Scratch::default(), |_| panic!("{panic}"));
            assert_eq!((tally.quarantined, run.messages.len()), (Some(PANICKED), 1));
            let end = EndOfFile::parse(run.messages.iter().next().unwrap().1).unwrap();
            assert_eq!((end.status, end.source_object.as_str()), (EndStatus::Quarantined, "AWSLogs/x.json.gz"));
            assert_eq!(end.detail.unwrap(), format!("the transform panicked: {said}"));
        }
    }

    #[test]
    fn the_estimate_is_what_the_file_says_or_the_usual_ratio() {
        assert_eq!(expected_inflated(&[]), 0);
        assert_eq!(expected_inflated(&[0, 0, 0, 0, 0]), 80);
        assert_eq!(expected_inflated(&[9, 0, 0, 1, 0]), 65536);
    }
}
