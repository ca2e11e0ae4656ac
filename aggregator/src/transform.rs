//! The pure heart: the bytes of one log file in, every message of it out. No I/O, no clock, no state but buffers.
//!
//! ```text
//! gz ──inflate──▶ content ──split──▶ event records ──normalize──▶ messages 0..n-1 ──▶ Run
//!                    └── SHA-256, length, n ────────────────────▶ end of file ────────┘
//! ```
//! The whole file is parsed before anything of it can be sent, so that of a file that is cut in its last byte nothing reaches the
//! topic but an end-of-file message with the reason.

#[cfg(test)]
mod tests;

use common::cloudtrail::{self, Inflater, Unreadable};
use common::event::{OnePass, Origin, Reason, normalize, rejection};
use common::limits::{MAX_DETAIL_BYTES, MAX_INFLATED_BYTES, MAX_KEPT_BUFFER_BYTES, MAX_RUN_BYTES};
use common::message::{CONTRACT_VERSION, EndOfFile, EndStatus, FileId, Key, Packed, Run, Slot};
use sha2::{Digest as _, Sha256};

/// Buffers that one worker keeps from file to file.
#[derive(Debug, Default)]
pub struct Scratch {
    inflater: Inflater,
    inflated: Vec<u8>,
}

/// One log file, ready to be produced and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transformed {
    /// Its messages, the end message last.
    pub run: Run,
    /// What there is to count about it.
    pub tally: Tally,
}

/// What there is to count about a log file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Elements of `Records`, rejected ones included; 0 when quarantined.
    pub records: u32,
    /// Rejected records, by the place of their reason in [`Reason::ALL`].
    pub rejected: [u32; Reason::ALL.len()],
    /// Why the file was put aside, if it was.
    pub quarantined: Option<&'static str>,
    /// Bytes of content, as far as it could be inflated whole.
    pub inflated_bytes: u64,
    /// SHA-256 of the content in lower-case hex; `None` when quarantined.
    pub sha256: Option<String>,
}

impl Tally {
    /// Records rejected for any reason.
    pub fn rejected_total(&self) -> u32 {
        self.rejected.iter().sum()
    }
}

/// The messages of the log file whose object path (from `AWSLogs/` on) is `source_object`, or, when it cannot be read at all,
/// the one end message that says why. `etag` is the object's as it was listed, empty when there is none.
pub fn transform(source_object: &str, etag: &str, gz: &[u8], scratch: &mut Scratch) -> Transformed {
    let content = &mut scratch.inflated;
    let outcome = match scratch.inflater.inflate(gz, MAX_INFLATED_BYTES, content) {
        Ok(()) => read(source_object, etag, content),
        Err(why) => Err(why),
    };
    let inflated_bytes = if outcome.is_ok() { content.len() as u64 } else { 0 };
    if content.capacity() > MAX_KEPT_BUFFER_BYTES {
        *content = Vec::new();
    }
    match outcome {
        Ok(mut transformed) => {
            transformed.tally.inflated_bytes = inflated_bytes;
            transformed
        }
        Err(why) => unreadable(source_object, etag, why.reason(), &why.to_string()),
    }
}

/// The run of a log file that cannot be read, or not even be fetched whole (`too_large`): an end message and nothing else.
/// `reason` is one of the topic contract's.
pub fn unreadable(source_object: &str, etag: &str, reason: &'static str, detail: &str) -> Transformed {
    let file = cloudtrail::file_id(source_object);
    let end = EndOfFile {
        v: CONTRACT_VERSION,
        kind: "end".to_owned(),
        source_object: source_object.to_owned(),
        status: EndStatus::Quarantined,
        records: 0,
        etag: etag.to_owned(),
        inflated_bytes: None,
        sha256: None,
        reason: Some(reason.to_owned()),
        detail: Some(detail[..detail.floor_char_boundary(MAX_DETAIL_BYTES)].to_owned()),
    };
    let mut messages = Packed::default();
    push_end(&mut messages, file, &end);
    Transformed { run: Run { file, messages }, tally: Tally { quarantined: Some(reason), ..Tally::default() } }
}

fn read(source_object: &str, etag: &str, content: &[u8]) -> Result<Transformed, Unreadable> {
    let file = cloudtrail::file_id(source_object);
    let origin = Origin::new(source_object);
    let mut messages = Packed::with_room(content.len() + content.len() / 4);
    let mut tally = Tally::default();
    let mut fast = OnePass::new(&origin);
    cloudtrail::elements(content, |mut element| {
        let index = tally.records;
        let document = element.rest();
        // What the fast way does not take is split by its brackets and read by the general parser.
        let raw = if fast.read(document) && element.pass(fast.record_bytes()) { None } else { Some(element.raw()?) };
        messages.push_with(Key { file, slot: Slot::Record(index) }, |out| match raw {
            None => fast.write(document, index, out),
            Some(record) => {
                if let Err(why) = normalize(&origin, index, record, out) {
                    tally.rejected[why.reason as usize] += 1;
                    rejection::write(&origin, index, &why, record, out);
                }
            }
        });
        tally.records += 1;
        if messages.byte_len() > MAX_RUN_BYTES {
            return Err(Unreadable::TooLarge { what: "of messages", limit: MAX_RUN_BYTES });
        }
        Ok(())
    })?;
    let sha256 = hex(&Sha256::digest(content));
    let end = EndOfFile {
        v: CONTRACT_VERSION,
        kind: "end".to_owned(),
        source_object: source_object.to_owned(),
        status: EndStatus::Complete,
        records: tally.records,
        etag: etag.to_owned(),
        inflated_bytes: Some(content.len() as u64),
        sha256: Some(sha256.clone()),
        reason: None,
        detail: None,
    };
    push_end(&mut messages, file, &end);
    tally.sha256 = Some(sha256);
    Ok(Transformed { run: Run { file, messages }, tally })
}

fn push_end(messages: &mut Packed, file: FileId, end: &EndOfFile) {
    // A struct of strings and numbers, written to a Vec, gives serde_json no reason to fail.
    messages.push_with(Key { file, slot: Slot::End }, |out| drop(serde_json::to_writer(out, end)));
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
