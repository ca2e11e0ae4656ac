//! How fast a log takes and gives messages: `log_speed embedded DIR MESSAGES RUN` or `log_speed kafka BROKERS MESSAGES RUN`.
//!
//! Messages are about 1.2 KB of JSON that repeats itself as CloudTrail does, in runs of RUN, sent from two threads to four partitions.

#![expect(clippy::disallowed_methods, reason = "it measures")]

use common::log::embedded::{EmbeddedLog, Retention};
use common::log::kafka::{KafkaConsumer, KafkaProducer, KafkaSettings, create_topic};
use common::log::{Consumer, Polled, Position, Producer};
use common::message::{FileId, Packed, Run};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PARTITIONS: u32 = 4;
const THREADS: u64 = 2;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, kind, place, messages, run] = arguments.as_slice() else {
        eprintln!("usage: log_speed embedded|kafka DIR|BROKERS MESSAGES RUN");
        std::process::exit(64);
    };
    let (messages, run) = (messages.parse().expect("a number"), run.parse().expect("a number"));
    if kind == "embedded" {
        let log = EmbeddedLog::open(place.as_ref(), PARTITIONS, Retention { bytes: u64::MAX }).expect("opens");
        measure(&log.producer(), &mut log.consumer(), messages, run);
    } else {
        let topic = format!("log-speed-{}", std::process::id());
        let static_partitions = Some((0..PARTITIONS).collect());
        let settings =
            KafkaSettings { brokers: place.clone(), group: topic.clone(), topic, static_partitions, ..Default::default() };
        create_topic(&settings, PARTITIONS, 1, None).expect("makes the topic");
        let producer = KafkaProducer::open(&settings).expect("opens");
        measure(&producer, &mut KafkaConsumer::open(&settings).expect("opens"), messages, run);
    }
}

fn measure(producer: &dyn Producer, consumer: &mut dyn Consumer, messages: u64, run: u64) {
    let per_thread = messages / THREADS / run;
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (0..per_thread).for_each(|n| produce(producer, thread * per_thread + n, run)));
        }
    });
    producer.flush(Duration::from_secs(600)).expect("flushes");
    let total = per_thread * THREADS * run;
    tell("produce", total, started);
    let started = Instant::now();
    assert_eq!(consume(consumer, total), total);
    tell("consume", total, started);
}

fn produce(producer: &dyn Producer, file: u64, count: u64) {
    let mut messages = Packed::default();
    for index in 0..count {
        let id = (file * 1_000_003 + index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let key = format!("{file:032x}/{index}");
        let value = format!(
            "{{\"v\":1,\"kind\":\"event\",\"source_object\":\"AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/22/{file}.json.gz\",\
             \"source_index\":{index},\"event_time\":\"2026-11-22T10:{:02}:{:02}Z\",\"event_id\":\"{id:016x}-{:016x}\",\
             \"request_parameters\":{:?}}}",
            id % 60,
            id / 60 % 60,
            id.rotate_left(17),
            PARAMETERS.repeat(6),
        );
        messages.push_raw(key.as_bytes(), value.as_bytes());
    }
    producer.send(Run { file: FileId(u128::from(file)), messages }, Box::new(|result| result.expect("durable")));
}

const PARAMETERS: &str = "bucketName: example-bucket, Host: example-bucket.s3.us-east-1.amazonaws.com, key: reports/2026/11/22/part-00000.parquet; an entity tag follows ";

fn consume(consumer: &mut dyn Consumer, want: u64) -> u64 {
    static BYTES: AtomicU64 = AtomicU64::new(0);
    let mut got = 0;
    while got < want {
        match consumer.poll(Duration::from_millis(100)).expect("polls") {
            Polled::Assigned(partitions) => {
                let all: Vec<_> = partitions.into_iter().map(|partition| (partition, Position::At(0))).collect();
                consumer.begin(&all).expect("begins");
            }
            Polled::Message(message) => {
                BYTES.fetch_add(message.get().value.len() as u64, Ordering::Relaxed);
                got += 1;
            }
            Polled::Idle => {}
            other => panic!("{other:?}"),
        }
    }
    println!("  {} bytes a value", BYTES.load(Ordering::Relaxed) / want);
    got
}

fn tell(what: &str, messages: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {messages} messages in {seconds:.2} s, {:.0} a second", messages as f64 / seconds);
}
