//! The start-up probe: does this store really honour put-if-absent? Many servers that speak S3 accept the condition
//! (`If-None-Match: *`) and ignore it; on such a store two writers would silently overwrite each other.

use super::retry::with_retry;
use super::{Put, Store, StoreError, nonce};
use crate::failure::Class;
use bytes::Bytes;
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;

/// Racers for one key: enough that a check-then-write server lets two of them win.
const RACERS: u32 = 8;
/// For one call with its retries; a server under load may need a while to settle a race.
const PATIENCE: Duration = Duration::from_secs(30);
const INSTEAD: &str =
    "use AWS S3, a server with atomic If-None-Match (SeaweedFS 4.17 or newer, MinIO, a recent Ceph RGW), or a local directory";

/// What the probe needs of a store; besides [`Store`] only the fakes of its own tests have it.
pub(super) trait Target: Clone + Send + Sync + 'static {
    fn put_if_absent(&self, key: &str, body: Bytes) -> impl Future<Output = Result<Put, StoreError>> + Send;
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
    fn name(&self) -> String;
}

impl Target for Store {
    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put, StoreError> {
        Store::put_if_absent(self, key, body).await
    }
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Store::get(self, key).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let entries = self.list_after(prefix, None, 10).await?;
        Ok(entries.into_iter().map(|entry| entry.key).collect())
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        Store::delete(self, key).await
    }
    fn name(&self) -> String {
        self.to_string()
    }
}

/// Runs the probe and cleans up after it, also when it fails.
pub(super) async fn probe<T: Target>(target: &T) -> Result<(), StoreError> {
    let prefix = format!("_probe/{}", nonce::name());
    let keys = [format!("{prefix}-once"), format!("{prefix}-race")];
    let answer = ask(target, &prefix, &keys).await;
    for key in &keys {
        // A writer may lack the right to delete; then a few small objects stay, which nobody reads.
        if let Err(error) = target.delete(key).await {
            tracing::debug!(%error, "a probe's object stays");
        }
    }
    answer.map_err(|error| match error.class {
        // Nothing to read back: another probe takes fresh keys.
        Class::Unclear => StoreError { class: Class::Retry, ..error },
        _ => error,
    })
}

async fn ask<T: Target>(target: &T, prefix: &str, [once, race]: &[String; 2]) -> Result<(), StoreError> {
    let refuse = |why: &str| {
        let what = format!("use {} for a table", target.name());
        Err(StoreError::new(Class::Config, what, format!("it does not honour conditional puts ({why}); {INSTEAD}")))
    };

    let body = Bytes::from(format!("{prefix} was here.\n").repeat(100));
    if put(target, once, &body).await? != Put::Created {
        return refuse("a put to a key that was never used found an object there");
    }
    if put(target, once, &Bytes::from_static(b"second")).await? != Put::Exists {
        return refuse("a second put to the same key was taken");
    }
    // Also finds servers that keep the framing of `aws-chunked` uploads as if it were content.
    if read(target, once).await? != Some(body) {
        return refuse("the first put's bytes did not come back");
    }

    let winners = run_race(target, race).await?;
    let [winner] = winners.as_slice() else {
        return refuse(&format!("of {RACERS} racing puts to one key, {} were told that they won", winners.len()));
    };
    if read(target, race).await?.as_ref() != Some(winner) {
        return refuse("the winner of a race was overwritten");
    }

    let listed = with_retry(PATIENCE, || target.list(prefix)).await?;
    if listed != [once.as_str(), race.as_str()] {
        return refuse("what was put is not listed");
    }
    Ok(())
}

/// The bodies of all racers that heard that they won.
async fn run_race<T: Target>(target: &T, key: &str) -> Result<Vec<Bytes>, StoreError> {
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let (target, key, body) = (target.clone(), key.to_owned(), Bytes::from(format!("racer {racer}")));
        racers.spawn(async move { put(&target, &key, &body).await.map(|answer| (answer, body)) });
    }
    let mut winners = Vec::new();
    for answer in racers.join_all().await {
        if let (Put::Created, body) = answer? {
            winners.push(body);
        }
    }
    Ok(winners)
}

async fn put<T: Target>(target: &T, key: &str, body: &Bytes) -> Result<Put, StoreError> {
    with_retry(PATIENCE, || target.put_if_absent(key, body.clone())).await
}

async fn read<T: Target>(target: &T, key: &str) -> Result<Option<Bytes>, StoreError> {
    with_retry(PATIENCE, || target.get(key)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    /// How a fake fails to be a store.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Flaw {
        None,
        IgnoresTheCondition,
        SaysExistsButOverwrites,
        ChecksThenWrites,
        KeepsChunkFraming,
        ForgetsToList,
        NeverEmpty,
        Unclear,
    }

    #[derive(Clone)]
    struct Fake(Flaw, Arc<Mutex<BTreeMap<String, Bytes>>>);

    impl Fake {
        fn objects(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Bytes>> {
            self.1.lock().expect("not poisoned")
        }
    }

    impl Target for Fake {
        async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put, StoreError> {
            let exists = self.0 == Flaw::NeverEmpty || self.objects().contains_key(key);
            if self.0 == Flaw::ChecksThenWrites {
                // Every racer looks before any of them writes.
                for _ in 0..2 * RACERS {
                    tokio::task::yield_now().await;
                }
            }
            let body = if self.0 == Flaw::KeepsChunkFraming { [b"5\r\n", &body[..]].concat().into() } else { body };
            if self.0 == Flaw::Unclear {
                return Err(StoreError::new(Class::Unclear, "put", "no answer"));
            }
            if !exists || matches!(self.0, Flaw::IgnoresTheCondition | Flaw::SaysExistsButOverwrites) {
                self.objects().insert(key.to_owned(), body);
            }
            Ok(if exists && self.0 != Flaw::IgnoresTheCondition { Put::Exists } else { Put::Created })
        }
        async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
            Ok(self.objects().get(key).cloned())
        }
        async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
            let keys = self.objects().keys().filter(|key| key.starts_with(prefix)).cloned().collect();
            Ok(if self.0 == Flaw::ForgetsToList { Vec::new() } else { keys })
        }
        async fn delete(&self, key: &str) -> Result<(), StoreError> {
            self.objects().remove(key);
            Ok(())
        }
        fn name(&self) -> String {
            "fake".to_owned()
        }
    }

    #[tokio::test]
    async fn an_honest_store_passes_and_is_left_clean() {
        let fake = Fake(Flaw::None, Arc::default());
        probe(&fake).await.expect("passes");
        assert!(fake.objects().is_empty());
    }

    #[tokio::test]
    async fn each_flaw_is_found_named_and_cleaned_up() {
        for (flaw, expect) in [
            (Flaw::IgnoresTheCondition, "a second put to the same key was taken"),
            (Flaw::SaysExistsButOverwrites, "the first put's bytes did not come back"),
            (Flaw::ChecksThenWrites, "of 8 racing puts to one key, 8 were told that they won"),
            (Flaw::KeepsChunkFraming, "the first put's bytes did not come back"),
            (Flaw::ForgetsToList, "what was put is not listed"),
            (Flaw::NeverEmpty, "never used"),
        ] {
            let fake = Fake(flaw, Arc::default());
            let error = probe(&fake).await.expect_err("refused");
            assert_eq!(error.class, Class::Config, "{flaw:?}");
            assert!(error.why.contains(expect) && error.why.contains("use AWS S3"), "{flaw:?}: {error}");
            assert!(fake.objects().is_empty(), "{flaw:?}");
        }
    }

    #[tokio::test]
    async fn an_unclear_answer_says_nothing_about_the_store() {
        let error = probe(&Fake(Flaw::Unclear, Arc::default())).await.expect_err("not passed");
        assert_eq!(error.class, Class::Retry);
    }
}
