//! The table's own store: S3 or a local directory behind one small interface.
//!
//! Keys are relative to the table root, `/`-separated. A put is atomic: an object is there whole or not at all.
//! Retrying is the caller's business (one layer, [`retry`]); a call here is one attempt.

pub mod local;
mod location;
mod probe;
pub mod retry;
#[cfg(feature = "s3")]
pub mod s3;

pub use location::Location;

use crate::failure::Class;
use bytes::Bytes;

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

/// A definite answer to a conditional put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The object was not there and now holds our bytes.
    Created,
    /// An object was there already: perhaps another writer's, perhaps our own from an attempt whose answer was lost.
    Exists,
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

/// A store of objects below one root.
#[derive(Debug, Clone)]
pub enum Store {
    /// A local directory.
    Local(local::LocalStore),
    /// A bucket and prefix.
    #[cfg(feature = "s3")]
    S3(s3::S3Store),
}
impl Store {
    /// stub
    pub async fn open(_: &Location) -> Result<Store, StoreError> {
        Err(StoreError { class: Class::Config, what: String::new(), why: String::new() })
    }
    /// stub
    pub async fn get(&self, _: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
    /// stub
    pub async fn list_after(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(Vec::new())
    }
}
