//! A log file under way. Its ticket comes back exactly once per attempt, whatever happens to the thread that held it: so no log file
//! that a source has named can be forgotten.

use crate::receipt::Receipt;
use crate::source::LogFile;
use anyhow::anyhow;
use common::store::StoreError;
use tokio::sync::mpsc;

/// What came of one attempt on a log file.
#[derive(Debug)]
pub(crate) enum AttemptOutcome {
    /// Every message of the file is durable.
    Acknowledged,
    /// The file is gone; counted.
    Vanished,
    /// Its source did not give it.
    NotGiven(StoreError),
    /// Not begun, because we are stopping.
    Dropped,
    /// Anything else: the file again, from 0.
    Failed(anyhow::Error),
}

/// A log file to be ingested.
#[derive(Debug, Default)]
pub(crate) struct Job {
    pub(crate) file: LogFile,
    /// [`LogFile::fingerprint`].
    pub(crate) fingerprint: u128,
    /// What to do when it is acknowledged.
    pub(crate) receipt: Receipt,
    /// Attempts before this one.
    pub(crate) attempt: u32,
}

/// A job that has come back.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) job: Job,
    pub(crate) outcome: AttemptOutcome,
}

/// Where settled jobs go. Producers' threads answer here and must not wait; there is one answer for each ticket, and the tickets out are
/// bounded.
#[expect(clippy::disallowed_types, reason = "the tickets are bounded, and a ticket that is dropped cannot wait")]
pub(crate) type SettledSender = mpsc::UnboundedSender<Settled>;
/// The other end of [`SettledSender`].
#[expect(clippy::disallowed_types, reason = "the tickets are bounded, and a ticket that is dropped cannot wait")]
pub(crate) type SettledReceiver = mpsc::UnboundedReceiver<Settled>;

/// A job on its way; it comes back as failed when the ticket is dropped unsettled.
#[derive(Debug)]
pub(crate) struct Ticket {
    job: Job,
    /// Taken when settled.
    settled: Option<SettledSender>,
}

impl Ticket {
    pub(crate) fn new(job: Job, settled: SettledSender) -> Ticket {
        Ticket { job, settled: Some(settled) }
    }

    pub(crate) fn file(&self) -> &LogFile {
        &self.job.file
    }

    /// Corrects the size, when the file has grown since it was listed.
    pub(crate) fn set_size(&mut self, bytes: u64) {
        self.job.file.size = bytes;
    }

    /// Ends the attempt.
    pub(crate) fn settle(mut self, outcome: AttemptOutcome) {
        self.answer(outcome);
    }

    fn answer(&mut self, outcome: AttemptOutcome) {
        if let Some(settled) = self.settled.take() {
            // There is no receiver only when the whole run has failed.
            let _ = settled.send(Settled { job: std::mem::take(&mut self.job), outcome });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Asked first, because an error may take a backtrace with it, and nearly all tickets are settled.
        if self.settled.is_some() {
            self.answer(AttemptOutcome::Failed(anyhow!("the work on it was cut off")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a thread that panics")]
    fn a_ticket_comes_back_once_even_when_its_thread_panics() {
        let (sender, mut settled) = mpsc::unbounded_channel();
        let file = LogFile { path: "a".into(), ..LogFile::default() };
        let job = |attempt| Job { file: file.clone(), receipt: Receipt::Processed(7), attempt, ..Job::default() };
        Ticket::new(job(3), sender.clone()).settle(AttemptOutcome::Acknowledged);
        let ticket = Ticket::new(job(4), sender);
        let thread = std::thread::spawn(move || {
            let _held = ticket;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        let first = settled.try_recv().unwrap();
        assert!(matches!(first.outcome, AttemptOutcome::Acknowledged) && first.job.attempt == 3);
        let second = settled.try_recv().unwrap();
        assert!(matches!(second.outcome, AttemptOutcome::Failed(_)) && second.job.attempt == 4);
        assert_eq!((second.job.file.path.as_str(), second.job.receipt), ("a", Receipt::Processed(7)));
        assert!(settled.try_recv().is_err());
    }
}
