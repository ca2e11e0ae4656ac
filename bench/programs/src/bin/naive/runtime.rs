//! What rdkafka's own `tokio` feature would bring; turned on, it would get into our binaries as well.

use rdkafka::util::AsyncRuntime;
use std::time::Duration;

pub(crate) struct Tokio;

impl AsyncRuntime for Tokio {
    type Delay = tokio::time::Sleep;

    fn spawn<T: Future<Output = ()> + Send + 'static>(task: T) {
        tokio::spawn(task);
    }

    fn delay_for(duration: Duration) -> Self::Delay {
        tokio::time::sleep(duration)
    }
}
