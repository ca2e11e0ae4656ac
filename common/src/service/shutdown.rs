//! One wish to end, seen by every thread and task: the first SIGTERM or Ctrl-C asks, the second one insists.

use std::sync::Arc;
use tokio::sync::watch;

/// Exit status after a second signal: what a shell shows for a process that a Ctrl-C ended.
const EXIT_INTERRUPTED: i32 = 130;

/// A cloneable token: whether the process was asked to end.
#[derive(Debug, Clone)]
pub struct Shutdown {
    asked: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { asked: Arc::new(watch::Sender::new(false)) }
    }
}

impl Shutdown {
    /// A token that nobody has asked yet, and that hears no signals.
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// A token that SIGTERM and Ctrl-C ask; a second signal ends the process at once, whatever still runs.
    ///
    /// Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses the signal handlers.
    pub fn on_signals() -> std::io::Result<Shutdown> {
        use tokio::signal::unix::{SignalKind, signal};
        let shutdown = Shutdown::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let token = shutdown.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => (),
                    _ = interrupt.recv() => (),
                }
                if token.requested() {
                    std::process::exit(EXIT_INTERRUPTED);
                }
                tracing::info!("asked to end: finishing what is under way (a second signal ends at once)");
                token.request();
            }
        });
        Ok(shutdown)
    }

    /// Asks for the end.
    pub fn request(&self) {
        self.asked.send_replace(true);
    }

    /// True once the end was asked for.
    pub fn requested(&self) -> bool {
        *self.asked.borrow()
    }

    /// Returns once the end was asked for. Cancel-safe.
    pub async fn wait(&self) {
        let mut asked = self.asked.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = asked.wait_for(|asked| *asked).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_the_wish_before_and_after_it_is_made() {
        let shutdown = Shutdown::new();
        let waiter = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
        assert!(!shutdown.requested());
        shutdown.clone().request();
        waiter.await.unwrap();
        assert!(shutdown.requested());
        shutdown.wait().await;
    }
}
