//! A bucket (or a prefix of one) as a source.

use super::{PAGE, Page, Skipped, skip};
use crate::progress::Progress;
use crate::source::{LogFile, Wanted};
use common::cloudtrail::source_object;
use common::failure::Class;
use common::store::retry::with_retry;
use common::store::{Content, Location, Store, StoreError};
use std::fmt;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long one listing page or one object may be tried for. S3's 503s pass in seconds; a region's trouble does not pass in minutes.
const DEADLINE: Duration = Duration::from_secs(120);

/// A bucket and prefix.
#[derive(Debug, Clone)]
pub struct S3Source {
    store: Store,
    /// What stands before a listed key in the bucket; empty or ending in `/`.
    prefix: String,
    name: String,
}

impl S3Source {
    pub(in crate::source) async fn open(location: &Location, prefix: &str) -> Result<S3Source, StoreError> {
        Ok(S3Source::over(Store::open(location).await?, prefix, location.to_string()))
    }

    /// Reads from any store, as if its root were `prefix` in a bucket.
    fn over(store: Store, prefix: &str, name: String) -> S3Source {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            inner => format!("{inner}/"),
        };
        S3Source { store, prefix, name }
    }

    pub(in crate::source) async fn list(&self, progress: &Progress, pages: &mpsc::Sender<Page>) {
        let mut skipped = Skipped::default();
        let mut after: Option<String> = None;
        loop {
            let entries = match with_retry(DEADLINE, || self.store.list_after("", after.as_deref(), PAGE)).await {
                Ok(entries) => entries,
                Err(error) => {
                    let _ = pages.send(Err(error)).await;
                    return;
                }
            };
            let Some(last) = entries.last() else { return };
            after = Some(last.key.clone());
            let mut files = Vec::with_capacity(entries.len());
            for entry in entries {
                let key = format!("{}{}", self.prefix, entry.key);
                let object = source_object(&key);
                match skip(object) {
                    Some(kind) => skipped.count(kind),
                    None => files.push(LogFile {
                        source_object: object.to_owned(),
                        path: entry.key,
                        size: entry.size,
                        etag: entry.etag,
                    }),
                }
            }
            progress.raise_skipped(&skipped.0);
            if !files.is_empty() && pages.send(Ok(files)).await.is_err() {
                return;
            }
        }
    }

    pub(in crate::source) async fn read(&self, file: &Wanted) -> Result<Content, StoreError> {
        with_retry(DEADLINE, || self.store.get_listed(&file.path, file.room)).await
    }
}

/// True when a refusal is about this one object and no reason to stop: it was moved to an archive by a lifecycle rule (S3 answers
/// `InvalidObjectState`), or others could be read and this one cannot (its own KMS key, its own policy).
pub(in crate::source) fn refuses_one_object(error: &StoreError, others_were_read: bool) -> bool {
    matches!(error.class, Class::Config | Class::Fatal) && (error.why.starts_with("InvalidObjectState") || others_were_read)
}

impl fmt::Display for S3Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_the_objects_own_when_others_could_be_read_or_it_is_archived() {
        let error = |class, why: &str| StoreError { class, what: "get x".into(), why: why.into() };
        let denied = error(Class::Config, "AccessDenied: no (status 403)");
        assert!(!refuses_one_object(&denied, false) && refuses_one_object(&denied, true));
        assert!(refuses_one_object(&error(Class::Config, "InvalidObjectState: archived (status 403)"), false));
        assert!(!refuses_one_object(&error(Class::Retry, "SlowDown"), true));
    }
}
