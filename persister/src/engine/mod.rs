//! The engine does what the protocol decides: one event loop, which owns the consumer and every partition's machine.
//!
//! ```text
//!   log ──poll──▶ driver ──message──▶ machine ──verdict──▶ rows ──chunks──▶ encoders (threads)
//!                   ▲  │ effects                                                │ files
//!                   │  └──────▶ effects (tasks on the store) ◀──────────────────┘
//!                   └──────────────── inputs ◀────┘
//! ```
//!
//! Read in this order: [`settings`], [`stream`] (what a table is pinned to), [`driver`], [`effects`], [`encode`], [`status`].

pub mod chain;
pub mod driver;
mod effects;
mod encode;
mod failpoint;
pub mod settings;
pub mod status;
pub mod stream;

pub use driver::run;
pub use settings::Engine;
pub use status::Status;
