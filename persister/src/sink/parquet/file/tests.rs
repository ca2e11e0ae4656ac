use super::super::digest::rows_digest_of_file;
use super::super::layout::Layout;
use super::super::rows::{Part, Rows};
use super::super::{LAYOUT_VERSION, SCHEMA_VERSION};
use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use bytes::Bytes;
use common::cloudtrail::file_id;
use common::message::{Key, Slot};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const OBJECT: &str =
    "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/11/111122223333_CloudTrail_eu-west-1_20230711T0005Z_A.json.gz";

fn append(rows: &mut Rows, offset: u64, index: u32, fields: &str) {
    let key = Key { file: file_id(OBJECT), slot: Slot::Record(index) };
    let value = format!(r#"{{"v":1,"kind":"event","source_object":"{OBJECT}","source_index":{index}{fields}}}"#);
    rows.append(5, offset, Some(key), key.to_string().as_bytes(), value.as_bytes());
}

fn footer(part: &Part) -> Footer {
    Footer {
        topic: "trail".to_owned(),
        epoch: "1".to_owned(),
        partition: 5,
        seq: 9,
        start: 100,
        end: 200,
        rows: part.rows,
        rows_sha256: part.digest,
        layout: Layout::Date,
        layout_version: LAYOUT_VERSION,
        schema_version: SCHEMA_VERSION,
    }
}

fn written(part: &Part, chunks: Vec<Pending>) -> Bytes {
    let mut writer = FileWriter::new(part.kind).expect("writer");
    for rows in chunks.into_iter().chain(part.rest.iter().cloned()) {
        let before = writer.encoded_bytes();
        writer.write(rows).expect("write");
        assert!(writer.encoded_bytes() > before, "nothing of a chunk stays behind in an encoder");
    }
    writer.finish(&footer(part)).expect("finish").into()
}

fn read(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("file").build().expect("reader");
    let batches: Vec<_> = reader.map(|batch| batch.expect("batch")).collect();
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).expect("one")
}

fn member(array: &ArrayRef, name: &str) -> ArrayRef {
    array.as_struct().column_by_name(name).expect(name).clone()
}

#[test]
fn a_file_reads_back_sorted_with_its_types_and_its_digest() {
    let mut rows = Rows::new(Layout::Date);
    append(
        &mut rows,
        100,
        0,
        r#","event_time":"2023-07-10T12:00:00Z","event_source":"s","event_name":"b","read_only":false,"user_identity":{"arn":"a","sessionContext":{}}"#,
    );
    append(
        &mut rows,
        101,
        1,
        r#","event_time":"2023-07-10T12:00:01Z","event_source":"s","event_name":"a","request_parameters":{"a":1e2}"#,
    );
    let chunk = rows.take_chunk(0).expect("chunk").expect("rows");
    append(&mut rows, 102, 2, r#","event_time":"2023-07-10T12:00:00Z","extra":{"x":1}"#);
    let part = rows.finish().expect("parts").remove(0);
    let file = written(&part, vec![chunk.rows]);

    let batch = read(&file);
    let times = batch.column_by_name("event_time").expect("column").as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.timezone(), Some("UTC"));
    let indexes = batch.column_by_name("source_index").expect("column").as_primitive::<Int32Type>();
    assert_eq!(indexes.values().to_vec(), [1, 0, 2], "sorted by name within each chunk");
    let identity = batch.column_by_name("user_identity").expect("column");
    assert_eq!((0..3).map(|row| identity.is_valid(row)).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(member(identity, "arn").as_string::<i32>().value(1), "a");
    assert!(member(identity, "session_context").is_valid(1));
    assert!(!batch.column_by_name("read_only").expect("column").as_boolean().value(1));
    assert_eq!(batch.column_by_name("request_parameters").expect("column").as_string::<i32>().value(0), r#"{"a":1e2}"#);

    assert_eq!(rows_digest_of_file(file.clone()).expect("digest"), (3, part.digest));
    assert_eq!(Footer::read(&file).expect("footer"), footer(&part));
}

#[test]
fn the_digest_of_each_kind_of_file_is_that_of_its_rows() {
    let mut rows = Rows::new(Layout::Date);
    let key = |slot| Key { file: file_id(OBJECT), slot };
    let end = format!(
        r#"{{"v":1,"kind":"end","source_object":"{OBJECT}","status":"complete","records":2,"etag":"e","inflated_bytes":5,"sha256":"00"}}"#
    );
    let rejection = format!(r#"{{"v":1,"kind":"rejection","source_object":"{OBJECT}","source_index":0,"reason":"too_deep"}}"#);
    for (offset, identity, value) in [
        (1, Some(key(Slot::Record(0))), &rejection[..]),
        (2, Some(key(Slot::Record(1))), "broken"),
        (3, Some(key(Slot::End)), "broken"),
        (4, None, "foreign"),
        (5, Some(key(Slot::End)), &end),
    ] {
        // A foreign message may carry a key that looks like one of ours.
        let key_bytes = identity.unwrap_or(key(Slot::End)).to_string();
        rows.append(0, offset, identity, key_bytes.as_bytes(), value.as_bytes());
    }
    let parts = rows.finish().expect("parts");
    assert_eq!(
        parts.iter().map(|part| (part.kind, part.rows)).collect::<Vec<_>>(),
        [(RowKind::LogFile, 1), (RowKind::Rejected, 1), (RowKind::Rejected, 3)]
    );
    for part in &parts {
        assert_eq!(rows_digest_of_file(written(part, Vec::new())).expect("digest"), (part.rows, part.digest), "{}", part.dir);
    }
}

#[test]
fn columns_keep_their_field_ids_and_rows_without_a_name_come_first() {
    let mut rows = Rows::new(Layout::SecurityLake);
    // Year 0 is a time, but no day that a directory is named after: both rows share one.
    append(&mut rows, 0, 0, r#","event_time":"0000-01-01T00:00:00Z","event_name":"a""#);
    append(&mut rows, 1, 1, "");
    let file = written(&rows.finish().expect("parts")[0], Vec::new());
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("file");
    let root = builder.parquet_schema().root_schema();
    let ids: Vec<_> = root.get_fields().iter().map(|field| field.get_basic_info().id()).collect();
    assert_eq!((ids[0], ids[32], ids[33]), (1, 33, 200));
    let sorting = builder.metadata().row_group(0).sorting_columns().expect("sorting columns").clone();
    let names: Vec<_> =
        sorting.iter().map(|column| builder.parquet_schema().column(column.column_idx as usize).path().string()).collect();
    assert_eq!(names, ["event_source", "event_name", "kafka_offset"]);
    let indexes = read(&file).column_by_name("source_index").expect("column").as_primitive::<Int32Type>().values().to_vec();
    assert_eq!(indexes, [1, 0]);
}

#[test]
fn what_is_no_file_of_ours_is_an_error() {
    for bytes in [&b""[..], b"PAR1", b"PAR1\0\0\0\0PAR1", &[0xff; 64]] {
        let file = Bytes::copy_from_slice(bytes);
        assert!(Footer::read(&file).is_err());
        assert!(rows_digest_of_file(file).is_err());
    }
}
