//! The judge as a bystander: one long-lived process reads a table again and again while it is written, so that even a row that
//! is duplicated only for a moment is seen (`tests/oracle/watch.py`).

use crate::judge::{Judge, arguments};
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// What one look has seen: the whole table up to now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    /// Why nothing could be seen: the store did not answer.
    pub blind: Option<String>,
    /// Chain records.
    pub batches: u64,
    /// Parquet files.
    pub files: u64,
    /// Rows of `data/`.
    pub rows: u64,
    /// Rows of `rejected/`.
    pub rejected: u64,
    /// Rows of `log_files/`.
    pub log_files: u64,
    /// Rows of any kind that stand there more than once.
    pub twice: u64,
    /// Rows of any kind that are still to come.
    pub missing: u64,
    /// Everything that must not be, in words.
    pub problems: Vec<String>,
}

/// The bystander.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Watch {
    /// Starts one for a table and the sources it is made from; objects of a bucket are copied to `copy`, each once.
    pub fn start(judge: &Judge, table: &str, copy: &Path, sources: &[&Path]) -> Watch {
        let copy = copy.to_str().expect("a path in UTF-8");
        let mut command = judge.command("watch.py", &arguments(table, sources, &["--copy", copy]));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the judge runs");
        let orders = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Watch { child, orders, answers }
    }

    /// Looks once.
    ///
    /// # Panics
    /// When the judge itself has failed.
    pub fn look(&mut self) -> Seen {
        let mut line = String::new();
        let asked = writeln!(self.orders, "look").and_then(|()| self.answers.read_line(&mut line));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the judge failed ({asked:?}, {error}): {line}"))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
