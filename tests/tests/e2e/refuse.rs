//! What would break the promise is refused or halted, with a reason that an operator can act on and the right exit code.

use common::failure::{EXIT_CONFIG, EXIT_FAILURE};
use tests::case::{Case, PARTITIONS};
use tests::wait;

const CONFIG: i32 = EXIT_CONFIG as i32;
const FAILURE: i32 = EXIT_FAILURE as i32;

/// A world with a table that holds a tree, and nobody at work.
fn filled(name: &str) -> Option<(Case, String)> {
    let case = Case::shared(name)?;
    let (tree, table) = (case.tree("tree", 81, 500), case.s3("table"));
    case.aggregate("aggregator", tree.to_str().expect("UTF-8")).wait().well();
    let persister = case.persist("persister-1", &table, &[]);
    case.topic().drained(PARTITIONS);
    persister.term().well();
    Some((case, table))
}

#[test]
fn a_topic_that_was_given_more_partitions_is_refused() {
    let Some((case, table)) = filled("grown") else { return };
    case.topic().grow(3);
    case.persist("persister-2", &table, &[]).wait().with(CONFIG).saying("pinned to the partition count 2");
    let log = format!("kafka://{}/{}", case.topic().brokers, case.topic().name);
    case.run_once(&case.text("tree"), &table, &["--log", &log]).with(CONFIG).saying("partition");
}

#[test]
fn a_topic_that_was_made_again_halts_whether_it_is_empty_or_full() {
    let Some((case, table)) = filled("recreated") else { return };
    let files = case.judge.files(&table);
    case.topic().delete();
    case.topic().create(PARTITIONS);
    case.persist("persister-2", &table, &[]).wait().with(FAILURE).saying("topic recreated");
    let more = case.tree("more", 82, 1_500);
    case.aggregate("aggregator-2", more.to_str().expect("UTF-8")).wait().well();
    case.persist("persister-3", &table, &[]).wait().with(FAILURE).saying("topic recreated");
    assert_eq!(case.judge.files(&table), files);
}

#[test]
fn data_that_expired_before_it_was_read_halts() {
    let Some((case, table)) = filled("expired") else { return };
    let files = case.judge.files(&table);
    let more = case.tree("more", 83, 1_000);
    case.aggregate("aggregator-2", more.to_str().expect("UTF-8")).wait().well();
    case.topic().expire(PARTITIONS);
    case.persist("persister-2", &table, &[]).wait().with(FAILURE).saying("data expired");
    assert_eq!(case.judge.files(&table), files);
}

#[test]
fn a_store_that_ignores_the_condition_of_a_put_is_refused() {
    let Some(case) = Case::local("naive") else { return };
    let tree = case.tree("tree", 84, 100);
    let server = case.judge.start("naive_s3.py", &case.path("naive.log"));
    let url = wait::until("the server has printed its address", || {
        server.printed().lines().next().filter(|line| line.starts_with("http")).map(str::to_owned)
    });
    let env = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "us-east-1"),
    ];
    let log = format!("embedded:{}", case.text("state"));
    let arguments = ["run", "--once", "--from", &case.text("tree"), "--to", "s3://bucket/table", "--log", &log];
    case.switchback("run", &arguments, &env).wait().with(CONFIG).saying("does not honour conditional puts");
    assert!(tree.exists());
}

#[test]
fn a_key_that_nobody_knows_is_refused_by_name() {
    let Some(case) = Case::local("key") else { return };
    for (binary, key) in [("aggregator", "kafka.partition"), ("persister", "seal.size"), ("persister", "tabel")] {
        let set = format!("{key}=1");
        case.start(binary, binary, &["--set", &set], &[]).wait().with(CONFIG).saying(key);
    }
}
