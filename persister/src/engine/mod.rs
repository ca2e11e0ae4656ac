//! The engine does what the protocol decides: one event loop, which owns the consumer and every partition's machine.
//!
//! ```text
//!   log ──poll──▶ driver ──message──▶ machine ──verdict──▶ rows ──chunks──▶ encoders (threads)
//!                   ▲  │ effects                                                │ files
//!                   │  └──────▶ effects (tasks on the store) ◀──────────────────┘
//!                   └──────────────── inputs ◀────┘
//! ```
//!
//! Read in this order: [`effects`] and [`batch`], which also the simulation runs; then, with the feature `services`: `settings`,
//! `stream` (what a table is pinned to), `driver`, `encode`, `status`.

pub mod batch;
pub mod chain;
#[cfg(feature = "services")]
pub mod driver;
pub mod effects;
#[cfg(feature = "services")]
mod encode;
mod failpoint;
#[cfg(feature = "services")]
mod recover;
#[cfg(feature = "services")]
pub mod settings;
#[cfg(feature = "services")]
pub mod status;
#[cfg(feature = "services")]
pub mod stream;

#[cfg(feature = "services")]
pub use driver::run;
#[cfg(feature = "services")]
pub use settings::Engine;
#[cfg(feature = "services")]
pub use status::Status;
