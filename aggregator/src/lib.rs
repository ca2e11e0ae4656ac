//! The aggregator: CloudTrail log files in, messages on the log out.
//!
//! ```text
//!              pages                tickets               work                    run + done
//!  source ───────────▶ flow::run ───────────▶ fetch ──────────────▶ ingest ───────────────────▶ producer
//!  (list)              │      ▲               (S3 gets,             (N threads: read,               │
//!                      │      │                bytes gated)          transform, gate, send)         │
//!                    marks    └──────────────────────── outcomes ◀──────────────────────────────────┘
//! ```
//!
//! Each file is one ticket: it goes out once per attempt and always comes back as one outcome, even when a thread
//! panics on it; so nothing that was listed can be forgotten. What bounds memory is in `gate`; only files and runs are handed
//! between threads, never records.
//!
//! Read in this order: [`settings`], [`source`], [`flow`], `fetch`, `ingest`, [`transform`](mod@transform), `marks`, [`progress`].
#![warn(missing_docs)]

mod fetch;
pub mod flow;
mod gate;
mod ingest;
mod marks;
pub mod progress;
pub mod settings;
pub mod source;
mod ticket;
pub mod transform;

pub use flow::run;
pub use progress::{Progress, Summary};
pub use settings::Settings;
pub use source::{LogFile, Source};
