//! The steps from a log file's bytes to messages, one by one: processor nanoseconds a record, on one core.
//!
//! `SWITCHBACK_BENCH_TREE` names a tree of log files to measure on; without it, log files of the same shape are made.

mod support;

use common::cloudtrail::{Element, Inflater, elements, inflate, records};
use common::event::{OnePass, Origin, normalize};
use criterion::{Criterion, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use std::hint::black_box;

fn steps(criterion: &mut Criterion) {
    let files = support::files(1500);
    let count = files.iter().map(|file| file.records).sum();
    let mut group = support::group(criterion, "log_file");
    let mut content = Vec::new();
    support::step(&mut group, "inflate", count, || {
        for file in &files {
            inflate(&file.gz, 1 << 30, &mut content).expect("it inflates");
        }
    });
    let mut inflater = Inflater::default();
    support::step(&mut group, "inflate whole", count, || {
        for file in &files {
            inflater.inflate(&file.gz, 1 << 30, &mut content).expect("it inflates");
        }
    });
    support::step(&mut group, "sha256", count, || {
        for file in &files {
            black_box(Sha256::digest(&file.content));
        }
    });
    support::step(&mut group, "split", count, || {
        for file in &files {
            let each = |record| {
                black_box::<&[u8]>(record);
                Ok(())
            };
            records(&file.content, each).expect("it has records");
        }
    });
    let origin = Origin::new("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/x.json.gz");
    let mut out = Vec::new();
    support::step(&mut group, "split, normalize with care", count, || {
        for file in &files {
            out.clear();
            let each = |record| {
                normalize(&origin, 7, record, &mut out).expect("it is an event");
                Ok(())
            };
            records(&file.content, each).expect("it has records");
        }
    });
    let mut fast = OnePass::new(&origin);
    support::step(&mut group, "split, read in one pass", count, || {
        for file in &files {
            let each = |mut element: Element<'_, '_>| {
                if fast.read(element.rest()) && element.pass(fast.record_bytes()) { Ok(()) } else { element.raw().map(drop) }
            };
            elements(&file.content, each).expect("it has records");
        }
    });
    support::step(&mut group, "split, read in one pass, write", count, || {
        for file in &files {
            out.clear();
            let each = |mut element: Element<'_, '_>| {
                let document = element.rest();
                if fast.read(document) && element.pass(fast.record_bytes()) {
                    fast.write(document, 7, &mut out);
                    Ok(())
                } else {
                    element.raw().map(drop)
                }
            };
            elements(&file.content, each).expect("it has records");
        }
    });
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
