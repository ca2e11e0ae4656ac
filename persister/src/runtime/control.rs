//! What a running persister can be told from outside.

use common::service::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};

/// A handle that may be cloned; every clone speaks to the same persister.
#[derive(Debug, Clone, Default)]
pub struct Control {
    shutdown: Shutdown,
    drain: Arc<Mutex<Option<Vec<u64>>>>,
}

impl Control {
    /// Of a persister that ends when this token is asked.
    pub fn new(shutdown: Shutdown) -> Control {
        Control { shutdown, drain: Arc::default() }
    }

    /// From now on a partition that has reached this offset (by partition number) is sealed at once: nothing more is expected.
    pub fn drain_to(&self, ends: Vec<u64>) {
        *self.drain.lock().unwrap_or_else(PoisonError::into_inner) = Some(ends);
    }

    /// Asks for the end: what is open is sealed and published.
    pub fn end(&self) {
        self.shutdown.request();
    }

    /// The offsets, if they were told since the last time.
    pub(super) fn take_drain(&self) -> Option<Vec<u64>> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.shutdown.requested()
    }
}
