//! The aggregator: CloudTrail log files in, messages on the log out.
//!
//! ```text
//!              pages                tickets               work                    run + done
//!  source ───────────▶ flow::run ───────────▶ fetch ──────────────▶ ingest ───────────────────▶ producer
//!  (list)              │      ▲               (S3 gets, within      (N threads: read,               │
//!                      │      │                a byte budget)        transform, send)               │
//!                  processed  └──────────────────────── outcomes ◀──────────────────────────────────┘
//! ```
//!
//! Each file is one ticket: it goes out once per attempt and always comes back as one outcome, even when a thread
//! panics on it; so nothing that was listed can be forgotten. What bounds memory is in `budget`; only files and runs are handed
//! between threads, never records.
//!
//! Read in this order: `settings`, `source`, `flow`, `fetch`, `ingest`, [`transform`](mod@transform), `processed`, `progress`.
//! Without the feature `services` there is only the transform.
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
mod processed;
#[cfg(feature = "services")]
pub mod progress;
#[cfg(feature = "services")]
pub mod settings;
#[cfg(feature = "services")]
pub mod source;
#[cfg(feature = "services")]
mod ticket;
pub mod transform;

#[cfg(feature = "services")]
pub use flow::run;
#[cfg(feature = "services")]
pub use progress::{Progress, Summary};
#[cfg(feature = "services")]
pub use settings::Settings;
#[cfg(feature = "services")]
pub use source::{LogFile, Source};
