//! An event: one event record, normalized to a message value; or a rejection that says why not.

pub mod fields;
pub mod normalize;
pub mod onepass;
mod origin;
mod places;
pub mod rejection;
mod repeated;

pub use fields::{FIELDS, Field, Kind};
pub use normalize::normalize;
pub use onepass::OnePass;
pub use origin::Origin;
pub use rejection::{Reason, Rejection};
