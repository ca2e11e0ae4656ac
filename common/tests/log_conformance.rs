//! One set of checks for every implementation of the log.
//!
//! The embedded log is always checked; Kafka when `SWITCHBACK_TEST_KAFKA` names a broker, which `SWITCHBACK_REQUIRE_SERVICES=1` demands.
#![cfg(all(feature = "embedded", feature = "kafka"))]

use common::failure::Class;
use common::log::embedded::{EmbeddedLog, Retention};
use common::log::kafka::{KafkaConsumer, KafkaProducer, KafkaSettings, create_topic, describe};
use common::log::{Consumer, LogError, Polled, Position, Producer, Watermarks};
use common::message::{FileId, Packed, Run};
use rdkafka::consumer::Consumer as _;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// Bounds waiting for what must come; nothing depends on how long it takes.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(50);
const PLENTY: Retention = Retention { bytes: u64::MAX };

/// Partition, offset, key, value.
type Read = (u32, u64, Vec<u8>, Vec<u8>);

/// Where the messages of a subject are.
enum Place {
    Embedded { log: Option<Arc<EmbeddedLog>>, dir: tempfile::TempDir },
    Kafka(KafkaSettings),
}

/// One log, empty at first.
struct Subject {
    partitions: u32,
    place: Place,
}

impl Subject {
    fn embedded(partitions: u32, retention: Retention) -> Subject {
        let dir = tempfile::tempdir().expect("a directory");
        let log = Some(EmbeddedLog::open(dir.path(), partitions, retention).expect("opens"));
        Subject { partitions, place: Place::Embedded { log, dir } }
    }

    fn kafka(partitions: u32) -> Option<Subject> {
        let settings = kafka_settings()?;
        create_topic(&settings, partitions, 1, None).expect("makes the topic");
        let static_partitions = Some((0..partitions).collect());
        Some(Subject { partitions, place: Place::Kafka(KafkaSettings { static_partitions, ..settings }) })
    }

    fn log(&self) -> &Arc<EmbeddedLog> {
        match &self.place {
            Place::Embedded { log: Some(log), .. } => log,
            _ => panic!("not an embedded log"),
        }
    }

    fn producer(&self) -> Box<dyn Producer> {
        match &self.place {
            Place::Embedded { .. } => Box::new(self.log().producer()),
            Place::Kafka(settings) => Box::new(KafkaProducer::open(settings).expect("opens")),
        }
    }

    fn consumer(&self) -> Box<dyn Consumer> {
        match &self.place {
            Place::Embedded { .. } => Box::new(self.log().consumer()),
            Place::Kafka(settings) => Box::new(KafkaConsumer::open(settings).expect("opens")),
        }
    }

    /// A consumer that begins as told; all other partitions are held.
    fn begin(&self, positions: &[(u32, u64)]) -> Box<dyn Consumer> {
        let mut consumer = self.consumer();
        let mut given = assignment(consumer.as_mut());
        given.sort_unstable();
        assert_eq!(given, (0..self.partitions).collect::<Vec<_>>());
        let at = |p: u32| positions.iter().find(|(q, _)| *q == p).map_or(Position::Hold, |(_, offset)| Position::At(*offset));
        let all: Vec<_> = given.into_iter().map(|p| (p, at(p))).collect();
        consumer.begin(&all).expect("begins");
        consumer
    }

    fn all_from_zero(&self) -> Box<dyn Consumer> {
        self.begin(&(0..self.partitions).map(|p| (p, 0)).collect::<Vec<_>>())
    }

    /// A new process, as far as the log can tell.
    fn reopen(&mut self) {
        if let Place::Embedded { log, dir } = &mut self.place {
            drop(log.take());
            *log = Some(EmbeddedLog::open(dir.path(), self.partitions, PLENTY).expect("opens again"));
        }
    }

    fn mirrored(&self, partition: u32) -> u64 {
        match &self.place {
            Place::Embedded { .. } => self.log().mirrored(partition),
            Place::Kafka(settings) => committed(settings, partition),
        }
    }
}

fn kafka_settings() -> Option<KafkaSettings> {
    static TOPICS: AtomicU32 = AtomicU32::new(0);
    let Ok(brokers) = std::env::var("SWITCHBACK_TEST_KAFKA") else {
        assert_ne!(std::env::var("SWITCHBACK_REQUIRE_SERVICES").as_deref(), Ok("1"), "SWITCHBACK_TEST_KAFKA is not set");
        return None;
    };
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
    let topic = format!("log-test-{}-{now}-{}", std::process::id(), TOPICS.fetch_add(1, Ordering::Relaxed));
    let properties = BTreeMap::from([("session.timeout.ms".to_owned(), "6000".to_owned())]);
    Some(KafkaSettings { brokers, group: format!("{topic}-group"), topic, properties, static_partitions: None })
}

fn on_both(partitions: u32, check: impl Fn(&mut Subject)) {
    eprintln!("checking the embedded log");
    check(&mut Subject::embedded(partitions, PLENTY));
    if let Some(mut subject) = Subject::kafka(partitions) {
        eprintln!("checking kafka");
        check(&mut subject);
    }
}

/// The group's committed offset, asked by a client that is not ours.
fn committed(settings: &KafkaSettings, partition: u32) -> u64 {
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

fn assignment(consumer: &mut dyn Consumer) -> Vec<u32> {
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
fn read(consumer: &mut dyn Consumer, want: usize) -> Vec<Read> {
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

fn nothing_comes(consumer: &mut dyn Consumer) {
    for _ in 0..10 {
        let polled = consumer.poll(TICK).expect("polls");
        assert!(matches!(polled, Polled::Idle), "{polled:?}");
    }
}

/// A run for a partition: `count` messages that tell their place.
fn run(partition: u32, name: &str, count: usize) -> Run {
    let mut messages = Packed::default();
    for index in 0..count {
        messages.push_raw(format!("{name}/{index}").as_bytes(), format!("value {index} of {name}").as_bytes());
    }
    Run { file: FileId(u128::from(partition)), messages }
}

/// Sends runs and waits until all are answered; returns the answers in order.
fn send_all(producer: &dyn Producer, runs: Vec<Run>) -> Vec<Result<(), LogError>> {
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

fn send(producer: &dyn Producer, runs: Vec<Run>) {
    for result in send_all(producer, runs) {
        result.expect("durable");
    }
}

#[test]
fn messages_keep_their_order_and_offsets_are_dense_from_zero() {
    on_both(3, |log| {
        let producer = log.producer();
        assert_eq!(producer.partitions(), 3);
        let runs: Vec<_> = (0..300).map(|n| run(n % 3, &format!("file{n}"), (n % 7) as usize)).collect();
        let mut expected: Vec<Vec<(Vec<u8>, Vec<u8>)>> = vec![Vec::new(); 3];
        for run in &runs {
            expected[run.file.partition(3) as usize].extend(run.messages.iter().map(|(k, v)| (k.to_vec(), v.to_vec())));
        }
        send(producer.as_ref(), runs);
        let mut got: Vec<Vec<(Vec<u8>, Vec<u8>)>> = vec![Vec::new(); 3];
        for (p, offset, key, value) in read(log.all_from_zero().as_mut(), expected.iter().map(Vec::len).sum()) {
            assert_eq!(offset as usize, got[p as usize].len());
            got[p as usize].push((key, value));
        }
        assert_eq!(got, expected);
        assert_eq!(producer.ends().expect("ends"), expected.iter().map(|e| e.len() as u64).collect::<Vec<_>>());
    });
}

#[test]
fn small_runs_of_four_threads_are_all_answered_and_readable_as_sent() {
    on_both(2, |log| {
        let producer = log.producer();
        let answered = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let (producer, answered) = (producer.as_ref(), Arc::clone(&answered));
                scope.spawn(move || {
                    for n in 0..500 {
                        let answered = Arc::clone(&answered);
                        let done = Box::new(move |result: Result<(), LogError>| {
                            result.expect("durable");
                            answered.fetch_add(1, Ordering::SeqCst);
                        });
                        producer.send(run(n % 2, &format!("t{thread}n{n}"), 3), done);
                    }
                });
            }
        });
        producer.flush(PATIENCE).expect("flushes");
        assert_eq!(answered.load(Ordering::SeqCst), 2000);
        let mut files: BTreeMap<String, usize> = BTreeMap::new();
        for (_, _, key, value) in read(log.all_from_zero().as_mut(), 6000) {
            let key = String::from_utf8(key).expect("text");
            let (file, index) = key.split_once('/').expect("a key of ours");
            let next = files.entry(file.to_owned()).or_default();
            assert_eq!(index, next.to_string(), "the order within {file}");
            assert_eq!(value, format!("value {next} of {file}").into_bytes());
            *next += 1;
        }
        assert!(files.len() == 2000 && files.values().all(|&count| count == 3));
    });
}

#[test]
fn reading_begins_in_the_middle_and_held_partitions_stay_silent() {
    on_both(2, |log| {
        let producer = log.producer();
        send(producer.as_ref(), vec![run(0, "a", 100), run(1, "b", 100)]);
        for start in [0, 1, 37, 99] {
            let mut consumer = log.begin(&[(1, start)]);
            let got = read(consumer.as_mut(), 100 - start as usize);
            assert!(got.iter().all(|(p, ..)| *p == 1), "a held partition was read");
            assert_eq!((got[0].1, got[0].2.as_slice()), (start, format!("b/{start}").as_bytes()));
            nothing_comes(consumer.as_mut());
        }
        // At the very end: nothing, until something is there.
        let mut consumer = log.begin(&[(0, 100)]);
        nothing_comes(consumer.as_mut());
        send(producer.as_ref(), vec![run(0, "c", 1)]);
        assert_eq!(read(consumer.as_mut(), 1)[0], (0, 100, b"c/0".to_vec(), b"value 0 of c".to_vec()));
    });
}

#[test]
fn a_partition_is_sought_backwards_and_forwards_and_held() {
    on_both(2, |log| {
        send(log.producer().as_ref(), vec![run(0, "a", 500), run(1, "b", 500)]);
        let mut consumer = log.all_from_zero();
        read(consumer.as_mut(), 700);
        consumer.seek(1, Position::Hold).expect("holds");
        consumer.seek(0, Position::At(10)).expect("seeks back");
        let got = read(consumer.as_mut(), 100);
        assert_eq!((got[0].0, got[0].1), (0, 10));
        consumer.seek(0, Position::At(495)).expect("seeks forward");
        let got = read(consumer.as_mut(), 5);
        assert_eq!((got[0].0, got[0].1), (0, 495));
        nothing_comes(consumer.as_mut());
        consumer.seek(1, Position::At(499)).expect("goes on");
        assert_eq!(read(consumer.as_mut(), 1)[0].1, 499);
    });
}

#[test]
fn seeking_one_partition_leaves_the_other_dense() {
    on_both(2, |log| {
        send(log.producer().as_ref(), vec![run(0, "a", 3000), run(1, "b", 3000)]);
        let mut consumer = log.all_from_zero();
        let mut next = [0u64; 2];
        let (mut seeks, deadline) = (0, Instant::now() + PATIENCE);
        while next != [3000, 3000] {
            assert!(Instant::now() < deadline, "stuck at {next:?}");
            let Polled::Message(message) = consumer.poll(TICK).expect("polls") else { continue };
            let (p, offset) = (message.get().partition as usize, message.get().offset);
            assert_eq!(offset, next[p], "partition {p}");
            next[p] += 1;
            if p == 0 && offset % 500 == 499 && seeks < 12 {
                seeks += 1;
                next[0] -= 250;
                consumer.seek(0, Position::At(next[0])).expect("seeks");
            }
        }
        assert!(seeks >= 6, "{seeks} seeks");
    });
}

#[test]
fn watermarks_tell_what_is_held() {
    on_both(2, |log| {
        let mut consumer = log.all_from_zero();
        assert_eq!(consumer.watermarks(1).expect("asked"), Watermarks { low: 0, high: 0 });
        send(log.producer().as_ref(), vec![run(1, "a", 12)]);
        assert_eq!(consumer.watermarks(1).expect("asked"), Watermarks { low: 0, high: 12 });
        assert_eq!(consumer.watermarks(0).expect("asked"), Watermarks { low: 0, high: 0 });
        assert_eq!(consumer.partitions().expect("asked"), 2);
    });
}

#[test]
fn large_and_empty_messages_come_back_as_they_were() {
    on_both(1, |log| {
        // Not compressible, so that the bound is met on the wire too.
        let mut seed = 1u64;
        let mut large = vec![0u8; 1_000_000];
        large.fill_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        });
        let mut messages = Packed::default();
        messages.push_raw(b"large", &large);
        messages.push_raw(b"", b"no key");
        messages.push_raw(b"no value", b"");
        messages.push_raw(b"", b"");
        let run = Run { file: FileId(0), messages };
        send(log.producer().as_ref(), vec![run.clone(), run.clone()]);
        let got = read(log.all_from_zero().as_mut(), 8);
        let expected = run.messages.iter().chain(run.messages.iter());
        for ((_, offset, key, value), (expected_key, expected_value)) in got.iter().zip(expected) {
            assert!(key == expected_key && value == expected_value, "offset {offset}");
        }
    });
}

#[test]
fn a_run_with_a_message_that_is_too_large_fails_alone_and_leaves_nothing() {
    on_both(1, |log| {
        let mut messages = Packed::default();
        messages.push_raw(b"fits", b"x");
        messages.push_raw(b"does not", &vec![b'x'; 1_000_001]);
        let runs = vec![run(0, "a", 2), Run { file: FileId(0), messages }, run(0, "b", 2)];
        let answers = send_all(log.producer().as_ref(), runs);
        assert!(answers[0].is_ok() && answers[2].is_ok());
        assert_eq!(answers[1].as_ref().expect_err("refused").class, Class::Fatal);
        let keys: Vec<_> = read(log.all_from_zero().as_mut(), 4).into_iter().map(|(_, _, key, _)| key).collect();
        assert_eq!(keys, [b"a/0", b"a/1", b"b/0", b"b/1"]);
    });
}

#[test]
fn more_than_the_queue_holds_is_sent_by_waiting_not_by_failing() {
    on_both(2, |log| {
        let value = vec![b'v'; 100_000];
        let runs = (0..60).map(|n: u32| {
            let mut messages = Packed::default();
            for index in 0..20u32 {
                messages.push_raw(&index.to_le_bytes(), &value);
            }
            Run { file: FileId(u128::from(n % 2)), messages }
        });
        send(log.producer().as_ref(), runs.collect());
        assert_eq!(log.producer().ends().expect("ends"), [600, 600]);
    });
}

#[test]
fn everything_acknowledged_is_there_after_reopening() {
    on_both(2, |log| {
        send(log.producer().as_ref(), vec![run(0, "a", 50), run(1, "b", 50)]);
        let before = read(log.begin(&[(0, 0)]).as_mut(), 50);
        log.reopen();
        assert_eq!(read(log.begin(&[(0, 0)]).as_mut(), 50), before);
        send(log.producer().as_ref(), vec![run(0, "c", 1)]);
        assert_eq!(read(log.begin(&[(0, 50)]).as_mut(), 1)[0].1, 50);
        assert_eq!(log.producer().ends().expect("ends"), [51, 50]);
    });
}

#[test]
fn a_mirrored_offset_is_seen_from_outside() {
    on_both(2, |log| {
        send(log.producer().as_ref(), vec![run(0, "a", 50), run(1, "b", 50)]);
        let mut consumer = log.all_from_zero();
        read(consumer.as_mut(), 100);
        consumer.mirror(1, 33);
        let deadline = Instant::now() + PATIENCE;
        while log.mirrored(1) != 33 {
            assert!(Instant::now() < deadline, "{} is mirrored", log.mirrored(1));
            consumer.poll(TICK).expect("polls");
        }
        drop(consumer);
        log.reopen();
        assert_eq!((log.mirrored(0), log.mirrored(1)), (0, 33));
    });
}

#[test]
fn a_position_that_the_log_does_not_hold_is_lost_and_the_others_go_on() {
    on_both(2, |log| {
        send(log.producer().as_ref(), vec![run(0, "a", 10), run(1, "b", 10)]);
        let mut consumer = log.begin(&[(0, 11), (1, 0)]);
        let (mut lost, mut got, deadline) = (None, 0, Instant::now() + PATIENCE);
        while lost.is_none() || got < 10 {
            assert!(Instant::now() < deadline, "{lost:?}, {got} messages");
            match consumer.poll(TICK).expect("polls") {
                Polled::Lost { partition, why } => {
                    assert!(lost.replace((partition, why)).is_none(), "told twice");
                }
                Polled::Message(message) => {
                    assert_eq!((message.get().partition, message.get().offset), (1, got));
                    got += 1;
                }
                Polled::Idle => {}
                other => panic!("{other:?}"),
            }
        }
        let (partition, why) = lost.expect("lost");
        assert!(partition == 0 && why.contains("offset 11") && why.contains("[0, 10)"), "{partition}: {why}");
        nothing_comes(consumer.as_mut());
        // It is held, not forgotten.
        consumer.seek(0, Position::At(9)).expect("seeks");
        assert_eq!(read(consumer.as_mut(), 1)[0].1, 9);
    });
}

#[test]
fn the_embedded_log_refuses_another_number_of_partitions_and_names_both() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(EmbeddedLog::open(dir.path(), 4, PLENTY).expect("opens"));
    let error = EmbeddedLog::open(dir.path(), 6, PLENTY).err().expect("refused");
    assert_eq!(error.class, Class::Config);
    assert!(error.why.contains("4 partitions") && error.why.contains("and 6 are") && error.what.contains("log.redb"), "{error}");
    drop(EmbeddedLog::open(dir.path(), 4, PLENTY).expect("the right number still opens"));
}

#[test]
fn the_embedded_log_is_open_once_at_a_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let _open = EmbeddedLog::open(dir.path(), 1, PLENTY).expect("opens");
    let error = EmbeddedLog::open(dir.path(), 1, PLENTY).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains("log.redb"), "{error}");
}

#[test]
fn a_file_that_is_not_a_log_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("log.redb"), b"something else, longer than any header may be".repeat(500)).expect("writes");
    let error = EmbeddedLog::open(dir.path(), 1, PLENTY).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains("log.redb"), "{error}");
}

#[test]
fn a_cut_of_the_embedded_log_raises_the_low_watermark_and_what_is_below_is_lost() {
    let mut log = Subject::embedded(1, PLENTY);
    for n in 0..5 {
        send(log.producer().as_ref(), vec![run(0, &format!("f{n}"), 10)]);
    }
    log.log().trim_to(0, 25).expect("trims");
    let mut consumer = log.begin(&[(0, 25)]);
    assert_eq!(consumer.watermarks(0).expect("asked"), Watermarks { low: 25, high: 50 });
    assert_eq!(read(consumer.as_mut(), 25)[0].2, b"f2/5");
    consumer.seek(0, Position::At(24)).expect("seeks");
    let polled = consumer.poll(TICK).expect("polls");
    assert!(matches!(polled, Polled::Lost { partition: 0, .. }), "{polled:?}");
    drop(consumer);
    assert!(log.log().trim_to(1, 0).is_err(), "there is no partition 1");
    // All of it; offsets still go on where they were, also after reopening.
    log.log().trim_to(0, 999).expect("trims");
    log.reopen();
    send(log.producer().as_ref(), vec![run(0, "new", 1)]);
    assert_eq!(read(log.begin(&[(0, 50)]).as_mut(), 1)[0].1, 50);
}

#[test]
fn retention_of_the_embedded_log_takes_only_what_was_mirrored() {
    let log = Subject::embedded(2, Retention { bytes: 1 });
    for n in 0..6 {
        send(log.producer().as_ref(), vec![run(0, &format!("a{n}"), 10), run(1, &format!("b{n}"), 10)]);
    }
    let mut consumer = log.all_from_zero();
    assert_eq!(consumer.watermarks(0).expect("asked").low, 0, "nothing was mirrored");
    read(consumer.as_mut(), 120);
    consumer.mirror(0, 45);
    send(log.producer().as_ref(), vec![run(0, "last", 1)]);
    let low = consumer.watermarks(0).expect("asked").low;
    assert_eq!(low, 30, "frames [0,10) to [20,30) go, [30,40) is the one that stays below 45");
    assert_eq!(consumer.watermarks(1).expect("asked").low, 0, "nothing of it was mirrored");
    assert_eq!(read(log.begin(&[(0, 30)]).as_mut(), 31)[0].2, b"a3/0");
}

#[test]
fn frames_of_the_embedded_log_are_cut_inside_of_long_runs_and_read_from_any_offset() {
    let log = Subject::embedded(1, PLENTY);
    let mut messages = Packed::default();
    for n in 0..5000u32 {
        messages.push_raw(&n.to_le_bytes(), &vec![n as u8; 1200]);
    }
    send(log.producer().as_ref(), vec![Run { file: FileId(0), messages }]);
    for start in [0u64, 800, 1024, 2500, 4999] {
        let got = read(log.begin(&[(0, start)]).as_mut(), 5000 - start as usize);
        assert_eq!(got[0].2, (start as u32).to_le_bytes());
        assert!(got.iter().all(|(_, offset, key, value)| key == &(*offset as u32).to_le_bytes() && value[7] == *offset as u8));
    }
}

#[test]
fn a_topic_that_does_not_exist_is_told_at_once_and_made_once() {
    let Some(settings) = kafka_settings() else { return };
    assert_eq!(describe(&settings).expect("asked"), None);
    let error = KafkaProducer::open(&settings).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains(&settings.topic), "{error}");
    assert_eq!(KafkaConsumer::open(&settings).err().expect("refused").class, Class::Config);
    create_topic(&settings, 5, 1, Some(Duration::from_secs(86_400))).expect("makes it");
    assert_eq!(describe(&settings).expect("asked"), Some(5));
    create_topic(&settings, 7, 1, None).expect("it is there already");
    assert_eq!(describe(&settings).expect("asked"), Some(5));
}

#[test]
fn brokers_that_do_not_answer_are_named_in_the_error() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound").port();
    let brokers = format!("127.0.0.1:{port}");
    let settings = KafkaSettings { brokers: brokers.clone(), topic: "t".into(), group: "g".into(), ..KafkaSettings::default() };
    let error = KafkaProducer::open(&settings).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains(&brokers), "{error}");
}

#[test]
fn static_partitions_that_do_not_exist_are_refused() {
    let Some(Subject { place: Place::Kafka(settings), .. }) = Subject::kafka(2) else { return };
    let error = KafkaConsumer::open(&KafkaSettings { static_partitions: Some(vec![1, 2]), ..settings }).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains("partition 2"), "{error}");
}

/// A member of a group: reads each partition from where all members together have come to.
fn member(settings: &KafkaSettings, reached: &Mutex<Vec<u64>>, stop: &mpsc::Receiver<()>, owns: &AtomicUsize) {
    let mut consumer = KafkaConsumer::open(settings).expect("opens");
    while matches!(stop.try_recv(), Err(mpsc::TryRecvError::Empty)) {
        match consumer.poll(TICK).expect("polls") {
            Polled::Idle => {}
            Polled::Assigned(partitions) => {
                let at = reached.lock().expect("whole").clone();
                let positions: Vec<_> = partitions.iter().map(|&p| (p, Position::At(at[p as usize]))).collect();
                consumer.begin(&positions).expect("begins");
                owns.fetch_add(positions.len(), Ordering::SeqCst);
            }
            Polled::Revoked(partitions) => {
                consumer.release(&partitions).expect("releases");
                owns.fetch_sub(partitions.len(), Ordering::SeqCst);
            }
            Polled::Message(message) => {
                let (p, offset) = (message.get().partition as usize, message.get().offset);
                let mut reached = reached.lock().expect("whole");
                // Two owners of a moment may both read it; nobody may skip.
                assert!(offset <= reached[p], "{} of partition {p} was skipped, {offset} came", reached[p]);
                reached[p] = reached[p].max(offset + 1);
            }
            Polled::Lost { partition, why } => panic!("partition {partition} is lost: {why}"),
        }
    }
}

fn wait_until(what: &str, met: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !met() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(TICK);
    }
}

fn partitions_move_between_members(strategy: &str) {
    let Some(mut settings) = kafka_settings() else { return };
    settings.properties.insert("partition.assignment.strategy".into(), strategy.into());
    create_topic(&settings, 4, 1, None).expect("makes the topic");
    let producer = KafkaProducer::open(&settings).expect("opens");
    let reached = Arc::new(Mutex::new(vec![0u64; 4]));
    let join = || {
        let (stop, stopped) = mpsc::channel();
        let owns = Arc::new(AtomicUsize::new(0));
        let (settings, reached, its) = (settings.clone(), Arc::clone(&reached), Arc::clone(&owns));
        (std::thread::spawn(move || member(&settings, &reached, &stopped, &its)), stop, owns)
    };
    let send_each = |name: &str| send(&producer, (0..4).map(|p| run(p, name, 100)).collect());
    let all = |count: u64| reached.lock().expect("whole").iter().all(|&offset| offset == count);
    let has = |owns: &AtomicUsize, partitions: usize| owns.load(Ordering::SeqCst) == partitions;

    send_each("one");
    let (first, stop_first, first_owns) = join();
    wait_until("the first member has all", || all(100) && has(&first_owns, 4));
    let (second, stop_second, second_owns) = join();
    wait_until("two each", || has(&first_owns, 2) && has(&second_owns, 2));
    send_each("two");
    wait_until("both together read on", || all(200));
    stop_first.send(()).expect("runs");
    first.join().expect("no panic");
    wait_until("the second member has all", || has(&second_owns, 4));
    send_each("three");
    wait_until("the second member reads on", || all(300));
    stop_second.send(()).expect("runs");
    second.join().expect("no panic");
}

#[test]
fn partitions_move_when_a_member_joins_and_leaves_cooperatively() {
    partitions_move_between_members("cooperative-sticky");
}

#[test]
fn partitions_move_when_a_member_joins_and_leaves_eagerly() {
    partitions_move_between_members("range");
}

#[test]
fn a_consumer_that_never_answered_its_assignment_leaves_the_group_when_dropped() {
    let Some(mut settings) = kafka_settings() else { return };
    create_topic(&settings, 2, 1, None).expect("makes the topic");
    // Longer than the test's patience: the next member is given the partitions only if the first has left.
    settings.properties.insert("session.timeout.ms".into(), "300000".into());
    let mut consumer = KafkaConsumer::open(&settings).expect("opens");
    assert_eq!(assignment(&mut consumer).len(), 2);
    drop(consumer);
    let mut consumer = KafkaConsumer::open(&settings).expect("opens");
    assert_eq!(assignment(&mut consumer).len(), 2);
}
