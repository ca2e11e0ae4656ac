//! Asked to end, a process ends in order: what was acknowledged is in the table.

use tests::case::{Case, PARTITIONS};
use tests::wait;

#[test]
fn sigterm_ends_a_run_with_everything_acknowledged_in_the_table() {
    let Some(case) = Case::local("sigterm") else { return };
    let (tree, table) = (case.tree("tree", 61, 1_500), case.text("table"));
    let from = tree.to_str().expect("UTF-8");
    let run = case.switchback("run", &["run", "--from", from, "--to", &table, "--seal-age", "1h", "--poll", "200ms"], &[]);
    // A line now and then tells how many log files were found and how many of them are acknowledged.
    let all_acknowledged = || {
        let printed = run.printed();
        let line = printed.lines().rev().find_map(|line| line.trim().strip_prefix("log files "));
        line.and_then(|rest| rest.split_whitespace().next())
            .and_then(|n| n.split_once('/'))
            .is_some_and(|(a, b)| a == b && b != "0")
    };
    wait::until_true("every log file is acknowledged", all_acknowledged);
    assert_eq!(case.judge.batches(&table), 0, "nothing was sealed yet: it is the end that seals");
    run.term().well();
    case.judge.exact(&table, &[&tree]);
}

#[test]
fn sigterm_ends_services_in_order_and_others_go_on_where_they_were() {
    let Some(case) = Case::shared("term") else { return };
    let (tree, table) = (case.tree("tree", 62, 2_000), case.s3("table"));
    let source = case.upload(&tree, "source");
    case.topic().create(PARTITIONS);
    let aggregator = case.aggregator("aggregator-1", &source, &[]);
    let persister = case.persist("persister-1", &table, &[]);
    wait::until_true("something is published", || persister.printed().contains("published"));
    aggregator.term().well();
    persister.term().well();
    case.judge.no_row_twice(&table, &[&tree]);
    case.aggregate("aggregator-2", &source).wait().well();
    let persister = case.persist("persister-2", &table, &[]);
    case.topic().drained(PARTITIONS);
    persister.term().well();
    case.judge.exact(&table, &[&tree]);
}
