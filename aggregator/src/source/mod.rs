//! Where log files come from: a bucket or a directory, listed in key order and in pages, so that a million objects cost no more
//! memory than a thousand.

pub mod local;
pub mod s3;

pub use local::LocalSource;
pub use s3::S3Source;

use crate::progress::{Progress, Skip};
use bytes::Bytes;
use common::cloudtrail::{Folder, Name};
use common::limits::MAX_OBJECT_PATH_BYTES;
use common::store::{Location, StoreError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Log files in one page of a listing.
const PAGE: usize = 512;

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

/// A page of log files, or why the listing broke off. A listing that ends without an error was whole.
pub type Page = Result<Vec<LogFile>, StoreError>;

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
            Source::Local(source) => {
                let (source, path) = (source.clone(), file.path.clone());
                let mut bytes = Vec::new();
                let read = tokio::task::spawn_blocking(move || source.read(&path, &mut bytes).map(|()| bytes));
                match read.await {
                    Ok(Ok(bytes)) => Ok(Some(bytes.into())),
                    Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Ok(Err(error)) => Err(local::refused("read", &file.path, &error)),
                    Err(error) => Err(local::refused("read", &file.path, &std::io::Error::other(error))),
                }
            }
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

/// What one listing passes over, by kind.
#[derive(Debug, Default)]
struct Skipped([u64; Skip::ALL.len()]);

impl Skipped {
    fn count(&mut self, kind: Skip) {
        self.0[kind as usize] += 1;
    }
}

/// `None` for a log file that we read, else why we do not.
fn skip(source_object: &str) -> Option<Skip> {
    if source_object.len() > MAX_OBJECT_PATH_BYTES {
        return Some(Skip::UnfitName);
    }
    let name = Name::parse(source_object);
    match name.folder {
        _ if name.is_log_file(source_object) => None,
        Folder::Digest => Some(Skip::Digest),
        Folder::Other => Some(Skip::OtherFolder),
        _ => Some(Skip::OtherName),
    }
}

#[cfg(test)]
mod tests;
