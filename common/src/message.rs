//! The topic contract: what the aggregator writes and the persister reads (`docs/topic-contract.md` has it in prose).
//!
//! - **Key**: the record's identity, `<file_id>/<index>` (32 hex digits, a decimal number), or `<file_id>/end`.
//! - **Value**: one JSON object, keys in a fixed order, absent where there is nothing to say:
//!   - event: `{"v":1,"kind":"event","source_object":S,"source_index":N, <fields in the order of` [`crate::event::FIELDS`]`>, "extra":{…}}`
//!   - rejection: `{"v":1,"kind":"rejection","source_object":S,"source_index":N,"reason":S,"detail":S,"raw":S,"raw_bytes":N}`
//!   - end, complete: `{"v":1,"kind":"end","source_object":S,"status":"complete","records":N,"etag":S,"inflated_bytes":N,"sha256":HEX}`
//!   - end, quarantined: `{"v":1,"kind":"end","source_object":S,"status":"quarantined","records":0,"etag":S,"reason":S,"detail":S}`
//!
//! All messages of a log file are one [`Run`]: indexes `0..n` in order, then the end message, all to one partition.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Version of the contract, `"v"` in every value.
pub const CONTRACT_VERSION: u32 = 1;

/// 128-bit identity of a log file: the first 16 bytes of SHA-256 over its object path from `AWSLogs/` on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u128);

impl FileId {
    /// The partition that carries every message of this log file: `file_id mod partitions`.
    pub fn partition(self, partitions: u32) -> u32 {
        u32::try_from(self.0 % u128::from(partitions.max(1))).unwrap_or(0)
    }

    /// Reads 32 lower-case hex digits.
    pub fn parse(hex: &[u8]) -> Option<FileId> {
        let (high, low) = hex.split_at_checked(16)?;
        Some(FileId(u128::from(hex16(high)?) << 64 | u128::from(hex16(low)?)))
    }
}

/// Sixteen lower-case hex digits. Not with the `hex` crate: that reads capitals too, so that an identity had several spellings, and
/// takes more than twice as long, for every message.
fn hex16(digits: &[u8]) -> Option<u64> {
    let digits: &[u8; 16] = digits.try_into().ok()?;
    digits.iter().try_fold(0, |number, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which message of a log file this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The event record (or its rejection) at this index of `Records`.
    Record(u32),
    /// The end message.
    End,
}

/// A message key: the identity that the sink decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// The log file.
    pub file: FileId,
    /// The message within its run.
    pub slot: Slot,
}

impl Key {
    /// Reads a key as it stands on the topic; `None` for a message that is not ours.
    pub fn parse(key: &[u8]) -> Option<Key> {
        let (hex, rest) = key.split_at_checked(32)?;
        let file = FileId::parse(hex)?;
        let slot = match rest.strip_prefix(b"/")? {
            b"end" => Slot::End,
            // Checked before it is read: keys are whatever somebody put on the topic.
            digits if is_canonical(digits) => Slot::Record(std::str::from_utf8(digits).ok()?.parse().ok()?),
            _ => return None,
        };
        Some(Key { file, slot })
    }
}

impl Key {
    /// Appends the key as it stands on the topic: what `Display` writes, without its machinery.
    fn write(self, out: &mut Vec<u8>) {
        let mut digits = [0; 32];
        hex::encode_to_slice(self.file.0.to_be_bytes(), &mut digits).expect("32 digits for 16 bytes");
        out.extend_from_slice(&digits);
        match self.slot {
            Slot::Record(index) => {
                out.push(b'/');
                write_decimal(index, out);
            }
            Slot::End => out.extend_from_slice(b"/end"),
        }
    }
}

/// Appends a decimal number.
fn write_decimal(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break out.extend_from_slice(&digits[first..]);
        }
    }
}

/// A decimal number as we write it: no sign, no leading zeros.
fn is_canonical(digits: &[u8]) -> bool {
    let short = (1..=10).contains(&digits.len());
    short && digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || digits[0] != b'0')
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            Slot::Record(index) => write!(f, "{}/{index}", self.file),
            Slot::End => write!(f, "{}/end", self.file),
        }
    }
}

/// The end-of-file message: the last one of a run, as it stands in the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOfFile {
    /// [`CONTRACT_VERSION`].
    pub v: u32,
    /// Always `"end"`.
    pub kind: String,
    /// Object path from `AWSLogs/` on.
    pub source_object: String,
    /// Whether the log file was read or put aside.
    pub status: EndStatus,
    /// Elements of `Records`; 0 when quarantined.
    pub records: u32,
    /// Entity tag of the object as it was listed; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub etag: String,
    /// Bytes after inflating, when complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inflated_bytes: Option<u64>,
    /// SHA-256 of the inflated content, lower-case hex, when complete: what CloudTrail's digest files sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why it was put aside, when quarantined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in more words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of the log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndStatus {
    /// Every element of `Records` was sent.
    Complete,
    /// It could not be read; nothing of it was sent.
    Quarantined,
}

impl EndOfFile {
    /// Reads the value of an end-of-file message; `None` when it is not one.
    pub fn parse(value: &[u8]) -> Option<EndOfFile> {
        serde_json::from_slice::<EndOfFile>(value).ok().filter(|end| end.v == CONTRACT_VERSION && end.kind == "end")
    }
}

/// Messages back to back in one buffer: no allocation per message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    bytes: Vec<u8>,
    /// End of key and end of value of each message, in `bytes`.
    ends: Vec<(usize, usize)>,
}

impl Packed {
    /// With room for so many bytes before the first copy.
    pub fn with_room(bytes: usize) -> Packed {
        Packed { bytes: Vec::with_capacity(bytes), ends: Vec::new() }
    }

    /// Appends one message whose value `write` appends to the buffer.
    pub fn push_with(&mut self, key: Key, write: impl FnOnce(&mut Vec<u8>)) {
        key.write(&mut self.bytes);
        let key_end = self.bytes.len();
        write(&mut self.bytes);
        self.ends.push((key_end, self.bytes.len()));
    }

    /// Appends one message from raw bytes (any key, so that logs and tests can carry foreign messages).
    pub fn push_raw(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((key_end, self.bytes.len()));
    }

    /// Drops the messages from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.bytes.truncate(self.ends.last().map_or(0, |last| last.1));
    }

    /// `(key, value)` of each message, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        (0..self.ends.len()).map(|at| {
            let start = if at == 0 { 0 } else { self.ends[at - 1].1 };
            let (key_end, end) = self.ends[at];
            (&self.bytes[start..key_end], &self.bytes[key_end..end])
        })
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is no message.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

/// One log file, ready to be produced: every message of it, in order, the end message last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The log file.
    pub file: FileId,
    /// All messages of the run; they go to partition `file mod P`.
    pub messages: Packed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        for slot in [Slot::Record(0), Slot::Record(7), Slot::Record(10), Slot::Record(u32::MAX), Slot::End] {
            let key = Key { file: FileId(0xdead_beef << 90), slot };
            assert_eq!(Key::parse(key.to_string().as_bytes()), Some(key));
            let mut written = Vec::new();
            key.write(&mut written);
            assert_eq!(String::from_utf8(written).unwrap(), key.to_string());
        }
    }

    #[test]
    fn a_key_that_is_not_ours_is_refused() {
        let id = "0123456789abcdef0123456789abcdef";
        for bad in [
            "",
            "x",
            id,
            &format!("{id}/"),
            &format!("{id}/01"),
            &format!("{id}/-1"),
            &format!("{id}/4294967296"),
            &format!("{id}/99999999999999999999"),
            &format!("{id}/End"),
            &format!("{}/1", id.to_uppercase()),
            &format!("{id}:1"),
        ] {
            assert_eq!(Key::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn packed_messages_come_back_in_order() {
        let mut packed = Packed::default();
        packed.push_raw(b"k1", b"v1");
        packed.push_raw(b"", b"");
        packed.push_raw(b"k3", b"value three");
        let all: Vec<_> = packed.iter().collect();
        assert_eq!(all, [(&b"k1"[..], &b"v1"[..]), (b"", b""), (b"k3", b"value three")]);
        packed.truncate(1);
        assert_eq!((packed.len(), packed.byte_len()), (1, 4));
    }
}
