//! What is in the tree, known by construction: `truth.json` (totals) and `truth-objects.ndjson` (one line per log file).

use super::story::StoryTruth;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// File name of the totals, in the output directory.
pub const TRUTH_FILE: &str = "truth.json";
/// File name of the lines per log file, in the output directory.
pub const OBJECTS_FILE: &str = "truth-objects.ndjson";

/// Totals over the tree. Copies count only where the name says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The seed it was made from.
    pub seed: u64,
    /// Elements of `Records` in all readable log files: one row or one rejection each.
    pub records: u64,
    /// Of these, events: rows of the table.
    pub events: u64,
    /// Of these, rejections, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Events by UTC date of `eventTime`.
    pub events_by_date: BTreeMap<String, u64>,
    /// Events without an `eventTime`.
    #[serde(default)]
    pub undated: u64,
    /// Events that happened a day or more before they were delivered.
    pub late_records: u64,
    /// Log files, readable or not, without copies.
    pub files: u64,
    /// Copies of log files below `redelivered/`: same object path from `AWSLogs/` on, same bytes.
    pub duplicate_files: u64,
    /// Log files that cannot be read, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Digest files: no log files, to be skipped.
    pub digest_files: u64,
    /// Inflated bytes of the readable log files.
    pub bytes_raw: u64,
    /// Bytes of the readable log files as they lie there.
    pub bytes_gz: u64,
    /// The attack that is hidden in the tree; none in a tree too small for it.
    pub story: Option<StoryTruth>,
}

/// One log file's line in [`OBJECTS_FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectTruth {
    /// Object path from `AWSLogs/` on.
    pub object: String,
    /// Elements of `Records`; 0 when quarantined.
    pub records: u64,
    /// Of these, rejections.
    pub rejected: u64,
    /// Why the log file cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<String>,
}

impl Truth {
    /// All rejections.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All quarantined log files.
    pub fn quarantined_total(&self) -> u64 {
        self.quarantined.values().sum()
    }
}
