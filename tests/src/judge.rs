//! The independent judge: Python and DuckDB, no code of ours. It reads a table as any stranger would and the log files with gzip
//! and json alone (`tests/oracle/check.py`).

use crate::process::{Process, binary, root};
use crate::services::{Services, missing};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The judge, and the environment it finds S3 by.
#[derive(Debug, Clone)]
pub struct Judge {
    python: PathBuf,
    env: Vec<(String, String)>,
}

impl Judge {
    /// The judge with no S3; `None` (and a line that says so) when there is no Python with DuckDB and none is demanded.
    pub fn local() -> Option<Judge> {
        match std::env::var("SWITCHBACK_TEST_PYTHON") {
            Ok(python) => Some(Judge { python: python.into(), env: Vec::new() }),
            Err(_) => missing("SWITCHBACK_TEST_PYTHON"),
        }
    }

    /// The judge beside these services.
    pub fn beside(services: &Services) -> Judge {
        Judge { python: services.python.clone(), env: services.env.clone() }
    }

    /// The same judge with another environment.
    pub fn with_env(&self, env: &[(String, String)]) -> Judge {
        Judge { python: self.python.clone(), env: env.to_vec() }
    }

    /// Runs one of the scripts beside the judge.
    pub fn script(&self, script: &str, arguments: &[&str]) -> Output {
        self.command(script, arguments).output().expect("the judge runs")
    }

    pub(crate) fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command.arg("-B").arg(root().join("tests/oracle").join(script)).args(arguments);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts a script that runs until it is dropped.
    pub fn start(&self, script: &str, output: &Path) -> Process {
        self.start_with(script, &[], output)
    }

    /// The same for one that takes paths.
    pub fn start_with(&self, script: &str, paths: &[&Path], output: &Path) -> Process {
        let script = root().join("tests/oracle").join(script);
        Process::spawn(Command::new(&self.python).arg("-B").arg(script).args(paths), output)
    }

    /// Runs a script that must succeed, and returns what it printed.
    #[track_caller]
    pub fn run(&self, script: &str, arguments: &[&str]) -> String {
        let output = self.script(script, arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{script} {arguments:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Every record of every source stands in the table exactly once, as a row or as a rejection; and the product's own proof says
    /// so too, log files aside that it has quarantined by name.
    #[track_caller]
    pub fn exact(&self, table: &str, sources: &[&Path]) {
        let said = self.inexact(table, sources);
        assert!(said.is_none(), "{}", said.unwrap_or_default());
    }

    /// What is said when it is not so.
    pub fn inexact(&self, table: &str, sources: &[&Path]) -> Option<String> {
        let text =
            |output: &Output| format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let output = self.script("check.py", &arguments(table, sources, &[]));
        if !output.status.success() {
            return Some(format!("check.py {table}:\n{}", text(&output)));
        }
        let mut command = Command::new(binary("switchback"));
        command.args(["verify", table, "--json"]).envs(self.env.iter().map(|(name, value)| (name, value)));
        if let [source] = sources {
            command.arg("--against").arg(source);
        }
        let output = command.output().expect("verify runs");
        (!is_whole(&output)).then(|| format!("verify {table}:\n{}", text(&output)))
    }

    /// Nothing stands in the table twice, and nothing that is not in the sources.
    #[track_caller]
    pub fn no_row_twice(&self, table: &str, sources: &[&Path]) {
        self.run("check.py", &arguments(table, sources, &["--partial"]));
    }

    /// Keys below a table, sorted: files of a directory or objects of a bucket.
    pub fn keys(&self, table: &str) -> Vec<String> {
        let mut keys = Vec::new();
        if table.starts_with("s3://") {
            keys.extend(self.run("s3.py", &["list", table]).lines().map(str::to_owned));
        } else {
            walk(Path::new(table), Path::new(table), &mut keys);
        }
        keys.sort_unstable();
        keys
    }

    /// Parquet files of a table: what no run may change once it is there.
    pub fn files(&self, table: &str) -> Vec<String> {
        self.keys(table).into_iter().filter(|key| key.ends_with(".parquet")).collect()
    }

    /// Chain records of a table.
    pub fn batches(&self, table: &str) -> usize {
        self.keys(table).iter().filter(|key| key.starts_with("_log/")).count()
    }
}

/// True when `verify --json` found the table exact, or incomplete for nothing but quarantined log files: trees of ours have some.
fn is_whole(output: &Output) -> bool {
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let is_expected = |kind: &str| match kind {
        "quarantined_log_files" => true,
        // What a tree says of itself to check.py.
        "objects_not_compared" => said["notes"][kind]["first"]
            .as_array()
            .is_some_and(|named| named.len() == 1 && named.iter().all(|named| named["source_object"] == "expect.json")),
        _ => false,
    };
    match said["verdict"].as_str() {
        Some("exact") => output.status.success(),
        Some("incomplete") => said["missing"].as_object().is_some_and(|missing| missing.keys().all(|kind| is_expected(kind))),
        _ => false,
    }
}

pub(crate) fn arguments<'a>(table: &'a str, sources: &[&'a Path], more: &[&'a str]) -> Vec<&'a str> {
    let sources = sources.iter().map(|source| source.to_str().expect("a path in UTF-8"));
    [table].into_iter().chain(sources).chain(more.iter().copied()).collect()
}

fn walk(root: &Path, dir: &Path, keys: &mut Vec<String>) {
    // A directory that is not there has no files; one that goes away while it is read has none left.
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, keys);
        } else if let Ok(key) = path.strip_prefix(root) {
            keys.push(key.to_string_lossy().into_owned());
        }
    }
}
