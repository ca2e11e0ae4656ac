//! The commit protocol's design as a model, and a checker that visits every state it can get into.
//!
//! Tests of the code show that the code does what was thought of. This shows that what was thought of is right: written from the design
//! and not from the code, small enough to be gone through completely, and, broken in any of the ways one would like to simplify it, it is
//! seen to lose or repeat rows.
//!
//! ```text
//!   LOG  a/0 b/1 a/0 a/end b/0 b/1 b/end      two runs of two log files, one of each gone wrong
//!    │
//!    ├──▶ writer ──┐  seal (anywhere) ▸ put intent ▸ put files ▸ commit      both think the partition is theirs,
//!    └──▶ writer ──┤                                                         either may die between any two steps
//!                  ▼
//!        store: chain │ data files │ puts still on their way (land late, or never)
//! ```
//!
//! Reading order: [`design`] (the rules that can be broken), [`log`], [`ledger`] (what is taken), [`batch`] (what a cut becomes),
//! [`store`], [`writer`] (the protocol), [`system`] (all of it, and the adversary), [`properties`] (the promises), [`check`]. A second
//! model, [`epoch`], lets the log change under the table.
//!
//! States that differ only in the writers' names are one state; states are told apart by a 64-bit hash, as this checker does.

pub mod design;
pub mod log;

pub mod ledger;

pub mod batch;
pub mod store;

pub mod writer;

pub mod system;

pub mod properties;

pub mod check;

pub mod epoch;
