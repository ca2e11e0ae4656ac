//! What one record costs in each step of the persister, in nanoseconds of processor time.
//!
//! Steps that cannot be run alone are differences: P7 (zstd) is `encode` less `encode uncompressed`.

mod corpus;

use common::log::{Message, Watermarks};
use common::message::Key;
use corpus::{Corpus, all_of, cpu, per_record};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use persister::decode::decode_message;
use persister::protocol::Names;
use persister::protocol::machine::{Config, Effect, Input, Machine, Verdict};
use persister::sink::parquet::{Chunk, FileWriter, Layout, Rows};
use std::hint::black_box;
use std::time::Duration;

/// Rows of one directory that are encoded together, as in the engine.
const CHUNK_BYTES: usize = 16 << 20;

fn machine(messages: usize) -> Machine {
    let mut machine = Machine::new(Config {
        names: Names { topic: "bench".to_owned(), epoch: "0".to_owned(), partition: 0 },
        format: Layout::Date.format(),
        writer: "bench".to_owned(),
        checkpoint_every: 64,
        ledger_entries: 400_000,
    });
    let mut effects = machine.handle(Input::Assigned(Watermarks { low: 0, high: messages as u64 }));
    while let Some(effect) = effects.pop() {
        // A table in which nothing is yet.
        let answer = match effect {
            Effect::ReadHint => Input::Hint(None),
            Effect::Exists(seq) => Input::Exists(seq, false),
            Effect::ReadCheckpoint => Input::Checkpoint(None),
            Effect::ReadIntents { .. } => Input::Intents(Vec::new()),
            _ => continue,
        };
        effects.extend(machine.handle(answer));
    }
    assert!(machine.is_open());
    machine
}

fn accept(machine: &mut Machine, corpus: &Corpus, mut verdict: impl FnMut(&Message<'_>, Verdict)) {
    for (offset, (key, value)) in (0..).zip(&corpus.messages) {
        let message = Message { partition: 0, offset, timestamp: 1, key, value };
        let answer = machine.message(&message);
        verdict(&message, answer);
    }
}

fn append_all(corpus: &Corpus, mut chunk: impl FnMut(Chunk)) -> Rows {
    let mut rows = Rows::new(Layout::Date);
    for (offset, (key, value)) in (0..).zip(&corpus.messages) {
        rows.append(0, offset, Key::parse(key), key, value);
        if offset % 64 == 0
            && let Some(full) = rows.take_chunk(CHUNK_BYTES).expect("columns")
        {
            chunk(full);
        }
    }
    rows
}

/// Every row of the corpus, cut as the engine cuts.
fn chunks(corpus: &Corpus) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let rows = append_all(corpus, |chunk| chunks.push(chunk));
    for part in rows.finish().expect("columns") {
        chunks.extend(part.rest.into_iter().map(|rows| Chunk { dir: part.dir.clone(), kind: part.kind, rows }));
    }
    chunks
}

/// Time to write each chunk to a file of its own, and the bytes of them all.
fn encode(chunks: &[Chunk], new: impl Fn(&Chunk) -> FileWriter) -> (Duration, usize) {
    let (mut time, mut bytes) = (Duration::ZERO, 0);
    for chunk in chunks {
        let (mut writer, rows) = (new(chunk), chunk.rows.clone());
        let started = cpu();
        writer.write(rows).expect("rows of its kind");
        time += cpu() - started;
        bytes += writer.encoded_bytes();
    }
    (time, bytes)
}

fn whole(corpus: &Corpus) -> usize {
    let mut machine = machine(corpus.messages.len());
    let mut rows = Rows::new(Layout::Date);
    let mut bytes = 0;
    let mut write = |chunk: Chunk| {
        let mut writer = FileWriter::new(chunk.kind).expect("writer");
        writer.write(chunk.rows).expect("rows of its kind");
        bytes += writer.encoded_bytes();
    };
    accept(&mut machine, corpus, |message, verdict| {
        if let Verdict::Record(key) = verdict {
            rows.append(0, message.offset, Some(key), message.key, message.value);
            if message.offset % 64 == 0
                && let Some(full) = rows.take_chunk(CHUNK_BYTES).expect("columns")
            {
                write(full);
            }
        }
    });
    for part in rows.finish().expect("columns") {
        part.rest.into_iter().for_each(|rows| write(Chunk { dir: String::new(), kind: part.kind, rows }));
    }
    bytes
}

fn record(criterion: &mut Criterion) {
    let corpus = Corpus::load();
    let value_bytes: usize = corpus.messages.iter().map(|(_, value)| value.len()).sum();
    let mut group = criterion.benchmark_group("persister");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    per_record(&mut group, "accept (machine.message)", &corpus, || {
        let mut machine = machine(corpus.messages.len());
        let started = cpu();
        accept(&mut machine, &corpus, |_, verdict| assert!(black_box(verdict) != Verdict::Skip));
        cpu() - started
    });
    all_of(&mut group, "P3 decode by the full decoder", &corpus, || {
        for (key, value) in &corpus.messages {
            let key = Key::parse(key).expect("a key of ours");
            black_box(decode_message(key, value).expect("a message of ours"));
        }
    });
    per_record(&mut group, "P3 decode and append", &corpus, || {
        let started = cpu();
        let rows = append_all(&corpus, |chunk| drop(black_box(chunk)));
        let time = cpu() - started;
        drop(rows);
        time
    });
    let chunks = chunks(&corpus);
    all_of(&mut group, "P4+P5 order and columns", &corpus, || {
        for chunk in &chunks {
            black_box(chunk.rows.record_batch().expect("columns"));
        }
    });
    per_record(&mut group, "P4+P5+P6 order, columns, encode, uncompressed", &corpus, || {
        encode(&chunks, |chunk| FileWriter::uncompressed(chunk.kind).expect("writer")).0
    });
    per_record(&mut group, "P4+P5+P6+P7 order, columns, encode, zstd", &corpus, || {
        encode(&chunks, |chunk| FileWriter::new(chunk.kind).expect("writer")).0
    });
    all_of(&mut group, "whole: messages to Parquet", &corpus, || {
        black_box(whole(&corpus));
    });
    group.finish();
    let parquet = encode(&chunks, |chunk| FileWriter::new(chunk.kind).expect("writer")).1;
    println!(
        "{} records, {} B a value, {} chunks, {:.1} B a record of Parquet",
        corpus.records,
        value_bytes / corpus.records,
        chunks.len(),
        parquet as f64 / corpus.records as f64
    );
}

criterion_group!(benches, record);
criterion_main!(benches);
