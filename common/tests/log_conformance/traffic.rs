//! Test messages, and how long the checks wait for them.

use common::log::kafka::KafkaSettings;
use common::log::{Consumer, LogError, Polled, Producer};
use common::message::{FileId, Packed, Run};
use rdkafka::consumer::Consumer as _;
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Bounds waiting for what must come; nothing depends on how long it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Partition, offset, key, value.
pub(crate) type Read = (u32, u64, Vec<u8>, Vec<u8>);

/// The group's committed offset, asked by a client that is not ours.
pub(crate) fn committed(settings: &KafkaSettings, partition: u32) -> u64 {
    let consumer: rdkafka::consumer::BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set("group.id", &settings.group)
        .create()
        .expect("a client");
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition(&settings.topic, i32::try_from(partition).expect("small"));
    let list = consumer.committed_offsets(list, PATIENCE).expect("answers");
    list.elements()[0].offset().to_raw().and_then(|offset| u64::try_from(offset).ok()).unwrap_or(0)
}

pub(crate) fn assignment(consumer: &mut dyn Consumer) -> Vec<u32> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match consumer.poll(TICK).expect("polls") {
            Polled::Idle => {}
            Polled::Assigned(partitions) => return partitions,
            other => panic!("before an assignment came {other:?}"),
        }
    }
    panic!("no assignment")
}

/// Reads until `want` messages have come; they must be dense in each partition.
pub(crate) fn read(consumer: &mut dyn Consumer, want: usize) -> Vec<Read> {
    let mut all: Vec<Read> = Vec::new();
    let mut next: BTreeMap<u32, u64> = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    while all.len() < want {
        assert!(Instant::now() < deadline, "{} of {want} messages came", all.len());
        match consumer.poll(TICK).expect("polls") {
            Polled::Idle => {}
            Polled::Message(message) => {
                let m = message.get();
                assert_eq!(next.insert(m.partition, m.offset + 1).unwrap_or(m.offset), m.offset, "a gap or a repeat");
                all.push((m.partition, m.offset, m.key.to_vec(), m.value.to_vec()));
            }
            other => panic!("instead of a message came {other:?}"),
        }
    }
    all
}

pub(crate) fn nothing_comes(consumer: &mut dyn Consumer) {
    for _ in 0..10 {
        let polled = consumer.poll(TICK).expect("polls");
        assert!(matches!(polled, Polled::Idle), "{polled:?}");
    }
}

/// A run for a partition: `count` messages that tell their place.
pub(crate) fn run(partition: u32, name: &str, count: usize) -> Run {
    let mut messages = Packed::default();
    for index in 0..count {
        messages.push_raw(format!("{name}/{index}").as_bytes(), format!("value {index} of {name}").as_bytes());
    }
    Run { file: FileId(u128::from(partition)), messages }
}

/// Sends runs and waits until all are answered; returns the answers in order.
pub(crate) fn send_all(producer: &dyn Producer, runs: Vec<Run>) -> Vec<Result<(), LogError>> {
    let (answer, answers) = mpsc::channel();
    let count = runs.len();
    for (at, run) in runs.into_iter().enumerate() {
        let answer = answer.clone();
        producer.send(run, Box::new(move |result| answer.send((at, result)).expect("heard")));
    }
    drop(answer);
    producer.flush(PATIENCE).expect("flushes");
    // One call too few shows in the count, and one too many cannot be, by the type of `Done`.
    let mut all: Vec<_> = answers.try_iter().collect();
    assert_eq!(all.len(), count, "each run is answered once, before the flush ends");
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

pub(crate) fn send(producer: &dyn Producer, runs: Vec<Run>) {
    for result in send_all(producer, runs) {
        result.expect("durable");
    }
}
