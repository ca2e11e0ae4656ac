use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};

const OBJECT: &str =
    "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/11/111122223333_CloudTrail_eu-west-1_20230711T0005Z_A.json.gz";

fn key(slot: Slot) -> Key {
    Key { file: file_id(OBJECT), slot }
}

fn event(index: u32, time: &str) -> String {
    format!(
        r#"{{"v":1,"kind":"event","source_object":"{OBJECT}","source_index":{index},"event_time":"{time}","event_name":"N{index}"}}"#
    )
}

fn append(rows: &mut Rows, offset: u64, slot: Slot, value: &str) {
    let key = key(slot);
    rows.append(3, offset, Some(key), key.to_string().as_bytes(), value.as_bytes());
}

fn end() -> EndOfFile {
    EndOfFile {
        v: 1,
        kind: "end".to_owned(),
        source_object: OBJECT.to_owned(),
        status: EndStatus::Complete,
        records: 3,
        etag: String::new(),
        inflated_bytes: Some(10),
        sha256: None,
        reason: None,
        detail: None,
    }
}

/// Two days, a rejection, broken messages of three kinds, and an end.
fn mixed() -> Rows {
    let mut rows = Rows::new(Layout::Date);
    append(&mut rows, 10, Slot::Record(0), &event(0, "2023-07-10T23:59:59Z"));
    append(&mut rows, 11, Slot::Record(1), &event(1, "2023-07-11T00:00:00Z"));
    let rejection = format!(
        r#"{{"v":1,"kind":"rejection","source_object":"{OBJECT}","source_index":2,"reason":"too_deep","detail":"d","raw":"r","raw_bytes":1}}"#
    );
    append(&mut rows, 12, Slot::Record(2), &rejection);
    append(&mut rows, 14, Slot::Record(3), "{}");
    append(&mut rows, 15, Slot::Record(4), &event(5, "2023-07-11T00:00:00Z"));
    rows.append(3, 16, None, b"\xff", b"not \xff ours");
    rows.append_end(3, 17, &end(), LogFileStatus::Altered);
    rows
}

fn batch(part: &Part) -> RecordBatch {
    part.rest[0].record_batch().expect("columns")
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    batch.column_by_name(name).expect(name).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn every_message_becomes_a_row_of_its_kind_in_its_directory() {
    let rows = mixed();
    assert_eq!((rows.rows(), rows.directories()), (7, 5));
    let parts = rows.finish().expect("parts");
    let seen: Vec<_> = parts.iter().map(|part| (&part.dir[..], part.kind, part.rows)).collect();
    assert_eq!(
        seen,
        [
            ("data/event_date=2023-07-10", RowKind::Data, 1),
            ("data/event_date=2023-07-11", RowKind::Data, 1),
            ("log_files", RowKind::LogFile, 1),
            ("rejected/delivery_date=2023-07-11", RowKind::Rejected, 1),
            ("rejected/delivery_date=__HIVE_DEFAULT_PARTITION__", RowKind::Rejected, 3),
        ]
    );
    let broken = &batch(&parts[4]);
    assert_eq!(
        texts(broken, "reason"),
        ["undecodable_message", "undecodable_message", "foreign_message"].map(|text| Some(text.to_owned()))
    );
    assert_eq!(texts(broken, "raw")[2].as_deref(), Some("not \u{fffd} ours"));
    assert_eq!(texts(broken, "message_key")[0], Some(key(Slot::Record(3)).to_string()));
    assert_eq!(texts(&batch(&parts[2]), "status"), [Some("altered".to_owned())]);
}

#[test]
fn the_same_messages_give_the_same_digests_and_one_offset_more_another() {
    let digests = |rows: Rows| rows.finish().expect("parts").iter().map(|part| part.digest).collect::<Vec<_>>();
    assert_eq!(digests(mixed()), digests(mixed()));
    let one = |offset: u64| {
        let mut rows = Rows::new(Layout::Date);
        append(&mut rows, offset, Slot::Record(0), &event(0, "2023-07-10T23:59:59Z"));
        digests(rows)
    };
    assert_ne!(one(1), one(2));
}

#[test]
fn chunks_and_the_rest_together_are_all_rows() {
    let mut rows = Rows::new(Layout::Date);
    let mut taken = 0;
    for index in 0..1000 {
        append(&mut rows, u64::from(index), Slot::Record(index), &event(index, "2023-07-10T00:00:00Z"));
        while let Some(chunk) = rows.take_chunk(64 << 10).expect("chunk") {
            assert_eq!(chunk.dir, "data/event_date=2023-07-10");
            taken += chunk.rows.len();
        }
    }
    assert!(taken > 0 && rows.pending_bytes() < 128 << 10, "{taken} {}", rows.pending_bytes());
    let parts = rows.finish().expect("parts");
    assert_eq!(parts[0].rows, 1000);
    assert_eq!(parts[0].rest.iter().map(Pending::len).sum::<usize>() + taken, 1000);
}

#[test]
fn a_chunk_is_taken_from_the_largest_directory_only_when_it_is_large_enough() {
    let mut rows = Rows::new(Layout::Date);
    append(&mut rows, 0, Slot::Record(0), &event(0, "2023-07-10T00:00:00Z"));
    for index in 1..200 {
        append(&mut rows, u64::from(index), Slot::Record(index), &event(index, "2023-07-11T00:00:00Z"));
    }
    assert!(rows.take_chunk(1 << 20).expect("none").is_none());
    let chunk = rows.take_chunk(1 << 10).expect("chunk").expect("large enough");
    assert_eq!((&chunk.dir[..], chunk.rows.len()), ("data/event_date=2023-07-11", 199));
    let chunk = rows.take_chunk(0).expect("chunk").expect("the other");
    assert_eq!((&chunk.dir[..], chunk.rows.len()), ("data/event_date=2023-07-10", 1));
    assert!(rows.take_chunk(0).expect("none").is_none());
}

#[test]
fn null_and_empty_structs_differ() {
    let mut rows = Rows::new(Layout::Date);
    let with = |index: u32, identity: &str| event(index, "2023-07-10T00:00:00Z").replace("}", &format!(",{identity}}}"));
    append(&mut rows, 0, Slot::Record(0), &event(0, "2023-07-10T00:00:00Z"));
    append(&mut rows, 1, Slot::Record(1), &with(1, r#""user_identity":{}"#));
    append(&mut rows, 2, Slot::Record(2), &with(2, r#""user_identity":{"sessionContext":{"sessionIssuer":{"arn":"a"}}}"#));
    append(&mut rows, 3, Slot::Record(3), &event(3, "2023-07-10T00:00:00Z"));
    let batch = batch(&rows.finish().expect("parts")[0]);
    let identity = batch.column_by_name("user_identity").expect("column").as_struct();
    assert_eq!((0..4).map(|row| identity.is_valid(row)).collect::<Vec<_>>(), [false, true, true, false]);
    let context = identity.column_by_name("session_context").expect("member").as_struct();
    assert_eq!((0..4).map(|row| context.is_valid(row)).collect::<Vec<_>>(), [false, false, true, false]);
    let issuer = context.column_by_name("session_issuer").expect("member").as_struct();
    let arns = issuer.column_by_name("arn").expect("leaf").as_string::<i32>();
    assert_eq!(arns.iter().collect::<Vec<_>>(), [None, None, Some("a"), None]);
}

#[test]
fn provenance_is_in_every_row() {
    let parts = mixed().finish().expect("parts");
    let offsets: Vec<i64> = parts
        .iter()
        .map(batch)
        .flat_map(|batch| batch.column_by_name("kafka_offset").expect("column").as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(offsets, [10, 11, 17, 12, 14, 15, 16]);
    assert_eq!(texts(&batch(&parts[0]), "source_object"), [Some(OBJECT.to_owned())]);
}

#[test]
fn pending_bytes_come_near_what_the_columns_take() {
    let mut rows = Rows::new(Layout::Date);
    let body = "x".repeat(1000);
    for index in 0..1000 {
        let value = event(index, "2023-07-10T00:00:00Z").replace("}", &format!(r#","request_parameters":{{"a":"{body}"}}}}"#));
        append(&mut rows, u64::from(index), Slot::Record(index), &value);
    }
    assert!((1_000_000..4_000_000).contains(&rows.pending_bytes()), "{}", rows.pending_bytes());
}

/// What is remembered from row to row saves time and nothing else.
#[test]
fn a_row_goes_where_it_would_go_alone() {
    let values: Vec<String> = [
        r#","event_time":"2023-07-10T23:59:59Z","aws_region":"eu-west-1","recipient_account_id":"111122223333""#,
        r#","event_time":"2023-07-11T00:00:00Z","aws_region":"eu-west-1","recipient_account_id":"111122223333""#,
        r#","event_time":"2023-07-11T00:59:59Z","aws_region":"eu-west-2","recipient_account_id":"111122223333""#,
        r#","event_time":"2023-07-11T00:59:59Z","aws_region":"eu-west-2","recipient_account_id":"999922223333""#,
        r#","event_time":"2023-07-11T00:59:59Z","aws_region":"EU","recipient_account_id":"999922223333""#,
        r#","event_time":"2023-07-11T00:59:59Z""#,
        r#","event_time":"0000-01-01T00:00:00Z""#,
        "",
        r#","event_time":"1969-12-31T23:59:59Z""#,
        r#","event_time":"1970-01-01T00:00:00Z""#,
    ]
    .iter()
    .map(|fields| format!(r#"{{"v":1,"kind":"event","source_object":"{OBJECT}","source_index":0{fields}}}"#))
    .collect();
    let dirs = |rows: Rows| rows.finish().expect("parts").into_iter().map(|part| part.dir).collect::<Vec<_>>();
    for layout in [Layout::Date, Layout::DateHour, Layout::AccountRegionDate, Layout::SecurityLake] {
        let mut together = Rows::new(layout);
        let mut alone: Vec<String> = Vec::new();
        for value in values.iter().chain(values.iter().rev()) {
            append(&mut together, 0, Slot::Record(0), value);
            let mut rows = Rows::new(layout);
            append(&mut rows, 0, Slot::Record(0), value);
            alone.extend(dirs(rows));
        }
        alone.sort();
        alone.dedup();
        assert_eq!(dirs(together), alone, "{layout}");
    }
}

#[test]
fn a_message_that_says_another_record_than_its_key_is_rejected() {
    let value = br#"{"v":1,"kind":"event","source_object":"AWSLogs/x","source_index":7}"#;
    let mut rows = Rows::new(Layout::Date);
    let key = Key { file: file_id("AWSLogs/x"), slot: Slot::Record(8) };
    rows.append(0, 0, Some(key), key.to_string().as_bytes(), value);
    let dirs: Vec<_> = rows.finish().expect("parts").into_iter().map(|part| part.dir).collect();
    assert_eq!(dirs, ["rejected/delivery_date=__HIVE_DEFAULT_PARTITION__"], "the key says another record");
}
