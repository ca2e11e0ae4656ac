//! What a store must be able to do: seven calls, each one attempt. A trait object rather than an enum of S3 and local directory, so that
//! a simulated store needs no variant in the product.

use super::{Content, Entry, Put, StoreError, key};
use bytes::Bytes;
use std::fmt;
use std::pin::Pin;

/// What a call comes to. Boxed: beside a request to a store an allocation is nothing.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The calls of a store, as [`super::Store`] documents them; keys have been checked.
pub trait Objects: fmt::Debug + fmt::Display + Send + Sync {
    /// [`super::Store::put_if_absent`].
    fn put_if_absent<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, Put>;

    /// [`super::Store::put`].
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, ()>;

    /// [`super::Store::get`].
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>>;

    /// [`super::Store::get_listed`]: the one call whose key has not been checked.
    fn get_listed<'a>(&'a self, key: &'a str, room: u64) -> Answer<'a, Content> {
        Box::pin(async move {
            key::check(key)?;
            Ok(match self.get(key).await? {
                None => Content::Gone,
                Some(bytes) if bytes.len() as u64 > room => Content::Larger(bytes.len() as u64),
                Some(bytes) => Content::Whole(bytes),
            })
        })
    }

    /// [`super::Store::head`].
    fn head<'a>(&'a self, key: &'a str) -> Answer<'a, Option<u64>>;

    /// [`super::Store::list_after`].
    fn list_after<'a>(&'a self, prefix: &'a str, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<Entry>>;

    /// [`super::Store::delete`].
    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()>;
}
