//! Sources that are listed: a bucket or a directory, in key order and in pages, so that a million objects cost no more memory than a
//! thousand.

mod local;
mod s3;
#[cfg(test)]
mod tests;

pub(super) use local::FILES_PER_READ as LOCAL_FILES_PER_READ;
pub use local::LocalSource;
pub use s3::S3Source;
pub(super) use s3::refuses_one_object;

use super::LogFile;
use crate::progress::Skip;
use common::cloudtrail::{Folder, Name};
use common::limits::MAX_OBJECT_PATH_BYTES;
use common::store::StoreError;

/// Log files in one page of a listing.
const PAGE: usize = 512;

/// A page of log files, or why the listing broke off. A listing that ends without an error was whole.
pub type Page = Result<Vec<LogFile>, StoreError>;

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
