//! Committed offsets are a mirror: whatever happens to them, the table's own chain decides.

use tests::case::{Case, PARTITIONS};
use tests::kafka::Topic;
use tests::wait;

/// Fills a table, harms the group, and starts a persister again: the table stays as it is, then takes a second delivery.
fn harmless(name: &str, harm: impl FnOnce(&Topic)) {
    let Some(case) = Case::shared(name) else { return };
    let (first, second) = (case.tree("first", 21, 1_000), case.tree("second", 22, 1_000));
    let (table, topic) = (case.s3("table"), case.topic());
    case.aggregate("aggregator-1", &case.upload(&first, "first")).wait().well();
    let persister = case.persist("persister-1", &table, &[]);
    topic.drained(PARTITIONS);
    persister.term().well();
    let files = case.judge.files(&table);

    harm(&topic);
    let persister = case.persist("persister-2", &table, &[]);
    let assigned = || persister.printed().matches("assigned").count();
    wait::until_true("both partitions are assigned", || assigned() >= usize::try_from(PARTITIONS).expect("a count"));
    persister.term().well();
    assert_eq!(case.judge.files(&table), files);

    case.aggregate("aggregator-2", &case.upload(&second, "second")).wait().well();
    let persister = case.persist("persister-3", &table, &[]);
    topic.drained(PARTITIONS);
    persister.term().well();
    case.judge.exact(&table, &[&first, &second]);
}

#[test]
fn a_deleted_group_changes_nothing_in_the_table() {
    harmless("group-deleted", Topic::delete_group);
}

#[test]
fn offsets_that_are_set_to_zero_change_nothing_in_the_table() {
    harmless("group-reset", |topic| topic.reset_group(PARTITIONS));
}
