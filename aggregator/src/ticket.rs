//! A log file under way. It comes back exactly once per attempt, whatever happens to the thread that held it: the promise
//! that nothing listed is forgotten hangs on this.

use crate::source::LogFile;
use anyhow::anyhow;
use tokio::sync::mpsc::UnboundedSender;

/// What came of one attempt on a log file.
#[derive(Debug)]
pub(crate) enum AttemptOutcome {
    /// Every message of the file is durable.
    Acknowledged,
    /// The file is gone; counted.
    Vanished,
    /// The system would not let us read it; counted.
    Unreadable,
    /// Not begun, because we are stopping.
    Dropped,
    /// Anything else: the file again, from 0.
    Failed(anyhow::Error),
}

/// A ticket that has come back.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) file: LogFile,
    /// Attempts before this one.
    pub(crate) attempt: u32,
    pub(crate) outcome: AttemptOutcome,
}

/// A log file on its way; settles as failed when it is dropped unsettled.
#[derive(Debug)]
pub(crate) struct Ticket {
    file: LogFile,
    attempt: u32,
    /// Taken when settled. Unbounded, because producers' threads answer here and must not wait; there is one answer per
    /// ticket, and the tickets out are bounded.
    settled: Option<UnboundedSender<Settled>>,
}

impl Ticket {
    pub(crate) fn new(file: LogFile, attempt: u32, settled: UnboundedSender<Settled>) -> Ticket {
        Ticket { file, attempt, settled: Some(settled) }
    }

    pub(crate) fn file(&self) -> &LogFile {
        &self.file
    }

    /// Ends the attempt.
    pub(crate) fn settle(mut self, outcome: AttemptOutcome) {
        self.answer(outcome);
    }

    fn answer(&mut self, outcome: AttemptOutcome) {
        if let Some(settled) = self.settled.take() {
            // Nobody listens any more only when the whole run has failed.
            let _ = settled.send(Settled { file: std::mem::take(&mut self.file), attempt: self.attempt, outcome });
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
    fn a_ticket_comes_back_once_even_when_its_thread_panics() {
        let (sender, mut settled) = tokio::sync::mpsc::unbounded_channel();
        let file = LogFile { path: "a".into(), ..LogFile::default() };
        Ticket::new(file.clone(), 3, sender.clone()).settle(AttemptOutcome::Acknowledged);
        let ticket = Ticket::new(file.clone(), 4, sender);
        let thread = std::thread::spawn(move || {
            let _held = ticket;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        let first = settled.try_recv().unwrap();
        assert!(matches!(first, Settled { file: f, attempt: 3, outcome: AttemptOutcome::Acknowledged } if f == file));
        let second = settled.try_recv().unwrap();
        assert!(matches!(second, Settled { file: f, attempt: 4, outcome: AttemptOutcome::Failed(_) } if f == file));
        assert!(settled.try_recv().is_err());
    }
}
