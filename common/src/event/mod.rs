//! An event: one event record, normalized to a message value; or a rejection that says why not.

pub mod fields;

pub use fields::{FIELDS, Field, Kind};
