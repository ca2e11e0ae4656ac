//! A deterministic simulation of the real protocol code: one seed is one world, and the same seed is the same world again.
//!
//! ```text
//!   log_file ──▶ producers ──▶ log ──────▶ process (x 2–3) ──▶ store ──▶ auditor
//!   real bytes   real          simulated   real machine,       simulated   looks at every object as it lands,
//!                transform     Kafka       real effects        S3          knows from `expected` what must be there
//!                       ▲        ▲              ▲                ▲
//!                       └────────┴── world: one seeded choice after another ──┘
//! ```
//! Real is everything that decides: `aggregator::transform`, `persister::protocol`, `persister::runtime::schedule`, `persister::decode`,
//! `persister::sink::parquet`.
//! Simulated is what is outside of us: the log, the store, the clock, the sizes of things, and who believes to own what. [`process`] does
//! what the schedule decides, as `persister/src/runtime/supervise.rs` does, but in the order that the world chooses.
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
