//! What the embedded log promises alone: one process, one directory, bounded bytes.

use crate::subject::{PLENTY, Subject};
use crate::traffic::{TICK, read, run, send};
use common::failure::Class;
use common::log::embedded::{EmbeddedLog, Retention};
use common::log::{Polled, Position, Watermarks};
use common::message::{FileId, Packed, Run};

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
