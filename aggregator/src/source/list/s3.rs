//! A bucket (or a prefix of one) as a source.

#![expect(clippy::disallowed_methods, reason = "a page of a listing is tried again and again")]

use super::{PAGE, Page, Trouble, skip};
use crate::progress::{Progress, Skipped};
use crate::source::{LogFile, Wanted};
use common::cloudtrail::source_object;
use common::failure::Class;
use common::service::awaited;
use common::store::retry::{Backoff, with_retry};
use common::store::{Content, Entry, Location, Store, StoreError};
use std::fmt;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long one object is tried for before it waits: S3's 503s pass in seconds, and what does not must not hold up the others.
const READ: Duration = Duration::from_secs(10);

/// First and longest pause between two attempts on a page of a listing.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// What names a source, in either program that reads one.
const SETTINGS: &str = "source.url or --from, AWS_ENDPOINT_URL";

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
    pub(in crate::source) fn over(store: Store, prefix: &str, name: String) -> S3Source {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            inner => format!("{inner}/"),
        };
        S3Source { store, prefix, name }
    }

    pub(in crate::source) async fn list(&self, progress: &Progress, pages: &mpsc::Sender<Page>, patience: Option<Duration>) {
        let mut skipped = Skipped::default();
        let mut after: Option<String> = None;
        while let Some(entries) = self.page(after.as_deref(), pages, patience).await {
            let Some(last) = entries.last() else { return };
            after = Some(last.key.clone());
            let mut files = Vec::with_capacity(entries.len());
            for entry in entries {
                let key = format!("{}{}", self.prefix, entry.key);
                let object = source_object(&key);
                match skip(object) {
                    Some(kind) => skipped.count(kind, object),
                    None => files.push(LogFile {
                        source_object: object.to_owned(),
                        path: entry.key,
                        size: entry.size,
                        etag: entry.etag,
                    }),
                }
            }
            progress.raise_skipped(&skipped);
            if !files.is_empty() && pages.send(Ok(files)).await.is_err() {
                return;
            }
        }
    }

    /// The next page, empty at the end; `None` when there will be none. Trouble is told at each attempt.
    async fn page(&self, after: Option<&str>, pages: &mpsc::Sender<Page>, patience: Option<Duration>) -> Option<Vec<Entry>> {
        let started = Instant::now();
        let (first, longest) = PAUSES;
        let mut pauses = Backoff::new(first, longest, Duration::MAX, u64::from(std::process::id()));
        loop {
            let listing = self.store.list_after("", after, PAGE);
            let error = match awaited(&format!("a listing of {}", self.name), SETTINGS, listing).await {
                Ok(entries) => return Some(entries),
                Err(error) => error,
            };
            let pause = pauses.next().unwrap_or(longest);
            if patience.is_some_and(|patience| error.class != Class::Retry || started.elapsed() + pause > patience) {
                let _ = pages.send(Err(Trouble::BrokenOff(error))).await;
                return None;
            }
            pages.send(Err(Trouble::Passing(error))).await.ok()?;
            tokio::time::sleep(pause).await;
        }
    }

    pub(in crate::source) async fn read(&self, file: &Wanted) -> Result<Content, StoreError> {
        with_retry(READ, || self.store.get_listed(&file.path, file.room)).await
    }
}

impl fmt::Display for S3Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fake::Fake;
    use bytes::Bytes;
    use std::sync::Arc;

    /// What a listing of one log file brings, in a letter each, when the bucket answers with an error so many times first.
    async fn list(class: Class, failures: u32, patience: Option<Duration>) -> String {
        let objects = [("a.json.gz".to_owned(), Bytes::new())].into();
        let source = Fake::new(objects, move |_, times| (times < failures).then_some(class)).source();
        let mut pages = source.list(Arc::default(), patience);
        let mut letters = String::new();
        while let Some(page) = pages.recv().await {
            letters.push(match page {
                Ok(_) => 'F',
                Err(Trouble::Passing(_)) => 'p',
                Err(Trouble::Gap(_)) => 'g',
                Err(Trouble::BrokenOff(_)) => 'B',
            });
        }
        letters
    }

    #[tokio::test]
    async fn trouble_is_told_at_once_and_the_listing_continues_where_it_was() {
        for class in [Class::Retry, Class::Config, Class::Fatal] {
            assert_eq!(list(class, 2, None).await, "ppF", "{class:?}");
        }
    }

    #[tokio::test]
    async fn with_a_bound_it_breaks_off_and_says_so() {
        assert_eq!(list(Class::Config, 1, Some(Duration::from_secs(60))).await, "B");
        assert_eq!(list(Class::Retry, u32::MAX, Some(Duration::from_millis(600))).await, "pB");
    }
}
