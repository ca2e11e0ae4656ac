//! CloudTrail's formats: the name of a log file, its bytes, its event records.

pub mod inflate;
pub mod json;
pub mod name;
pub mod reader;
mod unreadable;

pub use inflate::{Inflater, inflate};
pub use name::{Folder, Name, file_id, source_object};
pub use reader::{Element, elements, records};
pub use unreadable::Unreadable;
