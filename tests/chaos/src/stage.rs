//! The setting of a round: log files, a topic, a table, and how processes are started on them.

use crate::actor::{Role, Share};
use crate::context::Context;
use std::path::{Path, PathBuf};
use tests::judge::Judge;
use tests::kafka::Topic;
use tests::process::{Process, binary};

/// Where the table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the bucket.
    Bucket,
    /// In the round's directory.
    Directory,
    /// In this directory.
    At(PathBuf),
}

/// What a round is about.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Part of its names.
    pub(crate) name: String,
    /// Seed of its log files.
    pub(crate) seed: u64,
    /// Partitions of its topic.
    pub(crate) partitions: u32,
    /// Records in its log files.
    pub(crate) records: u64,
    /// Deliveries that its log files come in.
    pub(crate) parts: u64,
    /// Where its table is.
    pub(crate) table: Place,
    /// True when its persisters are members of a group.
    pub(crate) group: bool,
    /// Share of records that are late: each has a file of its own in its batch.
    pub(crate) late: &'static str,
    /// When its batches are cut: `bytes`, `age`.
    pub(crate) seal: (&'static str, &'static str),
}

impl Plan {
    /// What most rounds need: many small batches in the bucket, partitions told and not negotiated.
    pub(crate) fn new(name: impl Into<String>, seed: u64) -> Plan {
        Plan {
            name: name.into(),
            seed,
            partitions: 4,
            records: 8_000,
            parts: 100,
            table: Place::Bucket,
            group: false,
            late: "0.02",
            seal: ("8KiB", "150ms"),
        }
    }
}

/// A round's own world.
pub(crate) struct Stage {
    /// The round's directory.
    pub(crate) dir: PathBuf,
    /// All log files, with the truth about them.
    pub(crate) tree: PathBuf,
    /// Where they are delivered, bit by bit.
    pub(crate) source: PathBuf,
    /// The round's topic and group.
    pub(crate) topic: Topic,
    /// The round's table.
    pub(crate) table: String,
    /// The judge.
    pub(crate) judge: Judge,
    /// What the round is about.
    pub(crate) plan: Plan,
    env: Vec<(String, String)>,
    product: Option<PathBuf>,
}

/// Records in a log file, on average.
const PER_FILE: &str = "12";

impl Stage {
    /// Makes the log files and the topic.
    pub(crate) fn set(context: &Context, plan: Plan) -> Stage {
        let services = &context.services;
        // Unique among runs that share services, too.
        let name = format!("chaos-{}-{}-{}", plan.name, plan.seed, std::process::id());
        let dir = context.dir().join(&plan.name);
        std::fs::create_dir(&dir).expect("a round has a directory of its own");
        let table = match &plan.table {
            Place::Bucket => format!("s3://{}/{name}", services.bucket),
            Place::Directory => text(&dir.join("table")),
            Place::At(path) => text(path),
        };
        let stage = Stage {
            tree: dir.join("tree"),
            source: dir.join("source"),
            topic: Topic { brokers: services.kafka.clone(), name: name.clone(), group: format!("{name}-group") },
            table,
            judge: Judge::beside(services),
            env: services.env.clone(),
            product: context.options.product.clone(),
            dir,
            plan,
        };
        stage.generate();
        std::fs::create_dir(&stage.source).expect("a new directory");
        stage.topic.create(i32::try_from(stage.plan.partitions).expect("a count"));
        stage
    }

    /// A little of everything: copies, late events, digests, bad records, bad files.
    fn generate(&self) {
        let (out, seed, records) = (text(&self.tree), self.plan.seed.to_string(), self.plan.records.to_string());
        let mut arguments = vec!["generate", "--out", &out, "--seed", &seed, "--records", &records, "--per-file", PER_FILE];
        arguments.extend([
            "--late",
            self.plan.late,
            "--duplicate-files",
            "0.1",
            "--malformed-records",
            "0.01",
            "--malformed-files",
            "0.03",
            "--undated",
            "0.02",
        ]);
        arguments.extend(["--accounts", "6", "--regions", "3", "--digests"]);
        self.run("switchback", "generate", &arguments, &[]).wait().well();
    }

    /// Starts an actor's process; `label` names its output.
    pub(crate) fn start(&self, role: &Role, name: &str, label: &str, env: &[(String, String)]) -> Process {
        match role {
            Role::Aggregator => {
                let config = self.aggregator(name, &self.source, Some(&self.dir.join(format!("{name}-marks"))));
                self.run("aggregator", label, &["--config", &config], env)
            }
            Role::Persister(share) => {
                let config = self.persister(name, share);
                self.run("persister", label, &["--config", &config], env)
            }
        }
    }

    /// Sends a whole source, remembering nothing, and waits until it is sent.
    pub(crate) fn send_all(&self, label: &str, source: &Path) {
        let config = self.aggregator(label, source, None);
        self.run("aggregator", label, &["--config", &config, "--once"], &[]).wait().well();
    }

    /// A log file's messages go out a few at a time, so that one that dies leaves half of them, and two at once mix theirs.
    fn aggregator(&self, name: &str, source: &Path, marks: Option<&Path>) -> String {
        let state = marks.map_or(String::new(), |marks| format!("[state]\ndir = {marks:?}\n"));
        let topic = &self.topic;
        let config = format!(
            "[source]\nurl = {source:?}\npoll = \"100ms\"\n[kafka]\nbrokers = {:?}\ntopic = {:?}\n\
             [kafka.properties]\n\"linger.ms\" = \"5\"\n\"batch.num.messages\" = \"3\"\n\"reconnect.backoff.max.ms\" = \"500\"\n\
             {state}[limits]\nworkers = 1\nretry = \"100ms\"\n",
            topic.brokers, topic.name
        );
        self.config(name, &config)
    }

    fn persister(&self, name: &str, share: &Share) -> String {
        let partitions = match share {
            Share::Static(partitions) => format!("static_partitions = {partitions:?}\n"),
            Share::Group => String::new(),
        };
        let (topic, (bytes, age)) = (&self.topic, self.plan.seal);
        let config = format!(
            "[kafka]\nbrokers = {:?}\ntopic = {:?}\ngroup = {:?}\n{partitions}[kafka.properties]\n\"session.timeout.ms\" = \"1200\"\n\
             \"heartbeat.interval.ms\" = \"250\"\n\"reconnect.backoff.max.ms\" = \"500\"\n[table]\nurl = {:?}\n\
             [seal]\nbytes = {bytes:?}\nage = {age:?}\n[limits]\nencoders = 1\n",
            topic.brokers, topic.name, topic.group, self.table
        );
        self.config(name, &config)
    }

    fn config(&self, name: &str, text: &str) -> String {
        let file = self.dir.join(format!("{name}.toml"));
        std::fs::write(&file, text).expect("a configuration file");
        file.to_str().expect("UTF-8").to_owned()
    }

    /// Starts any of our binaries.
    pub(crate) fn run(&self, name: &str, label: &str, arguments: &[&str], env: &[(String, String)]) -> Process {
        let env: Vec<_> = self.env.iter().chain(env).cloned().collect();
        let path = match &self.product {
            Some(product) if name != "switchback" => product.join(name),
            _ => binary(name),
        };
        Process::start_at(&path, arguments, &env, &self.dir.join(format!("{label}.log")))
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
