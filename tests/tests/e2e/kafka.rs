//! Both services over Kafka and S3, each a process of its own: normal runs, repeated runs, several of each at once.

use tests::case::{Case, PARTITIONS};
use tests::process::Signal;
use tests::wait;

#[test]
fn two_services_make_an_exact_table_and_the_same_files_again_change_nothing() {
    let Some(case) = Case::shared("services") else { return };
    let tree = case.tree("tree", 11, 2_000);
    let (source, table) = (case.upload(&tree, "source"), case.s3("table"));
    case.aggregate("aggregator", &source).wait().well();
    let persister = case.persist("persister", &table, &[]);
    case.topic().drained(PARTITIONS);
    case.judge.exact(&table, &[&tree]);

    let files = case.judge.files(&table);
    case.aggregate("aggregator-again", &source).wait().well();
    case.topic().drained(PARTITIONS);
    persister.term().well();
    assert_eq!(case.judge.files(&table), files);
}

#[test]
fn two_aggregators_on_the_same_files_and_two_persisters_in_one_group_are_exact() {
    let Some(case) = Case::shared("twice") else { return };
    let tree = case.tree("tree", 12, 3_000);
    let (source, table) = (case.upload(&tree, "source"), case.s3("table"));
    case.topic().create(PARTITIONS);
    let persisters = [case.persist("persister-a", &table, &[]), case.persist("persister-b", &table, &[])];
    let aggregators = [case.aggregate("aggregator-a", &source), case.aggregate("aggregator-b", &source)];
    for aggregator in aggregators {
        aggregator.wait().well();
    }
    case.topic().drained(PARTITIONS);
    for persister in persisters {
        persister.term().well();
    }
    case.judge.exact(&table, &[&tree]);
}

#[test]
fn a_table_of_a_topic_whose_oldest_messages_have_expired_begins_later_and_is_exact() {
    let Some(case) = Case::shared("begins-later") else { return };
    let (tree, table) = (case.tree("tree", 16, 600), case.s3("table"));
    let source = tree.to_str().expect("UTF-8");
    case.aggregate("aggregator", source).wait().well();
    // In the middle of a run: what is left of it is no one's, until all of it comes again.
    let ends = case.topic().ends(PARTITIONS).expect("a topic");
    case.topic().expire_below(&ends.iter().map(|end| end / 2).collect::<Vec<_>>());
    case.aggregate("aggregator-again", source).wait().well();
    let persister = case.persist("persister", &table, &[]);
    case.topic().drained(PARTITIONS);
    persister.term().well();
    case.judge.exact(&table, &[&tree]);
}

#[test]
fn one_process_over_kafka_makes_its_topic_and_an_exact_table() {
    let Some(case) = Case::shared("run") else { return };
    let tree = case.tree("tree", 13, 2_000);
    let (source, table) = (case.upload(&tree, "source"), case.s3("table"));
    let log = format!("kafka://{}/{}", case.topic().brokers, case.topic().name);
    let run = || case.run_once(&source, &table, &["--log", &log, "--seal-bytes", "16KiB"]).well();
    run().saying("(created)");
    case.judge.exact(&table, &[&tree]);
    let files = case.judge.files(&table);
    run();
    assert_eq!(case.judge.files(&table), files);
}

#[test]
fn a_persister_that_stood_still_while_another_took_over_does_no_harm() {
    let Some(case) = Case::shared("zombie") else { return };
    let (first, second) = (case.tree("first", 14, 3_000), case.tree("second", 15, 1_000));
    let table = case.s3("table");
    case.topic().create(PARTITIONS);
    let zombie = case.persist("zombie", &table, &[]);
    let aggregator = case.aggregate("aggregator-1", &case.upload(&first, "first"));
    // In the middle of its work: something is published, something else is open.
    wait::until_true("the first persister has published", || zombie.printed().contains("published"));
    zombie.signal(Signal::Stop);
    aggregator.wait().well();

    let heir = case.persist("heir", &table, &[]);
    case.topic().drained(PARTITIONS);
    case.judge.exact(&table, &[&first]);
    let source = case.upload(&second, "second");
    let aggregator = case.aggregate("aggregator-2", &source);
    zombie.signal(Signal::Cont);
    aggregator.wait().well();
    case.topic().drained(PARTITIONS);
    case.judge.no_row_twice(&table, &[&first, &second]);
    zombie.term().well();
    heir.term().well();
    case.judge.exact(&table, &[&first, &second]);
}
