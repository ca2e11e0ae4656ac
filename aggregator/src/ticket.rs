//! A log file under way. It comes back exactly once per attempt, whatever happens to the thread that held it: the promise
//! that nothing listed is forgotten hangs on this.

use crate::source::LogFile;
use anyhow::anyhow;
use tokio::sync::mpsc::UnboundedSender;

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum End {
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

/// What comes back.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) file: LogFile,
    /// Attempts before this one.
    pub(crate) attempt: u32,
    pub(crate) end: End,
}

/// A log file on its way; settles as failed when it is dropped unsettled.
#[derive(Debug)]
pub(crate) struct Ticket {
    file: LogFile,
    attempt: u32,
    /// Taken when settled. Unbounded, because producers' threads answer here and must not wait; there is one answer per
    /// ticket, and the tickets out are bounded.
    outcomes: Option<UnboundedSender<Outcome>>,
}

impl Ticket {
    pub(crate) fn new(file: LogFile, attempt: u32, outcomes: UnboundedSender<Outcome>) -> Ticket {
        Ticket { file, attempt, outcomes: Some(outcomes) }
    }

    pub(crate) fn file(&self) -> &LogFile {
        &self.file
    }

    /// Ends the attempt.
    pub(crate) fn settle(mut self, end: End) {
        self.answer(end);
    }

    fn answer(&mut self, end: End) {
        if let Some(outcomes) = self.outcomes.take() {
            // Nobody listens any more only when the whole run has failed.
            let _ = outcomes.send(Outcome { file: std::mem::take(&mut self.file), attempt: self.attempt, end });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Asked first, because an error may take a backtrace with it, and nearly all tickets are settled.
        if self.outcomes.is_some() {
            self.answer(End::Failed(anyhow!("the work on it was cut off")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_comes_back_once_even_when_its_thread_panics() {
        let (sender, mut outcomes) = tokio::sync::mpsc::unbounded_channel();
        let file = LogFile { path: "a".into(), ..LogFile::default() };
        Ticket::new(file.clone(), 3, sender.clone()).settle(End::Acknowledged);
        let ticket = Ticket::new(file.clone(), 4, sender);
        let thread = std::thread::spawn(move || {
            let _held = ticket;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        let first = outcomes.try_recv().unwrap();
        assert!(matches!(first, Outcome { file: f, attempt: 3, end: End::Acknowledged } if f == file));
        let second = outcomes.try_recv().unwrap();
        assert!(matches!(second, Outcome { file: f, attempt: 4, end: End::Failed(_) } if f == file));
        assert!(outcomes.try_recv().is_err());
    }
}
