//! The operator's command: run both stages in one process, verify a table, generate log files.
//!
//! One file or folder per subcommand; `main.rs` only parses, runs and maps to an exit code. It is also a library, so that tests can call
//! a subcommand without a process.

pub mod generate;
pub mod run;
pub mod verify;
