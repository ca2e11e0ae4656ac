//! Where the messages of a run come from: how each of their values begins, written once per log file.

use crate::message::CONTRACT_VERSION;
use std::io::Write as _;

/// The beginnings of a log file's event and rejection values, up to the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    event: Vec<u8>,
    rejection: Vec<u8>,
}

impl Origin {
    /// `source_object` is the object path from `AWSLogs/` on.
    pub fn new(source_object: &str) -> Origin {
        let head = |kind: &str| {
            let mut head = Vec::with_capacity(source_object.len() + 80);
            // Writing to a Vec cannot fail.
            let _ = write!(head, "{{\"v\":{CONTRACT_VERSION},\"kind\":\"{kind}\",\"source_object\":");
            write_text(source_object, &mut head);
            head.extend_from_slice(b",\"source_index\":");
            head
        };
        Origin { event: head("event"), rejection: head("rejection") }
    }

    /// The beginning of an event's value, up to its index.
    pub(super) fn event(&self) -> &[u8] {
        &self.event
    }

    pub(super) fn begin_event(&self, index: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.event);
        let _ = write!(out, "{index}");
    }

    pub(super) fn begin_rejection(&self, index: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.rejection);
        let _ = write!(out, "{index}");
    }
}

/// Appends `text` as a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Neither a str nor a Vec gives serde_json a reason to fail.
    let _ = serde_json::to_writer(out, text);
}
