//! A rejection: the event record that could not be normalized keeps its index, its reason and its text.
//!
//! It is a value and not an error: work goes on, and a row of `rejected/` tells what was not understood.

use super::Origin;
use super::origin::write_text;
use crate::cloudtrail::json::{Fault, JsonError};
use crate::limits::{MAX_DETAIL_BYTES, MAX_REJECTED_RAW_BYTES};
use std::io::Write as _;

/// Why an event record is not an event. The texts are part of the topic contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// JSON, but a string, a number, an array, `null`.
    NotAnObject,
    /// Not JSON.
    InvalidJson,
    /// Not UTF-8.
    InvalidUtf8,
    /// Half of a surrogate pair, which has no UTF-8 form.
    LoneSurrogate,
    /// A key that stands twice, so that nobody can say which value is meant.
    RepeatedKey,
    /// More open brackets than readers can follow.
    TooDeep,
    /// More bytes than a record, or than the message that it makes, may have.
    TooLarge,
}

impl Reason {
    /// Every reason, at the place of its discriminant.
    pub const ALL: [Reason; 7] = [
        Reason::NotAnObject,
        Reason::InvalidJson,
        Reason::InvalidUtf8,
        Reason::LoneSurrogate,
        Reason::RepeatedKey,
        Reason::TooDeep,
        Reason::TooLarge,
    ];

    /// As the topic contract spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::NotAnObject => "not_an_object",
            Reason::InvalidJson => "invalid_json",
            Reason::InvalidUtf8 => "invalid_utf8",
            Reason::LoneSurrogate => "lone_surrogate",
            Reason::RepeatedKey => "repeated_key",
            Reason::TooDeep => "too_deep",
            Reason::TooLarge => "too_large",
        }
    }
}

/// Why one event record is not an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The class.
    pub reason: Reason,
    /// The same in more words; may quote hostile input, at most [`MAX_DETAIL_BYTES`] of it.
    pub detail: String,
}

impl Rejection {
    /// Cuts `detail` to its limit.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Rejection {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
        Rejection { reason, detail }
    }
}

impl From<JsonError> for Rejection {
    fn from(error: JsonError) -> Rejection {
        let reason = match error.fault {
            Fault::Grammar => Reason::InvalidJson,
            Fault::LoneSurrogate => Reason::LoneSurrogate,
            Fault::TooDeep => Reason::TooDeep,
        };
        Rejection::new(reason, error.to_string())
    }
}

/// Appends the rejection's message value to `out`.
pub fn write(origin: &Origin, index: u32, rejection: &Rejection, raw: &[u8], out: &mut Vec<u8>) {
    origin.begin_rejection(index, out);
    out.extend_from_slice(b",\"reason\":");
    write_text(rejection.reason.as_str(), out);
    out.extend_from_slice(b",\"detail\":");
    write_text(&rejection.detail, out);
    out.extend_from_slice(b",\"raw\":");
    write_text(&String::from_utf8_lossy(cut(raw)), out);
    // Writing to a Vec cannot fail.
    let _ = write!(out, ",\"raw_bytes\":{}}}", raw.len());
}

/// At most [`MAX_REJECTED_RAW_BYTES`], not through the middle of a character.
fn cut(raw: &[u8]) -> &[u8] {
    let Some(&next) = raw.get(MAX_REJECTED_RAW_BYTES) else { return raw };
    let is_within = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let mut end = MAX_REJECTED_RAW_BYTES;
    if is_within(next) {
        // UTF-8 has at most three bytes after a character's first.
        let back = raw[..end].iter().rev().take(3).position(|&byte| !is_within(byte));
        end -= back.map_or(0, |steps| steps + 1);
    }
    &raw[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_MESSAGE_BYTES;
    use proptest::prelude::*;
    use serde_json::Value;

    fn written(raw: &[u8]) -> Value {
        let mut out = Vec::new();
        let rejection = Rejection::new(Reason::InvalidJson, "a \"detail\"");
        write(&Origin::new("AWSLogs/\"x"), 7, &rejection, raw, &mut out);
        assert!(out.len() <= MAX_MESSAGE_BYTES, "{}", out.len());
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_rejection_has_the_contracts_keys_in_order() {
        let mut out = Vec::new();
        write(&Origin::new("AWSLogs/x"), 7, &Rejection::new(Reason::TooDeep, "d"), b"[\"\x01\xff]", &mut out);
        let expect = r#"{"v":1,"kind":"rejection","source_object":"AWSLogs/x","source_index":7,"reason":"too_deep","detail":"d","raw":"[\"\u0001�]","raw_bytes":5}"#;
        assert_eq!(std::str::from_utf8(&out).unwrap(), expect);
        assert_eq!(written(b"")["source_object"], "AWSLogs/\"x");
    }

    #[test]
    fn the_raw_text_is_cut_between_characters() {
        for (lead, kept) in [(0, MAX_REJECTED_RAW_BYTES), (1, MAX_REJECTED_RAW_BYTES - 3), (2, MAX_REJECTED_RAW_BYTES - 2)] {
            let raw = ["x".repeat(lead), "😀".repeat(MAX_REJECTED_RAW_BYTES / 4 + 1)].concat();
            let value = written(raw.as_bytes());
            let text = value["raw"].as_str().unwrap();
            assert_eq!((text.len(), value["raw_bytes"].as_u64()), (kept, Some(raw.len() as u64)));
            assert!(raw.starts_with(text));
        }
    }

    #[test]
    fn the_worst_raw_text_still_fits_a_message() {
        written(&vec![1; 1 << 20]);
        written(&vec![0x80; 1 << 20]);
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        assert_eq!(Rejection::new(Reason::TooDeep, "é".repeat(1000)).detail, "é".repeat(MAX_DETAIL_BYTES / 2));
        assert!(Rejection::new(Reason::TooDeep, format!("x{}", "é".repeat(1000))).detail.len() < MAX_DETAIL_BYTES);
    }

    #[test]
    fn each_reason_stands_at_its_place() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_rejected(raw: Vec<u8>) {
            let value = written(&raw);
            prop_assert_eq!(value["raw"].as_str().unwrap(), &*String::from_utf8_lossy(&raw));
        }
    }
}
