//! The operator's command: run both stages in one process, verify a table, generate log files.
//!
//! One file per subcommand; `main.rs` only parses, runs and maps to an exit code. It is a library as well so that the
//! end-to-end tests can call a subcommand without a process.

pub mod generate;
pub mod run;
pub mod verify;
