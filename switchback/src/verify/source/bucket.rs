//! A bucket, or a prefix of one.

use super::shape::from_tree;
use super::{Found, Object, PAGE, Page};
use crate::verify::patience::Patience;
use common::store::{Content, Store, StoreError};
use std::fmt;
use tokio::sync::mpsc;

/// A bucket and prefix.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    store: Store,
    patience: Patience,
    /// What comes before a listed key in the bucket: empty, or ending in `/`.
    prefix: String,
    shown: String,
}

impl Bucket {
    pub(super) fn new(store: Store, patience: Patience, prefix: &str, shown: String) -> Bucket {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{}/", prefix.trim_matches('/')) };
        Bucket { store, patience, prefix, shown }
    }

    pub(super) async fn list(&self, pages: &mpsc::Sender<Page>) {
        let mut after: Option<String> = None;
        loop {
            let page = self.patience.ask(|| self.store.list_after("", after.as_deref(), PAGE)).await;
            let is_last = page.as_ref().map_or(true, Vec::is_empty);
            let page = page.map(|entries| {
                after = entries.last().map(|entry| entry.key.clone());
                entries.into_iter().map(|entry| self.found(entry.key, entry.size)).collect()
            });
            if pages.send(page).await.is_err() || is_last {
                return;
            }
        }
    }

    fn found(&self, key: String, size: u64) -> Found {
        let whole = format!("{}{key}", self.prefix);
        let name = from_tree(&whole).unwrap_or(&whole).to_owned();
        Found::Object(Object { path: key, name, size })
    }

    pub(super) async fn get(&self, key: &str, room: u64) -> Result<Content, StoreError> {
        self.patience.ask(|| self.store.get_listed(key, room)).await
    }

    pub(super) fn is_silent(&self) -> bool {
        self.patience.is_over()
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
