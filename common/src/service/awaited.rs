//! Says what is being waited for: a process that stands still at an endpoint that does not answer names it, and the setting that it is from.

use std::pin::pin;
use std::time::Duration;

/// How long an answer may take before that is worth a line. Longer than a healthy store or broker takes under load.
const FIRST: Duration = Duration::from_secs(8);
/// How often it is said again.
const AGAIN: Duration = Duration::from_secs(30);

/// Waits for `work`, and says so in a line when it takes long: `what` is awaited, and `setting` names it.
pub async fn awaited<T>(what: &str, setting: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let (mut waited, mut word) = (Duration::ZERO, FIRST);
    loop {
        if let Ok(done) = tokio::time::timeout(word, &mut work).await {
            return done;
        }
        waited += word;
        word = AGAIN;
        tracing::warn!(setting, "no answer for {} s: still waiting for {what}", waited.as_secs());
    }
}
