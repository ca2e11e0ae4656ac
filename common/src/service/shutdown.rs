//! The shutdown token that all threads and tasks watch: the first SIGTERM or Ctrl-C requests a shutdown, the second ends the process at once.

use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A cloneable token: whether shutdown was requested, and by which signal.
#[derive(Debug, Clone)]
pub struct Shutdown {
    request: Arc<watch::Sender<Request>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    None,
    ByUs,
    BySignal(SignalKind),
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { request: Arc::new(watch::Sender::new(Request::None)) }
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
        let shutdown = Shutdown::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let token = shutdown.clone();
        tokio::spawn(async move {
            loop {
                let kind = tokio::select! {
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = interrupt.recv() => SignalKind::interrupt(),
                };
                if token.requested() {
                    std::process::exit(exit_status(kind).into());
                }
                tracing::info!("asked to end: finishing what is under way (a second signal ends at once)");
                token.request.send_replace(Request::BySignal(kind));
            }
        });
        Ok(shutdown)
    }

    /// Requests shutdown.
    pub fn request(&self) {
        self.request.send_if_modified(|request| {
            let is_first = *request == Request::None;
            if is_first {
                *request = Request::ByUs;
            }
            is_first
        });
    }

    /// True once shutdown was requested.
    pub fn requested(&self) -> bool {
        *self.request.borrow() != Request::None
    }

    /// The exit status of a process that a signal ended before its work was done, as a shell shows it: 143 for SIGTERM, 130 for Ctrl-C.
    /// `None` when no signal came.
    pub fn exit_status(&self) -> Option<u8> {
        match *self.request.borrow() {
            Request::BySignal(kind) => Some(exit_status(kind)),
            Request::None | Request::ByUs => None,
        }
    }

    /// Returns once shutdown was requested. Cancel-safe.
    pub async fn wait(&self) {
        let mut request = self.request.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = request.wait_for(|request| *request != Request::None).await;
    }
}

/// 128 and the signal's number, POSIX's convention.
fn exit_status(kind: SignalKind) -> u8 {
    u8::try_from(128 + kind.as_raw_value()).unwrap_or(u8::MAX)
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
        assert_eq!(shutdown.exit_status(), None, "no signal came");
    }

    #[test]
    fn a_signal_has_the_exit_status_that_shells_show() {
        for (kind, expect) in [(SignalKind::terminate(), 143), (SignalKind::interrupt(), 130)] {
            let shutdown = Shutdown::new();
            shutdown.request.send_replace(Request::BySignal(kind));
            shutdown.request();
            assert_eq!(shutdown.exit_status(), Some(expect));
        }
    }
}
