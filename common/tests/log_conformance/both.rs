//! What every log promises.

use crate::subject::on_both;
use crate::traffic::{PATIENCE, TICK, nothing_comes, read, run, send, send_all};
use common::failure::Class;
use common::log::{LogError, Polled, Position, Watermarks};
use common::message::{FileId, Packed, Run};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

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
