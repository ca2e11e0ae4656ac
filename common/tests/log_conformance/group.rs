//! Kafka's consumer groups: members join and leave.

use crate::subject::kafka_settings;
use crate::traffic::{PATIENCE, TICK, assignment, run, send};
use common::log::kafka::{KafkaConsumer, KafkaProducer, KafkaSettings, create_topic};
use common::log::{Consumer as _, Polled, Position};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

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
