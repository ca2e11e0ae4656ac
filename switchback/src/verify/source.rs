//! The tree of log files that a table is compared with, listed and read by means of its own: what the aggregator overlooks must show here.
//!
//! A listing names everything it comes to, log file or not. What could not be listed or looked at is part of it, with the reason.

#![expect(clippy::disallowed_methods, reason = "a listing runs beside the comparison")]

mod bucket;
mod directory;
mod shape;

pub(crate) use shape::Shape;

use super::patience::Patience;
use bucket::Bucket;
use common::limits::MAX_LOG_FILE_BYTES;
use common::store::{Content, Location, Store, StoreError};
use directory::Directory;
use std::fmt;
use tokio::sync::mpsc;

/// What is sent at once.
const PAGE: usize = 512;

/// Something that a listing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Object(Object),
    /// What could not be listed or looked at, and why.
    Trouble {
        path: String,
        why: String,
    },
    /// A directory inside itself: what is in it is listed already.
    Loop,
}

/// An object as it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// What to read it by.
    pub(crate) path: String,
    /// Its name in the table: the path from `AWSLogs/` on.
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// Part of a listing, or why the rest of it did not come. A listing that ends without an error was whole.
pub(crate) type Page = Result<Vec<Found>, StoreError>;

/// A tree of log files. Nothing is ever written to it.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Directory(Directory),
    Bucket(Bucket),
}

impl Source {
    pub(crate) async fn open(location: &Location) -> Result<Source, StoreError> {
        match location {
            Location::Local(root) => Directory::open(root).map(Source::Directory),
            Location::S3 { prefix, .. } => {
                let patience = Patience::with(&location.to_string());
                let store = patience.ask(|| Store::open(location)).await?;
                Ok(Source::Bucket(Bucket::new(store, patience, prefix, location.to_string())))
            }
        }
    }

    /// Everything in the tree, once. Dropping the receiver ends it.
    pub(crate) fn list(&self) -> mpsc::Receiver<Page> {
        let (pages, receiver) = mpsc::channel(2);
        match self.clone() {
            Source::Directory(directory) => drop(tokio::task::spawn_blocking(move || directory.list(&pages))),
            Source::Bucket(bucket) => drop(tokio::spawn(async move { bucket.list(&pages).await })),
        }
        receiver
    }

    /// The bytes of an object, if they are not more than a log file may have.
    pub(crate) async fn get(&self, object: &Object) -> Result<Content, StoreError> {
        match self {
            Source::Directory(directory) => directory.get(object.path.clone(), MAX_LOG_FILE_BYTES).await,
            Source::Bucket(bucket) => bucket.get(&object.path, MAX_LOG_FILE_BYTES).await,
        }
    }

    /// True when it has not answered for so long that nothing more is asked of it.
    pub(crate) fn is_silent(&self) -> bool {
        match self {
            Source::Directory(_) => false,
            Source::Bucket(bucket) => bucket.is_silent(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Directory(directory) => directory.fmt(f),
            Source::Bucket(bucket) => bucket.fmt(f),
        }
    }
}
