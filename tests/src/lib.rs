//! What the end-to-end tests share: processes that end with the test, an independent judge of tables, and real services.

pub mod case;
pub mod chance;
pub mod judge;
pub mod kafka;
pub mod process;
pub mod services;
pub mod wait;
pub mod watch;
