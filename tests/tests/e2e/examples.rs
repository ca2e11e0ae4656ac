//! What `examples/` shows to others works: each program is run on a topic and a table of ours, and what it says of them is true.

use tests::case::{Case, PARTITIONS};

const READ_TOPIC: &str = "../../examples/read_topic.py";
const READ_TABLE: &str = "../../examples/read_table.py";

#[test]
fn the_examples_read_the_topic_and_the_table() {
    let Some(case) = Case::shared("examples") else { return };
    let (tree, table, topic) = (case.tree("tree", 91, 1_000), case.text("table"), case.topic());
    let source = tree.to_str().expect("UTF-8");
    // Twice: a reader of the topic must take each event once all the same.
    case.aggregate("aggregator-1", source).wait().well();
    case.aggregate("aggregator-2", source).wait().well();
    let persister = case.persist("persister", &table, &[]);
    topic.drained(PARTITIONS);
    persister.term().well();

    let events = case.judge.run(READ_TOPIC, &[&topic.brokers, &topic.name]);
    let judged = case.judge.run("check.py", &[&table, source]);
    assert!(judged.starts_with(&format!("{} rows,", events.lines().count())), "{judged}");
    let denied = case.judge.run(READ_TABLE, &[&table]);
    assert!(denied.contains("event_source") && denied.contains("denied"), "{denied}");
}
