//! Messages in, one exact Parquet table out. Read in this order: [`protocol`] (what may be written, and when), [`decode`] (what a message
//! says), `sink` (what is written, and where), then `runtime`, which does it.
//!
//! Without features only [`protocol`] and [`decode`] are built: no Arrow, no Parquet, no tokio. `parquet-sink` adds the files of the table;
//! `engine` what works on a store, which is what the simulation runs; `services` the event loop's hands and the binary.
#![warn(missing_docs)]

pub mod decode;
#[cfg(feature = "engine")]
pub mod failpoint;
pub mod protocol;
pub mod runtime;
#[cfg(feature = "services")]
pub mod settings;
#[cfg(feature = "parquet-sink")]
pub mod sink;

#[cfg(feature = "services")]
pub use settings::Settings;
