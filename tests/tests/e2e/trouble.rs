//! A source in trouble: what it does not list or give is named, what it does give is in the table, and no exit code says otherwise.

use common::failure::{EXIT_CONFIG, EXIT_FAILURE};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tests::case::Case;
use tests::process::{Ended, Process, Signal, binary};
use tests::wait;

const FAILURE: i32 = EXIT_FAILURE as i32;

/// About thirty log files of three records each.
fn tree(case: &Case) -> PathBuf {
    let out = case.path("tree");
    let arguments = ["generate", "--out", out.to_str().expect("UTF-8"), "--seed", "91", "--records", "90", "--per-file", "3"];
    case.switchback("generate", &arguments, &[]).wait().well();
    out
}

/// Names of the log files, sorted.
fn names(tree: &std::path::Path) -> Vec<String> {
    fn walk(dir: &std::path::Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, names);
            } else if path.to_string_lossy().ends_with(".json.gz") {
                names.push(entry.file_name().into_string().expect("UTF-8"));
            }
        }
    }
    let mut names_of = Vec::new();
    walk(tree, &mut names_of);
    names_of.sort();
    names_of
}

/// A server in trouble over a tree.
struct Lame {
    case: Case,
    names: Vec<String>,
    env: [(&'static str, String); 4],
    _server: Process,
}

impl Lame {
    fn new(name: &str, rules: &str) -> Option<Lame> {
        let case = Case::local(name)?;
        let tree = tree(&case);
        let file = case.path("rules.json");
        std::fs::write(&file, rules).expect("our own file");
        let server = case.judge.start_with("lame_s3.py", &[&tree, &file], &case.path("lame.log"));
        let url = wait::until("the server has printed its address", || {
            server.printed().lines().next().filter(|line| line.starts_with("http")).map(str::to_owned)
        });
        let env = [
            ("AWS_ENDPOINT_URL", url),
            ("AWS_ACCESS_KEY_ID", "x".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "x".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        Some(Lame { names: names(&tree), case, env, _server: server })
    }

    /// Five of the log files are answered with this status.
    fn five(&self, status: u16) -> String {
        let objects: Vec<String> = self.names[..5].iter().map(|name| format!("{name:?}:{status}")).collect();
        format!("{{\"objects\":{{{}}}}}", objects.join(","))
    }

    /// New rules, whole at once.
    fn set(&self, rules: &str) {
        let hidden = self.case.path("rules.part");
        std::fs::write(&hidden, rules).expect("our own file");
        std::fs::rename(hidden, self.case.path("rules.json")).expect("a rename");
    }

    fn run(&self, more: &[&str]) -> Process {
        let table = self.case.text("table");
        let env: Vec<(&str, &str)> = self.env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let arguments = ["run", "--from", "s3://bucket", "--to", &table, "--seal-age", "200ms", "--poll", "200ms"];
        self.case.switchback("run", &[&arguments[..], more].concat(), &env)
    }

    /// The progress line of a run that has read `n` of all log files.
    fn progress(&self, n: usize) -> String {
        format!("log files {n}/{}", self.names.len())
    }

    fn wait_for_all(&self, run: &Process) {
        wait::until_true("all are read", || run.printed().contains(&self.progress(self.names.len())));
    }

    fn exact(&self) {
        self.case.judge.exact(&self.case.text("table"), &[&self.case.path("tree")]);
    }
}

#[test]
fn five_of_thirty_that_are_denied_are_named_and_the_others_are_in_the_table() {
    let Some(lame) = Lame::new("denied", "{}") else { return };
    lame.set(&lame.five(403));
    let read = format!("{} read", lame.names.len() - 5);
    let ended = lame.run(&["--once"]).wait().with(FAILURE).saying(&read).saying("5 AccessDenied");
    assert!(lame.names[..5].iter().any(|name| ended.output.contains(name)), "none is named:\n{}", ended.output);
    assert!(!ended.output.contains("PutObject"), "a source is only read:\n{}", ended.output);
    lame.set("{}");
    lame.run(&["--once"]).wait().well();
    lame.exact();
}

#[test]
fn what_is_refused_for_a_while_is_read_when_it_is_not_any_more() {
    for status in [400, 403] {
        let Some(lame) = Lame::new("refused", "{}") else { return };
        lame.set(&lame.five(status));
        let run = lame.run(&[]);
        wait::until_true("the trouble is told", || run.printed().contains("does not give"));
        wait::until_true("the others are read", || run.printed().contains(&lame.progress(lame.names.len() - 5)));
        lame.set("{}");
        lame.wait_for_all(&run);
        run.term().well();
        lame.exact();
    }
}

#[test]
fn a_listing_that_answers_500_is_told_and_once_ends_and_following_does_not() {
    let Some(lame) = Lame::new("list500", "{\"list\":500}") else { return };
    let started = Instant::now();
    lame.run(&["--once"]).wait().with(FAILURE).saying("cannot be listed whole").saying("InternalError");
    assert!(started.elapsed() < Duration::from_secs(110), "{:?}", started.elapsed());
    let run = lame.run(&[]);
    wait::until_true("the trouble is told", || run.printed().contains("cannot be listed whole"));
    lame.set("{}");
    lame.wait_for_all(&run);
    run.term().well();
    lame.exact();
}

#[test]
fn an_endpoint_that_says_nothing_is_named_with_its_setting() {
    let Some(lame) = Lame::new("mute", "{\"mute\":true}") else { return };
    let run = lame.run(&[]);
    let started = Instant::now();
    wait::until_true("it is named", || run.printed().contains("still waiting for a listing of s3://bucket"));
    assert!(started.elapsed() < Duration::from_secs(15) && run.printed().contains("AWS_ENDPOINT_URL"), "{}", run.printed());
    lame.set("{}");
    lame.wait_for_all(&run);
    run.term().well();
    // The same for a table: the probe asks it.
    lame.set("{\"mute\":true}");
    let (tree, state) = (lame.case.text("tree"), format!("embedded:{}", lame.case.text("state")));
    let env: Vec<(&str, &str)> = lame.env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let arguments = ["run", "--from", &tree, "--to", "s3://bucket/table", "--log", &state];
    let run = lame.case.switchback("table", &arguments, &env);
    wait::until_true("it is named", || run.printed().contains("still waiting for s3://bucket/table"));
    assert!(run.printed().contains("--to"), "{}", run.printed());
}

#[test]
fn brokers_that_say_nothing_are_named_with_their_setting() {
    let Some(case) = Case::local("broker") else { return };
    let tree = tree(&case);
    // Nobody accepts.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let brokers = listener.local_addr().expect("bound").to_string();
    let config = format!("[source]\nurl = {:?}\n[kafka]\nbrokers = {brokers:?}\n", tree.to_str().expect("UTF-8"));
    let aggregator = case.start("aggregator", "aggregator", &["--config", &case.config("a", &config)], &[]);
    aggregator
        .wait()
        .with(EXIT_CONFIG.into())
        .saying(&format!("still waiting for a broker of {brokers}"))
        .saying("kafka.brokers");
}

/// Runs `switchback run --once` over a tree by a shell that first does `before`.
fn once_after(case: &Case, before: &str, prefix: &[&str]) -> Ended {
    let script = format!("{before}; exec \"$0\" \"$@\"");
    let mut words: Vec<String> = prefix.iter().map(|word| (*word).to_owned()).collect();
    words.extend(["sh", "-c", &script].map(str::to_owned));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(binary("switchback")).args(["run", "--once", "--from", &case.text("tree")]);
    command.args(["--to", &case.text("table")]);
    Process::spawn(&mut command, &case.path("run.log")).wait()
}

#[test]
fn a_directory_without_permission_is_named_and_the_exit_code_says_so() {
    let Some(case) = Case::local("locked") else { return };
    let tree = tree(&case);
    std::fs::create_dir(tree.join("locked")).expect("a directory");
    let mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(tree.join("locked"), std::fs::Permissions::from_mode(mode)).expect("our own directory");
    };
    mode(0o000);
    // Root may look into every directory, unless it is taken from it.
    let is_root = std::fs::read_dir(tree.join("locked")).is_ok();
    let drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
    let prefix: &[&str] = if is_root { &drop } else { &[] };
    once_after(&case, ":", prefix)
        .with(FAILURE)
        .saying(&format!("{} read", names(&tree).len()))
        .saying("Permission denied")
        .saying("locked");
    mode(0o700);
    once_after(&case, ":", &[]).well();
    case.judge.exact(&case.text("table"), &[&tree]);
}

#[test]
fn with_too_few_file_descriptors_nothing_is_said_to_be_done_that_is_not() {
    let Some(case) = Case::local("descriptors") else { return };
    let tree = tree(&case);
    let files = names(&tree).len();
    for limit in 8..20 {
        let ended = once_after(&case, &format!("ulimit -n {limit}"), &[]);
        let is_whole =
            [format!("{files} read"), format!("{files} processed earlier")].iter().any(|all| ended.output.contains(all));
        match ended.status.code() {
            Some(0) => assert!(is_whole, "{limit}:\n{}", ended.output),
            Some(_) => assert!(
                ended.output.contains("Too many open files") || ended.output.contains("os error 24"),
                "{limit}:\n{}",
                ended.output
            ),
            None => panic!("{limit}: {:?}\n{}", ended.status, ended.output),
        }
    }
    once_after(&case, ":", &[]).well();
    case.judge.exact(&case.text("table"), &[&tree]);
}

#[test]
fn one_run_that_a_signal_ends_half_way_says_so() {
    for (signal, code) in [(Signal::Term, 143), (Signal::Interrupt, 130)] {
        let Some(lame) = Lame::new("signal", "{\"mute\":true}") else { return };
        let run = lame.run(&["--once"]);
        wait::until_true("it is at work", || run.printed().contains("log  "));
        run.signal(signal);
        run.wait().with(code).saying("ended early");
        lame.set("{}");
        lame.run(&["--once"]).wait().well();
        lame.exact();
    }
}
