//! The world of one test: a directory, a topic and group, a prefix in the bucket; names are unique, and all is removed when the test is over.

use crate::judge::Judge;
use crate::kafka::Topic;
use crate::process::{Ended, Process};
use crate::services::Services;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Partitions of every test's topic: more than one, so that partitions can go wrong apart from each other.
pub const PARTITIONS: i32 = 2;

/// A world. Fields are dropped in this order: services before the directory that holds their data.
#[derive(Debug)]
pub struct Case {
    /// The judge, who finds the services by itself.
    pub judge: Judge,
    name: String,
    services: Option<Services>,
    dir: tempfile::TempDir,
}

impl Case {
    /// A world without services.
    pub fn local(name: &str) -> Option<Case> {
        Some(Case { judge: Judge::local()?, name: unique(name), services: None, dir: directory() })
    }

    /// A world with the services that all tests share.
    pub fn shared(name: &str) -> Option<Case> {
        let services = Services::shared()?;
        let judge = Judge::local()?.with_env(&services.env);
        Some(Case { judge, name: unique(name), services: Some(services), dir: directory() })
    }

    /// A world with services of its own, to be stopped and killed.
    pub fn private(name: &str) -> Option<Case> {
        let judge = Judge::local()?;
        let dir = directory();
        let services = Services::private(&dir.path().join("services"))?;
        let judge = judge.with_env(&services.env);
        Some(Case { judge, name: unique(name), services: Some(services), dir })
    }

    /// A path in the test's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// The services.
    pub fn services(&self) -> &Services {
        self.services.as_ref().expect("a test with services")
    }

    /// The test's own topic and group.
    pub fn topic(&self) -> Topic {
        Topic { brokers: self.services().kafka.clone(), name: self.name.clone(), group: format!("{}-group", self.name) }
    }

    /// A place in the bucket.
    pub fn s3(&self, name: &str) -> String {
        format!("s3://{}/{}/{name}", self.services().bucket, self.name)
    }

    /// Writes a tree of log files with a little of everything, in small files: copies, digests, bad records, bad files, late events.
    pub fn tree(&self, name: &str, seed: u64, records: u64) -> PathBuf {
        let (out, seed, records) = (self.path(name), seed.to_string(), records.to_string());
        let arguments = ["generate", "--out", out.to_str().expect("UTF-8"), "--seed", &seed, "--records", &records];
        let share = ["--per-file", "40", "--malformed-records", "0.01", "--malformed-files", "0.05", "--duplicate-files", "0.1"];
        self.switchback("generate", &[&arguments[..], &share, &["--digests", "--accounts", "6"]].concat(), &[]).wait().well();
        out
    }

    /// Puts a tree into the bucket, and tells where.
    pub fn upload(&self, tree: &Path, name: &str) -> String {
        let url = self.s3(name);
        self.judge.run("s3.py", &["put", tree.to_str().expect("UTF-8"), &url]);
        url
    }

    /// Starts `switchback`; its output goes to a file named after `label`.
    pub fn switchback(&self, label: &str, arguments: &[&str], env: &[(&str, &str)]) -> Process {
        self.start("switchback", label, arguments, env)
    }

    /// Runs `switchback run --once` from a source to a table.
    pub fn run_once(&self, from: &str, to: &str, more: &[&str]) -> Ended {
        self.switchback("run", &[&["run", "--once", "--from", from, "--to", to], more].concat(), &[]).wait()
    }

    /// Starts the aggregator over a source, from a configuration file, remembering nothing; it ends when it has sent everything.
    pub fn aggregate(&self, label: &str, source: &str) -> Process {
        self.aggregator(label, source, &["--once"])
    }

    /// Starts the aggregator with more flags.
    pub fn aggregator(&self, label: &str, source: &str, more: &[&str]) -> Process {
        let topic = self.topic();
        let config = format!(
            "[source]\nurl = {source:?}\npoll = \"200ms\"\n[kafka]\nbrokers = {:?}\ntopic = {:?}\ncreate = true\npartitions = {PARTITIONS}\n",
            topic.brokers, topic.name
        );
        let file = self.config(label, &config);
        self.start("aggregator", label, &[&["--config", &file], more].concat(), &[])
    }

    /// Starts a persister from a configuration file, with small batches; it runs until it is stopped.
    pub fn persist(&self, label: &str, table: &str, env: &[(&str, &str)]) -> Process {
        let topic = self.topic();
        // A dead member holds its partitions until its session is over.
        let config = format!(
            "[kafka]\nbrokers = {:?}\ntopic = {:?}\ngroup = {:?}\n[kafka.properties]\n\"session.timeout.ms\" = \"2000\"\n\
             \"heartbeat.interval.ms\" = \"500\"\n[table]\nurl = {table:?}\n[seal]\nbytes = \"16KiB\"\nage = \"300ms\"\n",
            topic.brokers, topic.name, topic.group
        );
        let file = self.config(label, &config);
        self.start("persister", label, &["--config", &file], env)
    }

    /// Writes a configuration file, and tells where.
    pub fn config(&self, label: &str, text: &str) -> String {
        let file = self.path(&format!("{label}.toml"));
        std::fs::write(&file, text).expect("a configuration file");
        file.to_str().expect("UTF-8").to_owned()
    }

    /// Starts any of our binaries, with what it needs to find S3.
    pub fn start(&self, binary: &str, label: &str, arguments: &[&str], env: &[(&str, &str)]) -> Process {
        let own = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let env: Vec<_> = self.services.iter().flat_map(|services| services.env.clone()).chain(own).collect();
        Process::start(binary, arguments, &env, &self.path(&format!("{label}.log")))
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        // A private pair goes away as a whole, and a failing test leaves what it was about for people to look at.
        if let Some(services) = self.services.as_ref().filter(|services| !services.is_private())
            && !std::thread::panicking()
        {
            self.judge.script("s3.py", &["clear", &format!("s3://{}/{}", services.bucket, self.name)]);
            self.topic().forget();
        }
        if std::thread::panicking() {
            self.dir.disable_cleanup(true);
            eprintln!("left for you: {} ({})", self.dir.path().display(), self.name);
        }
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
    format!("e2e-{name}-{}-{nanos}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Adds what lies in one tree to another, leaving the truths where they are: a later delivery to the same bucket.
pub fn deliver(tree: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(tree).expect("a directory").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            deliver(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().starts_with("truth") {
            copy(&entry.path(), &target);
        }
    }
}

/// Copies a file with the time it was written: a local file's entity tag is made of that, and the same object in a copied bucket has
/// the same tag.
fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("a copy");
    let written = std::fs::metadata(from).and_then(|metadata| metadata.modified()).expect("a time");
    std::fs::File::options().append(true).open(to).and_then(|copy| copy.set_modified(written)).expect("our own file");
}

/// Log files of a tree, in a fixed order, as deliveries of about the same size: what is added to a source bit by bit.
#[derive(Debug)]
pub struct Deliveries {
    tree: PathBuf,
    files: Vec<PathBuf>,
    parts: usize,
    next: usize,
    withdrawn: usize,
}

impl Deliveries {
    /// Cuts a tree into so many parts.
    pub fn of(tree: &Path, parts: usize) -> Deliveries {
        let mut files = Vec::new();
        collect(tree, &mut files);
        files.sort();
        Deliveries { tree: tree.to_owned(), files, parts, next: 0, withdrawn: 0 }
    }

    /// Copies the next part to `to`; the last one takes what is left. Files appear whole, as S3's objects do.
    pub fn next(&mut self, to: &Path) {
        let files = self.part(self.next);
        self.next = (self.next + 1).min(self.parts);
        for file in &self.files[files] {
            let target = self.target(file, to);
            std::fs::create_dir_all(target.parent().expect("a directory")).expect("a directory");
            let hidden = target.with_extension("part");
            copy(file, &hidden);
            std::fs::rename(hidden, target).expect("a rename");
        }
    }
}

impl Deliveries {
    /// Takes back all but the `keep` newest parts, as a bucket's lifecycle does: what is left bounds how much whoever has forgotten
    /// everything sends again.
    pub fn withdraw(&mut self, keep: usize, from: &Path) {
        while self.withdrawn + keep < self.next {
            for file in &self.files[self.part(self.withdrawn)] {
                std::fs::remove_file(self.target(file, from)).expect("a file that was delivered");
            }
            self.withdrawn += 1;
        }
    }

    /// Log files of the tree, copies included.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    fn part(&self, number: usize) -> std::ops::Range<usize> {
        let at = |part: usize| self.files.len() * part.min(self.parts) / self.parts;
        at(number)..at(number + 1)
    }

    fn target(&self, file: &Path, to: &Path) -> PathBuf {
        to.join(file.strip_prefix(&self.tree).expect("a file of the tree"))
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry")) {
        if entry.path().is_dir() {
            collect(&entry.path(), files);
        } else if !entry.file_name().to_string_lossy().starts_with("truth") {
            files.push(entry.path());
        }
    }
}
