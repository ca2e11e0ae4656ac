//! Sources that are listed: a bucket or a directory, in key order and in pages, so that a million objects cost no more memory than a
//! thousand.

mod local;
mod s3;
#[cfg(test)]
mod tests;

pub(super) use local::FILES_PER_READ as LOCAL_FILES_PER_READ;
pub use local::LocalSource;
pub use s3::S3Source;

use super::LogFile;
use crate::progress::Skip;
use common::cloudtrail::{Folder, Name};
use common::limits::MAX_OBJECT_PATH_BYTES;
use common::store::StoreError;

/// Log files in one page of a listing.
const PAGE: usize = 512;

/// A page of log files, or what is wrong. A listing that ends without a [`Trouble::Gap`] or [`Trouble::BrokenOff`] was whole.
pub type Page = Result<Vec<LogFile>, Trouble>;

/// What is wrong with a listing.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Told at once; it is tried again, and the listing continues where it was.
    #[error(transparent)]
    Passing(StoreError),
    /// A place was left out; the listing continues behind it.
    #[error(transparent)]
    Gap(StoreError),
    /// Nothing more comes.
    #[error(transparent)]
    BrokenOff(StoreError),
}

impl Trouble {
    /// What happened.
    pub fn error(&self) -> &StoreError {
        match self {
            Trouble::Passing(error) | Trouble::Gap(error) | Trouble::BrokenOff(error) => error,
        }
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
