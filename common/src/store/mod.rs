//! The table's own store: S3 or a local directory behind one small interface, [`Objects`].
//!
//! Keys are relative to the table root, `/`-separated. A put is atomic: an object is there whole or not at all.
//! Retrying is the caller's business (one layer, [`retry`]); a call here is one attempt.
//!
//! `common/tests/store_conformance.rs` holds both implementations to the same promises.

#![expect(clippy::disallowed_methods, reason = "retries wait, and calls to a disk run on threads that may block")]

mod key;
pub mod local;
mod location;
mod nonce;
mod objects;
mod probe;
pub mod retry;
#[cfg(feature = "s3")]
pub mod s3;
mod wanted;

pub use location::{Location, LocationError};
pub use objects::{Answer, Objects};

use crate::failure::Class;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// An error of the store. `what` is a lowercase fragment that fits "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct StoreError {
    /// What the caller must do. [`Class::Unclear`] only from conditional puts: read back before deciding.
    pub class: Class,
    /// What was being done, with the object it was done to.
    pub what: String,
    /// Why it did not work.
    pub why: String,
}

impl StoreError {
    pub(crate) fn new(class: Class, what: impl Into<String>, why: impl Into<String>) -> StoreError {
        StoreError { class, what: what.into(), why: why.into() }
    }
}

/// A definite answer to a conditional put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The object was not there and now holds our bytes.
    Created,
    /// An object was there already: perhaps another writer's, perhaps our own from an attempt whose answer was lost.
    Exists,
}

/// What there is of an object for which room was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Whole(Bytes),
    /// Nothing: it is gone.
    Gone,
    /// Nothing: it has at least so many bytes now, which is more than there is room for.
    Larger(u64),
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key, relative to the root.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Entity tag where the store has one (S3, without quotes), else a tag made of size and modification time.
    pub etag: String,
}

/// A store of objects below one root. Cheap to clone. Checks keys, so that no implementation has to.
#[derive(Debug, Clone)]
pub struct Store(Arc<dyn Objects>);

impl Store {
    /// The store that `objects` implements.
    pub fn new(objects: impl Objects + 'static) -> Store {
        Store(Arc::new(objects))
    }

    /// Opens the store at `location`: makes a local root directory if it is not there, or builds a client from the environment as
    /// every AWS tool does (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …). Does not ask the bucket anything: [`Store::probe`] does.
    ///
    /// # Errors
    /// [`Class::Config`] when the directory cannot be made or credentials or region are missing.
    pub async fn open(location: &Location) -> Result<Store, StoreError> {
        match location {
            Location::Local(root) => Ok(Store::new(local::LocalStore::open(root.clone()).await?)),
            #[cfg(feature = "s3")]
            Location::S3 { bucket, prefix } => Ok(Store::new(s3::S3Store::open(bucket.clone(), prefix.clone()).await?)),
            #[cfg(not(feature = "s3"))]
            Location::S3 { .. } => Err(StoreError::new(
                Class::Config,
                format!("open {location}"),
                "this binary was built without S3; name a directory",
            )),
        }
    }

    /// Puts an object where none is. Of any number of racing callers at most one hears [`Put::Created`], and its bytes stay.
    ///
    /// # Errors
    /// [`Class::Unclear`] when it is not known whether the object was put: read it back. [`Class::Retry`] when it surely was not.
    pub async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put, StoreError> {
        key::check(key)?;
        self.0.put_if_absent(key, body).await
    }

    /// Puts an object, in place of one that may be there.
    ///
    /// # Errors
    /// [`Class::Retry`] also when it may have been put: putting it again does no harm.
    pub async fn put(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        key::check(key)?;
        self.0.put(key, body).await
    }

    /// The bytes of an object, or `None` where there is none.
    ///
    /// # Errors
    /// When the store cannot be asked, or the object is larger than [`crate::limits::MAX_OBJECT_BYTES`].
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        key::check(key)?;
        self.0.get(key).await
    }

    /// [`Store::get`] for a tree that is not ours: takes a key as it was listed, with the empty segments that a bucket may have in it,
    /// and holds no more than `room` bytes of an object that may have grown since.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get_listed(&self, key: &str, room: u64) -> Result<Content, StoreError> {
        self.0.get_listed(key, room).await
    }

    /// The size of an object in bytes, or `None` where there is none.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn head(&self, key: &str) -> Result<Option<u64>, StoreError> {
        key::check(key)?;
        self.0.head(key).await
    }

    /// The first `limit` objects whose keys start with `prefix` (any start of a key, not only whole segments) and come strictly after
    /// `after`, in the byte order of their keys, at all levels below. Ask again with the last key for more; fewer than `limit` is the end.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        key::check_prefix(prefix)?;
        self.0.list_after(prefix, after, limit).await
    }

    /// Removes an object; one that is not there is no error. Only for what [`Store::probe`] made: nothing of a table is ever deleted.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check(key)?;
        self.0.delete(key).await
    }

    /// Proves that the store honours conditional puts, on which the table's exactness rests; many S3 lookalikes ignore the condition
    /// without a word. Uses keys below `_probe/` and deletes them.
    ///
    /// # Errors
    /// [`Class::Config`] when the store must not be used, with what to use instead; [`Class::Retry`] when it could not be asked in time.
    pub async fn probe(&self) -> Result<(), StoreError> {
        probe::probe(self).await
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
