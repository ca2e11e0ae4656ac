//! The bystander: a thread that checks the table every few seconds, whatever the scenario is doing.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tests::watch::{Seen, Watch};

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(2);

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sight {
    /// The last look at which the table could be seen.
    pub(crate) last: Seen,
    /// Looks at which it could.
    pub(crate) checks: u64,
    /// Looks at which it could not.
    pub(crate) blind: u64,
}

/// The thread.
pub(crate) struct Bystander {
    sight: Arc<Mutex<Sight>>,
    stop: Sender<()>,
    thread: JoinHandle<Watch>,
}

impl Bystander {
    /// Begins to look.
    pub(crate) fn start(mut watch: Watch) -> Bystander {
        let sight = Arc::new(Mutex::new(Sight::default()));
        let (stop, stopped) = channel();
        let thread = std::thread::spawn({
            let sight = Arc::clone(&sight);
            move || {
                look(&mut watch, &sight, &stopped);
                watch
            }
        });
        Bystander { sight, stop, thread }
    }

    /// What was seen so far. A judge that failed is found by [`Bystander::is_over`].
    pub(crate) fn sight(&self) -> Sight {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True when the judge itself has failed.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends the looking; the judge can be asked once more.
    pub(crate) fn stop(self) -> Watch {
        // Gone already when the judge has failed: then joining says why.
        let _ = self.stop.send(());
        self.thread.join().expect("the judge has failed; see above")
    }
}

fn look(watch: &mut Watch, sight: &Mutex<Sight>, stopped: &Receiver<()>) {
    loop {
        let seen = watch.look();
        let mut sight = sight.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.blind.is_some() {
            sight.blind += 1;
        } else {
            sight.checks += 1;
            let before = std::mem::take(&mut sight.last.problems);
            sight.last = seen;
            // Told once by the judge, kept here.
            sight.last.problems.splice(0..0, before);
        }
        drop(sight);
        if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
