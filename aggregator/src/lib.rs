//! The aggregator: CloudTrail log files in, messages on the log out.
//!
//! ```text
//!              pages                tickets           bytes                     run + done
//!  source ───────────▶ flow::run ───────────▶ fetch ───────────▶ ingest ───────────────────▶ producer
//!  (list)              │      ▲               (S3, directory)    (N threads: transform, send)    │
//!                   receipts  └────────────────────── outcomes ◀─────────────────────────────────┘
//! ```
//!
//! Each log file goes out with one ticket per attempt, and the ticket always comes back with one outcome, even when a thread panics
//! on it; so no file that was listed can be forgotten. Only files and runs are handed between threads, never records. Memory is
//! bounded by the byte budgets in `budget`.
//!
//! Trouble of one log file is that file's: it waits in `waiting` and is asked for again, whatever becomes of the others. Trouble of the
//! listing is the source's. Both are told while they last, and counted by reason in [`notes`].
//!
//! Read in this order: `settings`, `source`, `receipt`, `ticket`, `flow`, `waiting`, `reminder`, `fetch`, `ingest`,
//! [`transform`](mod@transform), `processed`, [`notes`], `progress`. Without the feature `services` there is only the transform.
#![warn(missing_docs)]

#[cfg(feature = "services")]
mod budget;
#[cfg(feature = "services")]
mod fetch;
#[cfg(feature = "services")]
pub mod flow;
#[cfg(feature = "services")]
mod ingest;
#[cfg(feature = "services")]
pub mod notes;
#[cfg(feature = "services")]
mod processed;
#[cfg(feature = "services")]
pub mod progress;
#[cfg(feature = "services")]
mod receipt;
#[cfg(feature = "services")]
mod reminder;
#[cfg(feature = "services")]
pub mod settings;
#[cfg(feature = "services")]
pub mod source;
#[cfg(feature = "services")]
mod ticket;
pub mod transform;
#[cfg(feature = "services")]
mod waiting;

#[cfg(feature = "services")]
pub use flow::run;
#[cfg(feature = "services")]
pub use progress::{Progress, Summary};
#[cfg(feature = "services")]
pub use settings::Settings;
#[cfg(feature = "services")]
pub use source::{LogFile, Source};
