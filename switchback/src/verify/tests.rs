//! Real tables, made by the real stages through the embedded log; then one kind of damage each.

#![expect(clippy::disallowed_methods, reason = "a persister runs beside the test")]

mod damage;
mod flips;
mod verdicts;

use super::findings::Check;
use super::listed::Listed;
use super::*;
use aggregator::transform::{Scratch, transform};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use bytes::Bytes;
use common::log::Producer;
use common::log::embedded::{EmbeddedLog, Retention};
use flate2::{Compression, write::GzEncoder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use persister::decode::RowKind;
use persister::protocol::{Intent, StreamRecord};
use persister::runtime::options::{DEFAULT_MEMORY, DEFAULT_SEAL};
use persister::runtime::{Control, Options, Status, open};
use persister::sink::parquet::{FileWriter, Footer, Layout};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;

/// A source, the log between, and the table.
struct World {
    dir: TempDir,
}

const DAY: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/10";

fn object(name: &str) -> String {
    format!("{DAY}/111122223333_CloudTrail_eu-west-1_20230710T0005Z_{name}.json.gz")
}

/// A record with something of every kind: columns, structs, bodies, what has no column, and a time in another form.
fn record(n: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventTime":"2023-07-1{}T12:00:00{}Z","eventName":"N{n}","eventSource":"s3.amazonaws.com","readOnly":true,
        "userIdentity":{{"type":"AssumedRole","arn":"arn:{n}","accountId":7,"sessionContext":{{"attributes":{{}},"sessionIssuer":{{"userName":"\u00e9"}},
        "webIdFederationData":{{"attributes":{{"a":1.0}}}},"odd":null}},"new":[1.50,{{"x":null}}]}},"tlsDetails":{{}},"errorCode":5,
        "requestParameters":{{"b":1e3,"a":{{"k":null}}}},"responseElements":null,"futureField":{{"n":{n}}}}}"#,
        n % 3,
        if n.is_multiple_of(2) { "" } else { ".500" }
    )
}

fn gz(content: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn log_file(records: impl IntoIterator<Item = String>) -> Vec<u8> {
    gz(&format!("{{\"Records\":[{}]}}", records.into_iter().collect::<Vec<_>>().join(",")))
}

impl World {
    /// A copy of [`World::make`]'s, which is made once.
    fn new() -> World {
        static FIRST: LazyLock<World> = LazyLock::new(World::make);
        let world = World { dir: TempDir::new().unwrap() };
        for path in files(FIRST.dir.path()) {
            let to = world.dir.path().join(path.strip_prefix(FIRST.dir.path()).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(path, to).unwrap();
        }
        world
    }

    /// Three batches of two log files each, then a batch with a quarantined one and rejected records; one partition.
    fn make() -> World {
        let world = World { dir: TempDir::new().unwrap() };
        for batch in 0..3 {
            for name in ["A", "B"] {
                world.put_source(&object(&format!("{name}{batch}")), &log_file((0..9).map(record)));
            }
            world.ingest();
        }
        world.put_source(&object("C"), &log_file([record(0), "[7]".to_owned(), r#"{"a":1,"a":2}"#.to_owned()]));
        world.put_source(&object("D"), b"not gzip");
        world.ingest();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put_source(&self, object: &str, bytes: &[u8]) {
        let path = self.path("source").join(object);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Sends every log file of the source and lets the persister make one batch of what is new.
    fn ingest(&self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let log = EmbeddedLog::open(&self.path("log"), 1, Retention { bytes: u64::MAX }).unwrap();
        let producer = log.producer();
        for path in files(&self.path("source")) {
            let name = path.strip_prefix(self.path("source")).unwrap().to_str().unwrap();
            let run = transform(name, "", &fs::read(&path).unwrap(), &mut Scratch::default()).run;
            producer.send(run, Box::new(|answer| answer.unwrap()));
        }
        producer.flush(Duration::from_secs(60)).unwrap();
        let store = runtime.block_on(Store::open(&Location::Local(self.path("table")))).unwrap();
        runtime.block_on(open::open(&store, &StreamRecord::new("t", "0", 1, Layout::Date.format()))).unwrap();
        let options = Options {
            topic: "t".into(),
            epoch: "0".into(),
            layout: Layout::Date,
            seal: DEFAULT_SEAL,
            memory: DEFAULT_MEMORY,
            encoders: 1,
        };
        let status = Arc::new(Status::new(1));
        let ends = producer.ends().unwrap();
        let (control, handle) = (Control::default(), runtime.handle().clone());
        control.drain_to(ends.clone());
        let persister = std::thread::spawn({
            let (status, control) = (Arc::clone(&status), control.clone());
            let consumer = Box::new(log.consumer());
            move || persister::runtime::run(options, consumer, store, status, control, handle)
        });
        while status.end(0) != Some(ends[0]) && !persister.is_finished() {
            std::thread::sleep(Duration::from_millis(2));
        }
        control.end();
        persister.join().unwrap().unwrap();
    }

    fn verify(&self, against: bool, allow_in_flight: bool) -> Report {
        let args = VerifyArgs {
            table: self.path("table").to_str().unwrap().to_owned(),
            against: against.then(|| self.path("source").to_str().unwrap().to_owned()),
            allow_in_flight,
            json: false,
        };
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(verify(&args)).unwrap()
    }

    /// Files of the table below a folder, by their keys.
    fn keys(&self, below: &str) -> Vec<String> {
        let table = self.path("table");
        files(&table.join(below)).iter().map(|path| path.strip_prefix(&table).unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn key(&self, below: &str, part: &str) -> String {
        self.keys(below).into_iter().find(|key| key.contains(part)).unwrap()
    }

    fn table(&self, key: &str) -> PathBuf {
        self.path("table").join(key)
    }

    /// What is found, one check and its examples a line; the source is looked at when `against`.
    #[track_caller]
    fn expect(&self, against: bool, check: Check, words: &[&str]) -> Report {
        let report = self.verify(against, false);
        let text = report.to_text(false);
        let found = report.findings.of(check).examples.join("\n");
        for word in words {
            assert!(found.contains(word), "{word:?} is not among what {:?} found:\n{text}", check.id());
        }
        assert!(!is_whole(&report), "{text}");
        assert_ne!(report.verdict(), Verdict::Exact);
        report
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { dirs.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

/// True when nothing is damaged or missing, but that some log files could not be read.
fn is_whole(report: &Report) -> bool {
    let is_quarantined = report.notes.iter().all(|(note, _)| note == Note::Quarantined);
    let word = if report.notes.iter().count() == 0 { Verdict::Exact } else { Verdict::Incomplete };
    report.findings.total() == 0 && is_quarantined && report.verdict() == word
}

/// Checks that found anything, by id.
fn wrong(report: &Report) -> Vec<&'static str> {
    Check::ALL.into_iter().filter(|check| report.findings.of(*check).violations > 0).map(Check::id).collect()
}

#[test]
fn a_table_that_nobody_touched_is_exact_by_itself_and_against_its_source() {
    let world = World::new();
    for against in [false, true] {
        let report = world.verify(against, false);
        assert!(is_whole(&report), "{}", report.to_text(false));
        let counts = &report.counts;
        assert_eq!((counts.data_rows, counts.rejected_rows, counts.log_file_rows), (55, 2, 8));
        assert_eq!((counts.batches, counts.complete, counts.quarantined, counts.log_files), (4, 7, 1, 8));
        assert_eq!(report.counts.source_records, against.then_some(57));
        assert!(report.to_text(false).contains("(not_gzip)"));
    }
}

#[test]
fn a_data_file_that_was_deleted_is_named_with_the_records_that_are_gone() {
    let world = World::new();
    let key = world.key("data", "-s1-");
    fs::remove_file(world.table(&key)).unwrap();
    let report = world.expect(false, Check::Files, &[&key, "batch 1 of partition 0", "missing"]);
    assert_eq!(wrong(&report), ["files", "dense"]);
    let dense = report.findings.of(Check::Dense);
    assert!(dense.examples[0].contains("A1.json.gz: 3 of 9 records are missing: "), "{dense:?}");
    assert_eq!(dense.violations, 6);
}

#[test]
fn a_missing_file_of_the_newest_batch_is_told_as_unfinished_and_may_be_let_pass() {
    let world = World::new();
    let key = world.key("data", "-s3-");
    fs::remove_file(world.table(&key)).unwrap();
    let report = world.verify(false, false);
    assert_eq!((report.verdict(), wrong(&report)), (Verdict::Incomplete, vec![]));
    let batch = &report.notes.of(Note::UnfinishedBatches).first[0];
    assert_eq!(batch.source_object, "batch 3 of partition 0");
    assert_eq!(batch.why, format!("{key} is not there: a persister is writing it, or the next one to start completes it"));
    // Its log files: one with a row in the missing file, and the quarantined one.
    assert_eq!(report.notes.of(Note::UnfinishedLogFiles).count, 2);
    assert_eq!(world.verify(false, true).verdict(), Verdict::Exact, "{}", world.verify(false, true).to_text(false));
    world.ingest();
    let report = world.verify(true, false);
    assert!(is_whole(&report), "the persister completes it: {}", report.to_text(false));
}

#[test]
fn a_file_that_was_cut_does_not_read() {
    let world = World::new();
    let key = world.key("data", "-s1-");
    let bytes = fs::read(world.table(&key)).unwrap();
    fs::write(world.table(&key), &bytes[..bytes.len() / 2]).unwrap();
    world.expect(false, Check::Rows, &[&key, "cut or overwritten", "do not read"]);
}

#[test]
fn a_byte_altered_in_a_chain_record_breaks_the_link_to_the_next() {
    let world = World::new();
    let key = world.key("_log", "00001.json");
    let text = fs::read_to_string(world.table(&key)).unwrap();
    let at = text.find("\"writer\":\"").unwrap() + 10;
    let digit = if &text[at..=at] == "0" { "1" } else { "0" };
    fs::write(world.table(&key), format!("{}{digit}{}", &text[..at], &text[at + 1..])).unwrap();
    let report = world.expect(false, Check::Chain, &["00002.json: does not carry the hash of", "00001.json"]);
    assert_eq!((wrong(&report), report.findings.total()), (vec!["chain"], 1));
}

#[test]
fn a_chain_record_that_is_no_json_any_more_is_named() {
    let world = World::new();
    let key = world.key("_log", "00001.json");
    fs::write(world.table(&key), "{").unwrap();
    world.expect(false, Check::Chain, &[&format!("{key}: the chain record is damaged")]);
}

#[test]
fn a_copy_of_a_file_under_another_name_is_an_orphan() {
    let world = World::new();
    let key = world.key("data", "-s1-");
    let copy = key.replace(".parquet", "-copy.parquet");
    fs::copy(world.table(&key), world.table(&copy)).unwrap();
    let report = world.expect(false, Check::Orphans, &[&copy, "no batch names it", "batch 1 of partition 0 of t/0"]);
    assert_eq!((wrong(&report), report.findings.total()), (vec!["orphans"], 1));
}

#[test]
fn a_chain_record_that_is_gone_leaves_a_gap_and_orphans() {
    let world = World::new();
    let key = world.key("_log", "00001.json");
    fs::remove_file(world.table(&key)).unwrap();
    let report = world.expect(
        false,
        Check::Chain,
        &[&format!("{key} is missing: the chain continues with 2"), "are covered by no record"],
    );
    assert!(report.findings.of(Check::Orphans).examples.iter().all(|text| text.contains("-s1-")));
    assert_eq!(report.findings.of(Check::Orphans).violations, 4);
}

#[test]
fn two_files_that_changed_places_are_told_by_their_footers() {
    let world = World::new();
    let (a, b) = (world.key("data", "-s1-"), world.key("data", "-s2-"));
    let (first, second) = (fs::read(world.table(&a)).unwrap(), fs::read(world.table(&b)).unwrap());
    fs::write(world.table(&a), second).unwrap();
    fs::write(world.table(&b), first).unwrap();
    let report = world.expect(false, Check::Rows, &[&a, &b, "its footer says batch 2 instead of 1"]);
    assert_eq!(wrong(&report), ["rows"], "that their rows are of other offsets goes without saying");
}

/// Writes a file of the table again, its rows changed by `change`, with the footer it had.
fn rewrite(path: &Path, kind: RowKind, change: impl Fn(RecordBatch) -> RecordBatch) {
    let bytes = Bytes::from(fs::read(path).unwrap());
    let footer = Footer::read(&bytes).unwrap();
    let mut writer = FileWriter::new(kind).unwrap();
    for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
        let batch = change(batch.unwrap());
        let batch = RecordBatch::try_new(persister::sink::parquet::schema::schema(kind), batch.columns().to_vec()).unwrap();
        writer.write_batch(&batch).unwrap();
    }
    fs::write(path, writer.finish(&footer).unwrap()).unwrap();
}

fn replace_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let at = batch.schema().index_of(name).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[at] = column;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

#[test]
fn a_value_that_was_changed_shows_against_the_source_with_its_path() {
    let world = World::new();
    let key = world.key("data", "-s1-");
    rewrite(&world.table(&key), RowKind::Data, |batch| {
        let forged: ArrayRef = Arc::new(StringArray::from(vec!["Forged"; batch.num_rows()]));
        replace_column(&batch, "event_name", forged)
    });
    assert!(is_whole(&world.verify(false, false)), "the table alone cannot tell");
    let words = ["A1.json.gz record ", "eventName is \"N0\" in the log file and \"Forged\" in the table", &key];
    let report = world.expect(true, Check::Values, &words);
    assert_eq!((wrong(&report), report.findings.total()), (vec!["values"], 6));
}

#[test]
fn an_event_time_that_the_stages_read_wrongly_shows_against_the_source() {
    let world = World::new();
    let key = world.key("data", "-s1-");
    rewrite(&world.table(&key), RowKind::Data, |batch| {
        let times = batch.column_by_name("event_time").unwrap().as_primitive::<TimestampMicrosecondType>();
        let an_hour_late = times.unary::<_, TimestampMicrosecondType>(|micros| micros + 3_600_000_000);
        replace_column(&batch, "event_time", Arc::new(an_hour_late.with_timezone("UTC")))
    });
    assert!(is_whole(&world.verify(false, false)), "the table alone cannot tell");
    // The second is in extra too: its source text is not in the form of the column.
    let words = [
        "eventTime is \"2023-07-10T12:00:00Z\" in the log file and \"2023-07-10T13:00:00Z\" in the table",
        "event_time is \"2023-07-10T13:00:00.5Z\" although the source says \"2023-07-10T12:00:00.500Z\"",
    ];
    let report = world.expect(true, Check::Values, &words);
    assert_eq!((wrong(&report), report.findings.total()), (vec!["values"], 6));
}

#[test]
fn a_row_that_is_gone_from_its_file_is_told_by_count_digest_and_index() {
    let world = World::new();
    let key = world.key("data", "-s1-");
    rewrite(&world.table(&key), RowKind::Data, |batch| batch.slice(1, batch.num_rows() - 1));
    let report = world.expect(true, Check::Rows, &[&format!("{key}: holds 5 rows, its batch says 6")]);
    assert_eq!(wrong(&report), ["rows", "dense", "values"]);
    assert!(report.findings.of(Check::Dense).examples[0].contains("1 of 9 records are missing: "));
}

#[test]
fn a_row_that_stands_twice_is_told_by_offset_and_index() {
    let world = World::new();
    let key = world.key("data", "-s1-");
    rewrite(&world.table(&key), RowKind::Data, |batch| {
        arrow_select::concat::concat_batches(&batch.schema(), [&batch, &batch.slice(0, 1)]).unwrap()
    });
    let report = world.expect(false, Check::Once, &["1 offsets make more than one row"]);
    assert_eq!(wrong(&report), ["rows", "once", "dense"]);
    assert!(report.findings.of(Check::Dense).examples[0].contains("stands in"));
}

#[test]
fn a_log_file_that_the_table_lacks_is_named() {
    let world = World::new();
    world.put_source(&object("E"), &log_file([record(1)]));
    let report = world.expect(true, Check::Source, &["E.json.gz: no record of it is in the table"]);
    assert_eq!((wrong(&report), report.findings.total()), (vec!["source"], 1));
}

#[test]
fn a_log_file_under_two_prefixes_counts_once_and_one_that_changed_does_not_pass() {
    let world = World::new();
    let name = object("A0");
    world.put_source(&format!("again/{name}"), &log_file((0..9).map(record)));
    let report = world.verify(true, false);
    assert!(is_whole(&report), "{}", report.to_text(false));
    assert_eq!(report.counts.source_log_files, Some(8));
    world.put_source(&name, &log_file((0..8).map(record)));
    let other = "A0.json.gz: its content is not the one that the table has under its name";
    let report = world.expect(true, Check::Source, &[other, "8 records of another SHA-256, instead of 9 records"]);
    assert_eq!((report.verdict(), report.findings.total()), (Verdict::Incomplete, 1), "the copy still is what was taken");
    fs::remove_dir_all(world.path("source/again")).unwrap();
    world.expect(true, Check::Source, &[other]);
    world.ingest();
    let report = world.expect(true, Check::Source, &[other, "log_files/ has it as altered"]);
    assert_eq!((report.verdict(), report.counts.altered), (Verdict::Incomplete, 1));
    let report = world.verify(false, false);
    assert_eq!((report.verdict(), report.notes.of(Note::Altered).count), (Verdict::Incomplete, 1), "the table alone tells too");
}

#[test]
fn rejections_are_held_against_the_records_text() {
    let world = World::new();
    let key = world.key("rejected", "-s3-");
    rewrite(&world.table(&key), RowKind::Rejected, |batch| {
        replace_column(&batch, "raw", Arc::new(StringArray::from(vec!["[8]"; batch.num_rows()])))
    });
    world.expect(true, Check::Values, &["C.json.gz record 1", "C.json.gz record 2"]);
}

#[test]
fn a_head_record_whose_numbers_do_not_add_up_is_found_without_a_next_one() {
    let world = World::new();
    let key = world.key("_log", "00003.json");
    let mut intent = Intent::from_bytes(&fs::read(world.table(&key)).unwrap()).unwrap();
    intent.dropped.duplicate += 1;
    let (file, _) = intent.ledger.values().next().and_then(|entries| entries[0].split_once(' ')).unwrap();
    let forged = vec![format!("{file} next 1")];
    *intent.ledger.values_mut().next().unwrap() = forged;
    fs::write(world.table(&key), intent.to_bytes()).unwrap();
    world.expect(false, Check::Once, &["which do not add up"]);
    world.expect(false, Check::Ledger, &["the ledger says"]);
}

#[test]
fn a_stream_record_that_is_damaged_or_doubled_is_told() {
    let world = World::new();
    let stream = world.table("stream/t/0/stream.json");
    let good = fs::read(&stream).unwrap();
    fs::write(&stream, "{}").unwrap();
    world.expect(false, Check::Stream, &["stream/t/0/stream.json: does not read"]);
    fs::write(&stream, &good).unwrap();
    fs::create_dir_all(world.table("stream/u/0")).unwrap();
    fs::write(world.table("stream/u/0/stream.json"), &good).unwrap();
    world.expect(false, Check::Stream, &["stream/u/0/stream.json: one table holds one stream"]);
}

#[test]
fn a_log_file_without_its_end_is_unfinished_and_no_damage() {
    let world = World { dir: TempDir::new().unwrap() };
    let log = EmbeddedLog::open(&world.path("log"), 1, Retention { bytes: u64::MAX }).unwrap();
    let producer = log.producer();
    let mut run = transform(&object("A"), "", &log_file((0..9).map(record)), &mut Scratch::default()).run;
    run.messages.truncate(5);
    producer.send(run, Box::new(|answer| answer.unwrap()));
    producer.flush(Duration::from_secs(60)).unwrap();
    drop((producer, log));
    fs::create_dir_all(world.path("source")).unwrap();
    world.ingest();
    let report = world.verify(false, false);
    assert_eq!((report.verdict(), wrong(&report)), (Verdict::Incomplete, vec![]));
    assert_eq!(*report.notes.of(Note::UnfinishedLogFiles), Listed::one(&object("A"), "5 records so far"));
    world.put_source(&object("A"), &log_file((0..9).map(record)));
    let report = world.verify(true, false);
    assert!(report.to_text(false).ends_with("incomplete: 1 unfinished log file; on the way, nothing else is missing\n"));
    assert_eq!(world.verify(true, true).verdict(), Verdict::Exact);
}

#[test]
fn a_log_file_that_could_be_read_later_is_quarantined_no_more() {
    let world = World::new();
    world.put_source(&object("D"), &log_file([record(1)]));
    world.expect(true, Check::Source, &["D.json.gz: can be read, and the table has it as quarantined"]);
    world.ingest();
    let report = world.verify(true, false);
    assert!(is_whole(&report), "{}", report.to_text(false));
    assert_eq!(report.verdict(), Verdict::Exact);
}

#[test]
fn messages_that_are_nobodys_are_rows_and_no_records() {
    let world = World { dir: TempDir::new().unwrap() };
    let log = EmbeddedLog::open(&world.path("log"), 1, Retention { bytes: u64::MAX }).unwrap();
    let producer = log.producer();
    let mut run = transform(&object("A"), "", &log_file((0..3).map(record)), &mut Scratch::default()).run;
    let key = common::message::Key { file: run.file, slot: common::message::Slot::Record(3) }.to_string();
    // A key of ours with a value that is not its own, an end that is none, and something else altogether.
    run.messages.push_raw(key.as_bytes(), b"{}");
    run.messages.push_raw(format!("{}/end", run.file).as_bytes(), b"{}");
    run.messages.push_raw(b"hello", b"\xff");
    producer.send(run, Box::new(|answer| answer.unwrap()));
    producer.flush(Duration::from_secs(60)).unwrap();
    drop((producer, log));
    world.put_source(&object("A"), &log_file((0..3).map(record)));
    world.ingest();
    let report = world.verify(true, false);
    assert!(is_whole(&report), "{}", report.to_text(false));
    assert_eq!((report.counts.rejected_rows, report.counts.data_rows), (3, 3));
}

#[test]
fn what_is_no_table_is_an_error_and_nothing_is_made() {
    let dir = TempDir::new().unwrap();
    let verify_at = |path: PathBuf| {
        let args = VerifyArgs { table: path.to_str().unwrap().to_owned(), against: None, allow_in_flight: false, json: false };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(verify(&args)).unwrap_err().to_string()
    };
    assert!(verify_at(dir.path().join("nowhere")).contains("no such directory"));
    assert!(!dir.path().join("nowhere").exists());
    verify_at(dir.path().to_owned());
}
