//! Messages in, one exact Parquet table out. Read in this order: [`protocol`] (what may be written, and when), [`table`] and
//! [`layout`] (what is written, and where), then the engine that does it.
#![warn(missing_docs)]

pub mod protocol;
