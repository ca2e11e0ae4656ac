//! Every bound that untrusted input or a slow neighbour could push against, each with its reason.

/// Largest event record taken, in bytes of its raw JSON. AWS caps an event at 256 KB since event version 1.05;
/// three times that leaves room for older ones, and a message of it still fits Kafka's default `message.max.bytes`.
pub const MAX_RECORD_BYTES: usize = 768 * 1024;

/// Raw text kept with a rejection, in bytes of the source; escaped it must fit Kafka's default `message.max.bytes`
/// even if every byte needs six (`\u0001`).
pub const MAX_REJECTED_RAW_BYTES: usize = 128 * 1024;

/// Levels of nesting in one event record: serde_json's own bound, so that every reader built on it can follow.
pub const MAX_JSON_DEPTH: usize = 128;

/// Compressed bytes of one log file. CloudTrail's quota page says 50 MB per object.
pub const MAX_LOG_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Inflated bytes of one log file: far above what CloudTrail delivers, far below what hurts (512 MiB a process).
pub const MAX_INFLATED_BYTES: usize = 192 * 1024 * 1024;

/// Largest object read from a store in one piece: four times what a table's file is sealed at (about 128 MiB), and more than any log file.
pub const MAX_OBJECT_BYTES: u64 = 512 * 1024 * 1024;

/// Longest object path that is taken: S3's own bound on a key, in bytes.
pub const MAX_OBJECT_PATH_BYTES: usize = 1024;

/// Longest reason detail written anywhere, in bytes: details may quote hostile input.
pub const MAX_DETAIL_BYTES: usize = 512;

/// Largest message value, in bytes: Kafka's default `message.max.bytes` less room for key and record overhead.
pub const MAX_MESSAGE_BYTES: usize = 1_000_000;

/// All messages of one log file, in bytes of keys and values: more than the largest inflated file makes of real records, while
/// `[0,0,0,…]`, each element rejected with a message of its own, would take a hundred times its own size.
pub const MAX_RUN_BYTES: usize = 320 * 1024 * 1024;

/// A reusable buffer that has grown past this is given back: one huge file must not be paid for forever by every worker.
pub const MAX_KEPT_BUFFER_BYTES: usize = 8 * 1024 * 1024;
