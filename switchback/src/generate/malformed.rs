//! Records and log files that are broken in a known way, each with the reason that `docs/topic-contract.md` gives it.

use super::rng::{Rng, Weighted};
use super::text::push;
use flate2::{Compression, GzBuilder};
use std::io::Write;

/// One way for an element of `Records` to be no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadRecord {
    Text,
    Number,
    Null,
    Array,
    TooDeep,
    TooLarge,
    InvalidUtf8,
    LoneSurrogate,
    RepeatedKey,
}

/// Every way, with its weight: large ones are rare, they would be most of the bytes otherwise.
const BAD_RECORDS: [(BadRecord, u64); 9] = [
    (BadRecord::Text, 3),
    (BadRecord::Number, 2),
    (BadRecord::Null, 3),
    (BadRecord::Array, 2),
    (BadRecord::TooDeep, 4),
    (BadRecord::TooLarge, 1),
    (BadRecord::InvalidUtf8, 4),
    (BadRecord::LoneSurrogate, 4),
    (BadRecord::RepeatedKey, 4),
];

/// Levels of a record that is too deep, well above any reader's limit.
const DEEP: usize = 220;
/// Bytes of a record that is too large: above three times AWS's 256 KB for an event.
const LARGE: usize = 800 * 1024;

impl BadRecord {
    pub(crate) fn draw(rng: &mut Rng) -> BadRecord {
        let at = Weighted::new(BAD_RECORDS.iter().map(|(_, weight)| *weight)).draw(rng);
        BAD_RECORDS.get(at).map_or(BadRecord::Null, |(kind, _)| *kind)
    }

    /// The reason it will be rejected for.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            BadRecord::Text | BadRecord::Number | BadRecord::Null | BadRecord::Array => "not_an_object",
            BadRecord::TooDeep => "too_deep",
            BadRecord::TooLarge => "too_large",
            BadRecord::InvalidUtf8 => "invalid_utf8",
            BadRecord::LoneSurrogate => "lone_surrogate",
            BadRecord::RepeatedKey => "repeated_key",
        }
    }

    /// Breaks the good record that begins at `start` of `out`.
    pub(crate) fn break_record(self, out: &mut Vec<u8>, start: usize) {
        match self {
            BadRecord::Text => replace(out, start, r#""this is not a record""#),
            BadRecord::Number => replace(out, start, "42"),
            BadRecord::Null => replace(out, start, "null"),
            BadRecord::Array => replace(out, start, r#"["eventVersion","1.08"]"#),
            BadRecord::TooDeep => extend(out, |out| {
                push(out, r#","addendum":"#);
                out.resize(out.len() + DEEP, b'[');
                out.resize(out.len() + DEEP, b']');
            }),
            BadRecord::TooLarge => extend(out, |out| {
                push(out, r#","annotation":""#);
                out.resize(out.len() + LARGE, b'A');
                out.push(b'"');
            }),
            BadRecord::InvalidUtf8 => into_user_agent(out, start, &[0xff, 0xc3, 0x28]),
            BadRecord::LoneSurrogate => into_user_agent(out, start, br"\ud83d"),
            BadRecord::RepeatedKey => extend(out, |out| push(out, r#","awsRegion":"mars-north-1""#)),
        }
    }
}

fn replace(out: &mut Vec<u8>, start: usize, text: &str) {
    out.truncate(start);
    push(out, text);
}

/// Adds members to the object that ends `out`.
fn extend(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.pop();
    write(out);
    out.push(b'}');
}

/// Puts bytes at the head of the record's user agent (in the table a column of its own).
fn into_user_agent(out: &mut Vec<u8>, start: usize, bytes: &[u8]) {
    let name = br#""userAgent":""#;
    if let Some(at) = out[start..].windows(name.len()).position(|window| window == name) {
        let at = start + at + name.len();
        out.splice(at..at, bytes.iter().copied());
    }
}

/// Takes the time out of the record that begins at `start`: an event still, but of no known day.
pub(crate) fn remove_time(out: &mut Vec<u8>, start: usize) {
    let (name, end) = (br#""eventTime":""#, b"\",");
    let find = |from: usize, what: &[u8]| out[from..].windows(what.len()).position(|window| window == what).map(|at| from + at);
    if let Some(from) = find(start, name)
        && let Some(to) = find(from + name.len(), end)
    {
        out.drain(from..to + end.len());
    }
}

/// One way for a log file to be unreadable as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadFile {
    NotGzip,
    CutOff,
    WrongCrc,
    TrailingGarbage,
    NotJson,
    NoRecords,
    NullRecords,
    RecordsNotAnArray,
    RepeatedRecords,
    /// Small on disk, more than any log file may be once inflated.
    Bomb,
}

/// The faults in the order in which they turn up.
pub(crate) const BAD_FILES: [BadFile; 9] = [
    BadFile::CutOff,
    BadFile::NotGzip,
    BadFile::WrongCrc,
    BadFile::NullRecords,
    BadFile::TrailingGarbage,
    BadFile::NoRecords,
    BadFile::NotJson,
    BadFile::RecordsNotAnArray,
    BadFile::RepeatedRecords,
];

/// Inflated bytes of the bomb: above the 192 MiB that a log file may have.
const BOMB_BYTES: usize = 200 * 1024 * 1024;

impl BadFile {
    /// The reason it will be quarantined for.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            BadFile::NotGzip => "not_gzip",
            BadFile::CutOff => "truncated",
            BadFile::WrongCrc | BadFile::TrailingGarbage => "corrupt",
            BadFile::NotJson => "not_json",
            BadFile::NoRecords | BadFile::NullRecords | BadFile::RecordsNotAnArray => "no_records",
            BadFile::RepeatedRecords => "repeated_records",
            BadFile::Bomb => "too_large",
        }
    }

    /// The file's bytes, made of the good content `raw`.
    pub(crate) fn build(self, raw: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            BadFile::NotGzip => Ok(raw.to_vec()),
            BadFile::CutOff => {
                let mut gz = gzip(raw)?;
                gz.truncate(gz.len() / 2);
                Ok(gz)
            }
            BadFile::WrongCrc => {
                let mut gz = gzip(raw)?;
                // The trailer is CRC-32 and length, four bytes each (RFC 1952).
                if let Some(byte) = gz.iter_mut().nth_back(7) {
                    *byte ^= 0x55;
                }
                Ok(gz)
            }
            BadFile::TrailingGarbage => {
                let mut gz = gzip(raw)?;
                gz.extend_from_slice(b"what stands behind the trailer is no member");
                Ok(gz)
            }
            BadFile::NotJson => gzip(b"<html><body>503 Slow Down</body></html>"),
            BadFile::NoRecords => gzip(br#"{"records":[],"Message":"no such trail"}"#),
            BadFile::NullRecords => gzip(br#"{"Records":null}"#),
            BadFile::RecordsNotAnArray => gzip(br#"{"Records":{"eventVersion":"1.08"}}"#),
            BadFile::RepeatedRecords => gzip(br#"{"Records":[],"Records":[]}"#),
            BadFile::Bomb => {
                let mut encoder = GzBuilder::new().write(Vec::new(), Compression::new(9));
                encoder.write_all(br#"{"Records":["#)?;
                let blanks = [b' '; 64 * 1024];
                for _ in 0..BOMB_BYTES / blanks.len() {
                    encoder.write_all(&blanks)?;
                }
                encoder.write_all(b"]}")?;
                encoder.finish()
            }
        }
    }
}

/// One gzip member without a time stamp or name, so that the same content gives the same bytes.
pub(crate) fn gzip(raw: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::with_capacity(raw.len() / 5 + 64), Compression::new(LEVEL));
    encoder.write_all(raw)?;
    encoder.finish()
}

/// Compressing is most of the work: level 1 would be a third faster, but a quarter larger than this, too far from what
/// CloudTrail delivers.
const LEVEL: u32 = 2;
