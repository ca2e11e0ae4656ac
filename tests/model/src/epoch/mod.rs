//! What becomes of a table when its log does not stay what it was: a second, coarser model of the same protocol.
//!
//! The first model takes one partition of one log that never changes, and lets two writers and a store do their worst with it. This
//! one takes the log as the variable: topics that are recreated, grown, expire, lose their newest messages or hold messages of
//! another partition, embedded logs that vanish, are restored from an old copy, or are two on one table. Against these stand streams, the
//! partition check, close records, voids and epochs that inherit ledgers (`docs/adr/0007-epochs.md`).
//!
//! ```text
//!   aggregator ─ marks ──▶ log (id, partitions)            what happens to it: recreate, expire, grow, copy, lose
//!                            │
//!        two processes ──▶ persist: start ▸ seal ▸ put intent ▸ put files          each may die with a put on its way
//!                      └─▶ advance: void ▸ fill ▸ tell what is wanted ▸ close (each partition) ▸ put the next stream
//!                            │
//!        store: streams │ chains by epoch and partition │ files (rows or void) │ late puts
//! ```
//!
//! What it abstracts, beside what the first model does:
//! - Answers are clear: a put is carried out or refused, and a sender that never hears back is one that died with its put on its way. (The first model
//!   has unclear answers; a close or void needs no nonce, because whoever finds one goes on from it in the same way.)
//! - A process that reads sees one moment of the store. Facts that matter (a record, a name taken, a chain closed) are never undone, so a read that
//!   is spread over time sees nothing that such a moment could not show; what it was read *for* is a put, which lands later.
//! - A batch reads the log when it is sealed, at once.
//! - A fetching client notices that messages below its position were lost (leader epochs), and not that a topic of the same name is another one.
//! - Committed offsets, hints and checkpoints are left out: they decide nothing.
//!
//! Reading order: [`design`], [`log`], [`ledger`], [`store`], [`batch`], [`persist`], [`advance`], [`system`] with [`work`] and [`outside`],
//! [`properties`], [`scenes`] (what is checked).

pub mod design;
pub mod log;

pub mod ledger;
pub mod store;

pub mod batch;

pub mod advance;
pub mod persist;

pub mod outside;
pub mod system;
pub mod work;

pub mod properties;

pub mod scenes;
