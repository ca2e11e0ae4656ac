//! A deterministic simulation of the real protocol code: one seed is one world, and the same seed is the same world again.
//!
//! ```text
//!   log_file ──▶ producers ──▶ log ──────▶ process (x 2–3) ──▶ store ──▶ auditor
//!   real bytes   real          simulated   real machine,       simulated   looks at every object as it lands,
//!                transform     Kafka       real effects        S3          knows from `expected` what must be there
//!                       ▲        ▲              ▲                ▲
//!                       └────────┴── world: one seeded choice after another ──┘
//! ```
//! Real is everything that decides: `aggregator::transform`, `persister::protocol`, `persister::decode`, `persister::sink::parquet`.
//! Simulated is what is outside of us: the log, the store, the clock, and who believes to own what. The event loop of a persister has
//! threads, so [`process`] has a small one of its own, which does step by step what `persister/src/runtime/driver.rs` does.
//!
//! Every choice comes from one [`chance::Chance`]. First faults happen, then they stop, and one healthy persister must bring the table
//! to its end. Read in this order: [`world`], [`menu`], [`process`], [`store`], [`auditor`], [`expected`].
#![warn(missing_docs)]

pub mod auditor;
pub mod chance;
pub mod counts;
pub mod expected;
pub mod fate;
pub mod file_rows;
pub mod log;
pub mod log_file;
pub mod menu;
pub mod outside;
pub mod process;
pub mod producers;
pub mod settle;
pub mod soak;
pub mod store;
pub mod tables;
pub mod trace;
pub mod violation;
pub mod world;

pub use soak::{Options, Outcome, run};
