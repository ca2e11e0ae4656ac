//! The runtime does what the protocol decides: one event loop, which owns the consumer and every partition's machine.
//!
//! ```text
//!   log ──poll──▶ driver ──message──▶ machine ──verdict──▶ rows ──chunks──▶ encoders (threads)
//!                   ▲  │ effects                                                │ files
//!                   │  └──────▶ effects (tasks on the store) ◀──────────────────┘
//!                   └──────────────── inputs ◀────┘
//! ```
//!
//! Read in this order: `options`, `open` (what a table is pinned to), `driver`, `status`.

#[cfg(feature = "engine")]
pub mod chain;
#[cfg(feature = "services")]
pub mod driver;
#[cfg(feature = "services")]
pub mod open;
#[cfg(feature = "services")]
pub mod options;
#[cfg(feature = "services")]
mod recovery;
#[cfg(feature = "services")]
pub mod status;

#[cfg(feature = "services")]
pub use driver::run;
#[cfg(feature = "services")]
pub use options::Options;
#[cfg(feature = "services")]
pub use status::Status;
