//! The language both stages speak. Read in this order:
//!
//! 1. [`cloudtrail`]: a log file's name, its bytes, its event records;
//! 2. [`event`]: an event record normalized, or the reason why not;
//! 3. [`message`]: what travels on the topic (the contract between the stages);
//! 4. [`offsets`], [`limits`], [`failure`]: small types used everywhere;
//! 5. [`store`] and [`log`]: the two external systems, each behind one small interface;
//! 6. `redb_file`: a database in a file, for the embedded log and for the aggregator's index of processed files;
//! 7. `service`: what every binary needs around its work.
//!
//! Without features this crate is pure: it builds without tokio, rdkafka and the AWS SDK.
#![warn(missing_docs)]

pub mod cloudtrail;
pub mod event;
pub mod failure;
pub mod limits;
pub mod log;
pub mod message;
pub mod offsets;
#[cfg(feature = "embedded")]
pub mod redb_file;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "local")]
pub mod store;
pub mod time;
