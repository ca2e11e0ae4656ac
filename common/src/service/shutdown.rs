//! The shutdown token that all threads and tasks watch: the first SIGTERM or Ctrl-C requests a shutdown, the second ends the process at once.

use std::sync::Arc;
use tokio::sync::watch;

/// Exit status after a second signal: what a shell shows for a process that a Ctrl-C ended.
const EXIT_INTERRUPTED: i32 = 130;

/// A cloneable token: whether shutdown was requested.
#[derive(Debug, Clone)]
pub struct Shutdown {
    is_requested: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { is_requested: Arc::new(watch::Sender::new(false)) }
    }
}

impl Shutdown {
    /// A token on which shutdown has not been requested; it does not listen to signals.
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// A token that SIGTERM and Ctrl-C set; a second signal ends the process at once, whatever still runs.
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

    /// Requests shutdown.
    pub fn request(&self) {
        self.is_requested.send_replace(true);
    }

    /// True once shutdown was requested.
    pub fn requested(&self) -> bool {
        *self.is_requested.borrow()
    }

    /// Returns once shutdown was requested. Cancel-safe.
    pub async fn wait(&self) {
        let mut requested = self.is_requested.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = requested.wait_for(|requested| *requested).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_a_request_made_before_or_after_it_waits() {
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
