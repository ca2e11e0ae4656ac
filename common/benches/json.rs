//! Our JSON scanner beside serde_json and sonic-rs, on the work it is there for: the source text of every top-level member of each event
//! record, with everything inside checked. Processor nanoseconds a record, on one core.
//!
//! `SWITCHBACK_BENCH_TREE` names a tree of log files to measure on; without it, log files of the same shape are made.

mod support;

use common::cloudtrail::json::pass::Pass;
use common::cloudtrail::json::{MAX_DEPTH, Members};
use common::cloudtrail::records;
use criterion::{Criterion, criterion_group, criterion_main};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::hint::black_box;

/// Sums the bytes of a record's keys and values, which needs all of their places; `None` when the record is refused.
type Reader = fn(&[u8]) -> Option<usize>;

fn compare(criterion: &mut Criterion) {
    let files = support::files(1500);
    let count = files.iter().map(|file| file.records).sum();
    let mut all: Vec<&[u8]> = Vec::new();
    for file in &files {
        let each = |record| {
            all.push(record);
            Ok(())
        };
        records(&file.content, each).expect("it has records");
    }
    let mut group = support::group(criterion, "json");
    let readers: [(&str, Reader); 4] =
        [("ours, fast pass", fast), ("ours, scanner", scanner), ("serde_json", serde), ("sonic-rs", sonic)];
    for (name, read) in readers {
        assert!(
            all.iter().all(|record| read(record).is_some() && read(record) == scanner(record)),
            "{name} finds something else"
        );
        support::step(&mut group, name, count, || {
            for record in &all {
                black_box(read(record));
            }
        });
    }
    group.finish();
}

fn fast(record: &[u8]) -> Option<usize> {
    let mut pass = Pass::new(record);
    let mut bytes = 0;
    pass.expect(b'{')?;
    loop {
        let (start, end, _) = pass.key()?;
        bytes += end - start;
        let first = pass.token()?;
        let start = pass.at();
        pass.value(first, 1, MAX_DEPTH, &mut ())?;
        bytes += pass.at() - start;
        if pass.token()? == b'}' {
            break;
        }
        pass.step();
    }
    (!pass.may_hold_unicode() || std::str::from_utf8(record).is_ok()).then_some(bytes)
}

fn scanner(record: &[u8]) -> Option<usize> {
    let mut bytes = 0;
    for member in Members::new(std::str::from_utf8(record).ok()?) {
        let member = member.ok()?;
        bytes += member.key.len() + member.value.len();
    }
    Some(bytes)
}

fn serde(record: &[u8]) -> Option<usize> {
    serde_json::from_slice::<Sum>(record).ok().map(|sum| sum.0)
}

/// What serde_json leaves of an object: no tree, and no text that is copied.
struct Sum(usize);

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sum, D::Error> {
        deserializer.deserialize_map(Sum(0))
    }
}

impl<'de> Visitor<'de> for Sum {
    type Value = Sum;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Sum, A::Error> {
        while let Some((key, value)) = map.next_entry::<&str, &RawValue>()? {
            self.0 += key.len() + value.get().len();
        }
        Ok(self)
    }
}

fn sonic(record: &[u8]) -> Option<usize> {
    let mut bytes = 0;
    for member in sonic_rs::to_object_iter(record) {
        let (key, value) = member.ok()?;
        bytes += key.len() + value.as_raw_str().len();
    }
    Some(bytes)
}

criterion_group!(benches, compare);
criterion_main!(benches);
