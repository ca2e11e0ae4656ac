//! The services that we stand on go away in the middle of the work and come back.

use tests::case::{Case, Deliveries, PARTITIONS};
use tests::wait;

#[test]
fn a_broker_and_an_s3_server_that_go_away_and_come_back_lose_nothing() {
    let Some(case) = Case::private("outage") else { return };
    let (tree, table, source) = (case.tree("tree", 71, 4_000), case.s3("table"), case.path("source"));
    let mut deliveries = Deliveries::of(&tree, 4);
    std::fs::create_dir_all(&source).expect("a directory");
    case.topic().create(PARTITIONS);
    let aggregator = case.aggregator("aggregator", source.to_str().expect("UTF-8"), &[]);
    let persister = case.persist("persister", &table, &[]);
    deliveries.next(&source);
    wait::until_true("something is published", || persister.printed().contains("published"));

    deliveries.next(&source);
    case.services().order("kill", "kafka");
    deliveries.next(&source);
    case.services().order("start", "kafka");

    case.services().order("stop", "s3");
    deliveries.next(&source);
    case.services().order("start", "s3");

    aggregator.term().well();
    case.aggregate("aggregator-2", source.to_str().expect("UTF-8")).wait().well();
    case.topic().drained(PARTITIONS);
    persister.term().well();
    case.judge.exact(&table, &[&tree]);
}
