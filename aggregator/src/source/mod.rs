//! Where log files come from. A source names log files and gives their bytes; nothing is ever written to it.

#![expect(clippy::disallowed_methods, reason = "a listing runs beside the flow")]

#[cfg(test)]
pub(crate) mod fake;
pub mod list;

pub use list::{LocalSource, Page, S3Source, Trouble};

use crate::progress::Progress;
use common::failure::Class;
use common::limits::MAX_LOG_FILE_BYTES;
use common::store::{Content, Location, StoreError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
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

/// A log file to be read.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// [`LogFile::path`].
    pub(crate) path: String,
    /// Bytes that may be held of it.
    pub(crate) room: u64,
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

    /// Lists the tree once, in the order of paths, waiting whenever the receiver is behind. Dropping the receiver ends it. A bucket that
    /// does not answer is asked again until it does, or for as long as `patience`.
    pub fn list(&self, progress: Arc<Progress>, patience: Option<Duration>) -> mpsc::Receiver<Page> {
        let (pages, receiver) = mpsc::channel(2);
        match self.clone() {
            Source::Local(source) => {
                tokio::task::spawn_blocking(move || source.list(&progress, &pages));
            }
            Source::S3(source) => {
                tokio::spawn(async move { source.list(&progress, &pages, patience).await });
            }
        }
        receiver
    }

    /// One log file. A file that has outgrown what a log file may be is not read.
    ///
    /// # Errors
    /// When the source does not give it within the deadline of its retries.
    pub async fn get(&self, file: &LogFile) -> Result<Content, StoreError> {
        let wanted = Wanted { path: file.path.clone(), room: MAX_LOG_FILE_BYTES };
        match self {
            Source::Local(source) => match source.read(vec![wanted]).await.pop() {
                Some(answer) => answer,
                None => Err(StoreError {
                    class: Class::Fatal,
                    what: format!("read {}", file.path),
                    why: "its thread panicked".into(),
                }),
            },
            Source::S3(source) => source.read(&wanted).await,
        }
    }

    /// Reads log files together: one answer for each, in order, and fewer if the reading thread panics.
    pub(crate) async fn read(&self, files: Vec<Wanted>) -> Vec<Result<Content, StoreError>> {
        match self {
            Source::Local(source) => source.read(files).await,
            Source::S3(source) => {
                let mut answers = Vec::with_capacity(files.len());
                for file in files {
                    answers.push(source.read(&file).await);
                }
                answers
            }
        }
    }

    /// How many reads run at a time when `concurrency` are allowed.
    pub(crate) fn reads_at_a_time(&self, concurrency: u32) -> usize {
        let allowed = concurrency.max(1) as usize;
        match self {
            // Most files are in the page cache, where more reads than this only take the processor from one another.
            Source::Local(_) => allowed.min(2 * std::thread::available_parallelism().map_or(1, usize::from)),
            Source::S3(_) => allowed,
        }
    }

    /// How many small log files are best read together.
    pub(crate) fn files_per_read(&self) -> usize {
        match self {
            Source::Local(_) => list::LOCAL_FILES_PER_READ,
            // Each object is a request of its own.
            Source::S3(_) => 1,
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
