//! CloudTrail's own things: the name of a log file, its bytes, its event records.

pub mod name;

pub use name::{Folder, Name, file_id, source_object};
