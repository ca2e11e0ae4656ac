//! The runtime does what the protocol decides: one event loop, which owns the consumer and every partition's machine.
//!
//! It is cut by data. [`schedule`] decides, from plain data, and is built without any feature: the simulation runs it too. `supervise`
//! does what is decided. Read in this order: [`schedule`], `supervise`; then `options`, `control` and `status` (what it is told, and what
//! it tells), `open` (what a table is pinned to), `chain` (for those who only watch).

#[cfg(feature = "engine")]
pub mod chain;
#[cfg(feature = "services")]
mod control;
#[cfg(feature = "services")]
pub mod open;
#[cfg(feature = "services")]
pub mod options;
pub mod schedule;
#[cfg(feature = "services")]
pub mod status;
#[cfg(feature = "services")]
mod supervise;

#[cfg(feature = "services")]
pub use control::Control;
#[cfg(feature = "services")]
pub use options::Options;
#[cfg(feature = "services")]
pub use status::Status;
#[cfg(feature = "services")]
pub use supervise::run;
