//! The commit protocol of one partition, pure: plain data in, plain data out. No clock, no I/O, no async.
//!
//! ```text
//!            messages                           effects
//!               │                                  ▲
//!   ┌───────────▼──────────────────────────────────┴────────────┐
//!   │ machine   Recovering ─▶ (Anchoring │ Redo) ─▶ Open ─▶ …    │
//!   │   │            │                           seal ─▶ intent ─▶ files ─▶ applied
//!   │ ledger      search, intent, checkpoint      seal           │
//!   └────────────────────────────────────────────────────────────┘
//! ```
//!
//! Suggested reading order: [`names`], [`ledger`] (the accept rule), [`intent`], [`machine`]; then what recovery needs:
//! [`search`], [`checkpoint`]; and [`seal`], which says when a batch is cut.

pub mod checkpoint;
pub mod halt;
pub mod identity;
pub mod intent;
pub mod invariants;
pub mod ledger;
pub mod machine;
pub mod names;
pub mod seal;
pub mod search;
pub mod stream;

pub use halt::Halt;
pub use intent::{Anchor, FileEntry, Intent};
pub use ledger::{Day, FileState, Ledger};
pub use machine::{Effect, Input, Machine, Outcome, Verdict};
pub use names::Names;
pub use stream::{StreamRecord, TableFormat};
