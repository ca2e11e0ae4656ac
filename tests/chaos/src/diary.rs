//! A process's log lines, read for what the tally counts.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a failpoint says before it lets an effect fail.
const FAILED: [&str; 2] = ["SWITCHBACK_FAILPOINT: Error", "SWITCHBACK_FAILPOINT: Refusal"];

/// One life of one process.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Diary {
    /// Assignments by partition.
    pub(crate) assigned: BTreeMap<u64, u64>,
    /// Partitions that are its own by its last word.
    pub(crate) owned: BTreeSet<u64>,
    /// Batches published by partition.
    pub(crate) published: BTreeMap<u64, u64>,
    /// Starts that found a batch to finish.
    pub(crate) redone: u64,
    /// Batches dropped because another writer was first.
    pub(crate) lost: u64,
    /// Puts of intents without a clear answer.
    pub(crate) unclear: u64,
    /// True once an effect of it has failed, as a failpoint would have it.
    pub(crate) failed: bool,
    /// What it halted for: never to happen.
    pub(crate) halted: Vec<String>,
    /// Its last words.
    pub(crate) last: String,
}

impl Diary {
    /// Reads log lines (JSON); what is none (a last error for people) is only its last words.
    pub(crate) fn read(text: &str) -> Diary {
        let mut diary = Diary::default();
        for line in text.lines() {
            line.clone_into(&mut diary.last);
            diary.failed |= FAILED.iter().any(|said| line.starts_with(said));
            if let Ok(entry) = serde_json::from_str::<Value>(line) {
                diary.note(&entry);
            }
        }
        diary
    }

    /// All batches.
    pub(crate) fn batches(&self) -> u64 {
        self.published.values().sum()
    }

    fn note(&mut self, entry: &Value) {
        let partition = entry["partition"].as_u64().unwrap_or(0);
        let message = entry["message"].as_str().unwrap_or_default();
        if message == "assigned" {
            *self.assigned.entry(partition).or_default() += 1;
            self.owned.insert(partition);
            self.redone += u64::from(entry["redo"] == true);
        } else if message == "published" {
            *self.published.entry(partition).or_default() += 1;
        } else if message == "revoked" {
            self.owned.remove(&partition);
        } else if message.starts_with("another writer was first") {
            self.lost += 1;
        } else if message.starts_with("an intent's put was not answered") {
            self.unclear += 1;
        } else if message.starts_with("halted") {
            self.halted.push(format!("partition {partition}: {}", entry["reason"].as_str().unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_read_from_its_log_lines() {
        let text = r#"{"level":"INFO","message":"assigned","partition":3,"redo":true}
{"level":"INFO","message":"assigned","partition":2,"redo":false}
{"level":"INFO","message":"published","partition":3,"seq":7}
{"level":"INFO","message":"published","partition":2,"seq":9}
{"level":"INFO","message":"revoked","partition":2}
{"level":"INFO","message":"another writer was first, or the start is done over: dropping what is not published","partition":3}
{"level":"ERROR","message":"halted: nothing of this partition is committed from here on","partition":3,"reason":"gap"}
SWITCHBACK_FAILPOINT: Refusal Before intent, hit 1
persister: the end"#;
        let diary = Diary::read(text);
        assert!(diary.failed && !Diary::read("persister: the end").failed);
        assert_eq!((diary.redone, diary.lost, diary.batches(), diary.last.as_str()), (1, 1, 2, "persister: the end"));
        assert_eq!((diary.owned, diary.halted), (BTreeSet::from([3]), vec!["partition 3: gap".to_owned()]));
        assert_eq!(diary.assigned, BTreeMap::from([(2, 1), (3, 1)]));
    }

    #[test]
    fn a_process_killed_in_the_middle_of_a_line_is_no_trouble() {
        assert_eq!(Diary::read("{\"message\":\"publ").batches(), 0);
    }
}
