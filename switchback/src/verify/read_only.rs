//! How a table is read: the two calls of its store that `verify` needs, each retried for a while. It has no others, so it changes nothing.

use bytes::Bytes;
use common::store::{Entry, Store, StoreError, retry::with_retry};
use std::fmt;
use std::time::Duration;

/// How long a store that does not answer is asked again.
const DEADLINE: Duration = Duration::from_secs(60);

/// The store of a table, for reading.
#[derive(Debug, Clone)]
pub(crate) struct ReadOnlyStore(Store);

impl ReadOnlyStore {
    pub(crate) fn new(store: Store) -> ReadOnlyStore {
        ReadOnlyStore(store)
    }

    /// The whole object; `None` when there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        with_retry(DEADLINE, || self.0.get(key)).await
    }

    /// Up to `limit` objects below `prefix`, in the order of keys, from the first one after `after` on.
    pub(crate) async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        with_retry(DEADLINE, || self.0.list_after(prefix, after, limit)).await
    }
}

impl fmt::Display for ReadOnlyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
