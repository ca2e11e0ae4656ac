//! The whole transform, from a log file's bytes to its run: processor nanoseconds a record for large log files, a file for small ones.
//!
//! `SWITCHBACK_BENCH_TREE` names a tree of log files to measure on; without it, log files of the same shape are made.

#[path = "../../common/benches/support/mod.rs"]
mod support;

use aggregator::transform::{Scratch, transform};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const OBJECT: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/x.json.gz";

fn whole(criterion: &mut Criterion) {
    let mut scratch = Scratch::default();
    let mut group = support::group(criterion, "transform");
    let files = support::files(1500);
    let count = files.iter().map(|file| file.records).sum();
    let bytes: usize = files.iter().map(|file| file.content.len()).sum();
    println!("{count} records of {} bytes in {} log files", bytes as u64 / count, files.len());
    support::step(&mut group, "record", count, || {
        for file in &files {
            black_box(transform(OBJECT, "etag", &file.gz, &mut scratch));
        }
    });
    let files = support::files(4);
    support::step(&mut group, "small_file", files.len() as u64, || {
        for file in &files {
            black_box(transform(OBJECT, "etag", &file.gz, &mut scratch));
        }
    });
    group.finish();
}

criterion_group!(benches, whole);
criterion_main!(benches);
