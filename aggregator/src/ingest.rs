//! One log file from bytes to acknowledgement, and the threads that do it.

use crate::fetch::{Body, Work};
use crate::gate::{AWAITING_BYTES, Gate, INFLATING_BYTES};
use crate::progress::Progress;
use crate::source::Source;
use crate::ticket::{End, Ticket};
use crate::transform::{Scratch, Transformed, transform, unreadable};
use anyhow::anyhow;
use common::limits::{MAX_KEPT_BUFFER_BYTES, MAX_LOG_FILE_BYTES};
use common::log::Producer;
use common::service::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Inflated bytes for each compressed one that room is made for. CloudTrail's JSON has about 16.
const EXPECTED_RATIO: u64 = 16;

/// Files that a worker takes at a time, where so many wait: with small ones, waking a thread for each costs more than the file.
const HANDFUL: usize = 8;

/// What all workers share.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) source: Source,
    pub(crate) producer: Arc<dyn Producer>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) stop: Shutdown,
    inflating: Gate,
    awaiting: Gate,
    runtime: Handle,
}

impl Shop {
    /// Must be called on a tokio runtime.
    pub(crate) fn new(source: Source, producer: Arc<dyn Producer>, progress: Arc<Progress>, stop: Shutdown) -> Shop {
        let (inflating, awaiting) = (Gate::new(INFLATING_BYTES), Gate::new(AWAITING_BYTES));
        Shop { source, producer, progress, stop, inflating, awaiting, runtime: Handle::current() }
    }

    /// Starts `threads` workers; each ends when there is no more work. Plain threads, because inflating takes the processor and sending
    /// blocks while the log's queue is full.
    pub(crate) fn open(&self, threads: usize, work: mpsc::Receiver<Work>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let work = Arc::new(Mutex::new(work));
        (0..threads)
            .map(|at| {
                let (shop, work) = (self.clone(), Arc::clone(&work));
                std::thread::Builder::new().name(format!("ingest-{at}")).spawn(move || shop.serve(&work))
            })
            .collect()
    }

    fn serve(&self, work: &Mutex<mpsc::Receiver<Work>>) {
        let (mut bench, mut hand) = (Bench::default(), Vec::with_capacity(HANDFUL));
        loop {
            // One worker waits for work, the others for it.
            let taken = work.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv_many(&mut hand, HANDFUL);
            if taken == 0 {
                return;
            }
            for Work { ticket, body } in hand.drain(..) {
                if self.stop.requested() {
                    ticket.settle(End::Dropped);
                } else {
                    self.ingest(ticket, body, &mut bench);
                }
            }
        }
    }

    /// Read, transform, send; the rest happens when the log answers.
    fn ingest(&self, ticket: Ticket, body: Body, bench: &mut Bench) {
        let (bytes, fetched) = match body {
            Body::TooLarge => return self.put_aside(ticket, "larger than a log file can be"),
            Body::Fetched(bytes, pass) => (Some(bytes), Some(pass)),
            Body::Local => match self.read(ticket.file().path.as_str(), &mut bench.file) {
                Ok(()) if bench.file.len() as u64 > MAX_LOG_FILE_BYTES => {
                    return self.put_aside(ticket, "larger than a log file can be");
                }
                Ok(()) => (None, None),
                Err(end) => return ticket.settle(end),
            },
        };
        let gz: &[u8] = bytes.as_deref().unwrap_or(&bench.file);
        let size = gz.len() as u64;
        let inflating = self.inflating.pass_blocking(expected_inflated(gz), &self.runtime);
        let (file, scratch) = (ticket.file(), &mut bench.scratch);
        let transformed = catch_unwind(AssertUnwindSafe(|| transform(&file.source_object, &file.etag, gz, scratch)));
        drop((bytes, fetched));
        bench.file.clear();
        bench.file.shrink_to(MAX_KEPT_BUFFER_BYTES);
        match transformed {
            Ok(transformed) => self.send(ticket, transformed, size),
            Err(_) => {
                // Its state is anybody's guess.
                bench.scratch = Scratch::default();
                ticket.settle(End::Failed(anyhow!("transforming it panicked")));
            }
        }
        drop(inflating);
    }

    fn read(&self, path: &str, into: &mut Vec<u8>) -> Result<(), End> {
        let Source::Local(source) = &self.source else {
            return Err(End::Failed(anyhow!("a worker was to read a file that is not local")));
        };
        source.read(path, into).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => End::Vanished,
            _ => {
                tracing::warn!(path, %error, "passed over: the file cannot be read");
                End::Unreadable
            }
        })
    }

    /// A file that is not even looked into.
    fn put_aside(&self, ticket: Ticket, detail: &str) {
        let file = ticket.file();
        let transformed = unreadable(&file.source_object, &file.etag, "too_large", detail);
        self.send(ticket, transformed, 0);
    }

    fn send(&self, ticket: Ticket, transformed: Transformed, size: u64) {
        let Transformed { run, tally } = transformed;
        let (messages, bytes) = (run.messages.len() as u64, run.messages.byte_len() as u64);
        let awaiting = self.awaiting.pass_blocking(bytes, &self.runtime);
        let progress = Arc::clone(&self.progress);
        let done = move |answer: Result<(), common::log::LogError>| {
            drop(awaiting);
            if let Err(error) = answer {
                return ticket.settle(End::Failed(anyhow::Error::from(error).context("the log did not take it")));
            }
            if let Some(reason) = tally.quarantined {
                let path = ticket.file().path.as_str();
                tracing::warn!(path, reason, "quarantined: the log file cannot be read");
                progress.quarantined.add(1);
            }
            progress.records.add(u64::from(tally.records));
            progress.rejected.add(u64::from(tally.rejected_total()));
            progress.bytes_in.add(size);
            progress.bytes_inflated.add(tally.inflated_bytes);
            progress.messages.add(messages);
            progress.message_bytes.add(bytes);
            ticket.settle(End::Acknowledged);
        };
        self.producer.send(run, Box::new(done));
    }
}

/// A worker's own buffers.
#[derive(Default)]
struct Bench {
    file: Vec<u8>,
    scratch: Scratch,
}

/// How large a file will probably be inflated: what its last member says (RFC 1952, ISIZE) or what its like are, whichever is more.
/// A guess that decides only how many files are inflated side by side; what holds is the cap while inflating.
fn expected_inflated(gz: &[u8]) -> u64 {
    let said = gz.last_chunk::<4>().map_or(0, |isize| u64::from(u32::from_le_bytes(*isize)));
    said.max(gz.len() as u64 * EXPECTED_RATIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_for_a_file_is_what_it_says_or_what_its_like_are() {
        assert_eq!(expected_inflated(&[]), 0);
        assert_eq!(expected_inflated(&[0, 0, 0, 0, 0]), 80);
        assert_eq!(expected_inflated(&[9, 0, 0, 1, 0]), 65536);
    }
}
