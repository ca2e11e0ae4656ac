//! From the bytes of a message to its values: pure, without Arrow, for whichever sink stores them.
//!
//! ```text
//!   message ──quick──▶ byte ranges of the message
//!      └─ written otherwise ──full──▶ cells ──▶ byte ranges of a text of their own
//!            └─ not of the contract ──▶ undecodable: a rejection, never a guess
//! ```
//!
//! Suggested reading order: [`structs`] (the objects that are taken apart), [`byte_range`] (how a value is noted down), [`quick`] (one pass
//! over what the aggregator writes), [`full`] with [`take_apart`] and [`cells`] (whatever else is of the contract), and [`row_kind`]
//! (what a message may become).

#![cfg_attr(not(feature = "parquet-sink"), expect(dead_code, reason = "it is the sinks that use all of it"))]

pub(crate) mod byte_range;
pub(crate) mod cells;
pub mod full;
pub(crate) mod quick;
pub mod row_kind;
pub(crate) mod structs;
pub mod take_apart;

pub use full::{Decoded, decode_message};
pub use row_kind::{LogFileStatus, RowKind};
