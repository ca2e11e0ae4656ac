//! Messages in, one exact Parquet table out. Read in this order: [`protocol`] (what may be written, and when), [`table`]
//! (what is written, and where), then `engine`, which does it.
#![warn(missing_docs)]

#[cfg(feature = "engine")]
pub mod engine;
pub mod protocol;
#[cfg(feature = "services")]
pub mod settings;
pub mod table;

#[cfg(feature = "services")]
pub use settings::Settings;
