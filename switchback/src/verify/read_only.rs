//! How a table is read: the two calls of its store that `verify` needs, each repeated for a while. It has no others, so it changes nothing.

use super::patience::Patience;
use bytes::Bytes;
use common::store::{Entry, Store, StoreError};
use std::fmt;

/// The store of a table, for reading.
#[derive(Debug, Clone)]
pub(crate) struct ReadOnlyStore {
    store: Store,
    patience: Patience,
}

impl ReadOnlyStore {
    pub(crate) fn new(store: Store) -> ReadOnlyStore {
        let patience = Patience::with(&store.to_string());
        ReadOnlyStore { store, patience }
    }

    /// The whole object; `None` when there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.patience.ask(|| self.store.get(key)).await
    }

    /// Up to `limit` objects below `prefix`, in the order of keys, from the first one after `after` on.
    pub(crate) async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.patience.ask(|| self.store.list_after(prefix, after, limit)).await
    }
}

impl fmt::Display for ReadOnlyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}
