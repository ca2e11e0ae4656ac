//! Where log files come from. A source names log files and gives their bytes; nothing is ever written to it.

pub mod list;

pub use list::{LocalSource, Page, S3Source};

use crate::progress::Progress;
use bytes::Bytes;
use common::store::{Location, StoreError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A log file as it was listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFile {
    /// What to read it by: path below the source's root.
    pub path: String,
    /// Its name in messages and rows: the path from `AWSLogs/` on.
    pub source_object: String,
    /// Compressed bytes.
    pub size: u64,
    /// Entity tag; for a local file, made of size and modification time.
    pub etag: String,
}

impl LogFile {
    /// Identity of this content at this path: 128 bits of a cryptographic hash of path and entity tag. A file whose fingerprint is
    /// known is not read again, so no choice of names may make two files look like one.
    pub(crate) fn fingerprint(&self) -> u128 {
        let digest = Sha256::new().chain_update(&self.path).chain_update([0]).chain_update(&self.etag).finalize();
        let mut first = [0u8; 16];
        first.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(first)
    }
}

/// A tree of log files.
#[derive(Debug, Clone)]
pub enum Source {
    /// A directory.
    Local(LocalSource),
    /// A bucket and prefix.
    S3(S3Source),
}

impl Source {
    /// Opens the tree at `location`; nothing is ever written to it.
    ///
    /// # Errors
    /// When there is no such directory, or no client can be made.
    pub async fn open(location: &Location) -> Result<Source, StoreError> {
        match location {
            Location::Local(root) => LocalSource::open(root).map(Source::Local),
            Location::S3 { prefix, .. } => S3Source::open(location, prefix).await.map(Source::S3),
        }
    }

    /// Lists the tree once, in the order of paths, waiting whenever the receiver is behind. Dropping the receiver ends it.
    pub fn list(&self, progress: Arc<Progress>) -> mpsc::Receiver<Page> {
        let (pages, receiver) = mpsc::channel(2);
        match self.clone() {
            Source::Local(source) => {
                tokio::task::spawn_blocking(move || source.list(&progress, &pages));
            }
            Source::S3(source) => {
                tokio::spawn(async move { source.list(&progress, &pages).await });
            }
        }
        receiver
    }

    /// The whole object; `None` when it is gone.
    ///
    /// # Errors
    /// When the store does not give it within the deadline of its retries.
    pub async fn get(&self, file: &LogFile) -> Result<Option<Bytes>, StoreError> {
        match self {
            Source::Local(source) => source.get(&file.path).await,
            Source::S3(source) => source.get(&file.path).await,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Local(source) => fmt::Display::fmt(source, f),
            Source::S3(source) => fmt::Display::fmt(source, f),
        }
    }
}
