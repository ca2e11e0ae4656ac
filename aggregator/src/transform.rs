//! (stub until the transform branch lands)
use common::message::Run;

/// Buffers.
#[derive(Debug, Default)]
pub struct Scratch;

/// Counts.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Records.
    pub records: u32,
    /// Rejected.
    pub rejected: u32,
    /// Reason.
    pub quarantined: Option<&'static str>,
    /// Bytes.
    pub inflated_bytes: u64,
}

/// Result.
#[derive(Debug)]
pub struct Transformed {
    /// Run.
    pub run: Run,
    /// Tally.
    pub tally: Tally,
}

/// Stub.
pub fn transform(source_object: &str, _etag: &str, gz: &[u8], _scratch: &mut Scratch) -> Transformed {
    let file = common::cloudtrail::file_id(source_object);
    let mut messages = common::message::Packed::default();
    messages.push_raw(b"k", gz);
    Transformed { run: Run { file, messages }, tally: Tally { records: 1, ..Tally::default() } }
}

/// Stub.
pub fn unreadable(source_object: &str, _etag: &str, reason: &'static str, _detail: &str) -> Transformed {
    let file = common::cloudtrail::file_id(source_object);
    Transformed { run: Run { file, messages: Default::default() }, tally: Tally { quarantined: Some(reason), ..Tally::default() } }
}
