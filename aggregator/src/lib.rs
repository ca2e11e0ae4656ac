//! CloudTrail log files in, messages on the log out.
#![warn(missing_docs)]

pub mod transform;
