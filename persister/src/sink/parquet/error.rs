//! Why a Parquet file of ours could not be written or read.

use common::failure::Class;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// In the words of the Parquet library.
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// In the words of the Arrow library.
    #[error(transparent)]
    Arrow(#[from] arrow_schema::ArrowError),
    /// A column of ours is missing or of another type.
    #[error("no column {0} as ours")]
    Column(&'static str),
    /// An entry of the footer is missing or does not read.
    #[error("no footer entry {0} as ours")]
    Metadata(&'static str),
}

impl FileError {
    /// Writing goes to memory: what fails is a bug, or a file that is not ours.
    pub fn class(&self) -> Class {
        Class::Fatal
    }
}

#[cfg(feature = "failpoints")]
impl From<crate::failpoint::Failure> for FileError {
    fn from(failure: crate::failpoint::Failure) -> FileError {
        FileError::Parquet(parquet::errors::ParquetError::General(failure.to_string()))
    }
}
