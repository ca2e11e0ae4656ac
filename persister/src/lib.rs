//! The persister: messages from the log in, one exact Parquet table out.
#![warn(missing_docs)]

pub mod table;
