//! The columns that identify the rows of a Parquet file, whatever kind of rows they are.

use super::strict;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, Int32Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use common::cloudtrail::file_id;
use common::message::{FileId, Key, Slot};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use persister::decode::RowKind;
use persister::sink::parquet::schema::schema;
use std::collections::HashMap;

/// Rows decoded at once. A row may hold a megabyte, and a text column at most two gibibytes.
const BATCH_ROWS: usize = 1024;

/// The table's reason for messages that no aggregator sent.
const FOREIGN: &str = "foreign_message";

/// The kind of rows that a file of the table holds, by its key.
pub(crate) fn kind_of(key: &str) -> Option<RowKind> {
    let root = key.split('/').next()?;
    [RowKind::Data, RowKind::Rejected, RowKind::LogFile].into_iter().find(|kind| kind.root() == root)
}

/// Opens a file of the table: every column of every row group in order.
///
/// # Errors
/// In words: it is no Parquet file, or its columns are not those of its kind.
pub(crate) fn open(bytes: Bytes, kind: RowKind) -> Result<ParquetRecordBatchReader, String> {
    let ours = schema(kind);
    let expected = ArrowSchemaConverter::new().convert(&ours).map_err(|error| error.to_string())?;
    strict::check(&bytes, &expected)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| error.to_string())?;
    let found = builder.schema().fields();
    for (at, field) in ours.fields().iter().enumerate() {
        match found.get(at) {
            Some(found) if found.name() == field.name() => {}
            Some(found) => return Err(format!("column {at} is {:?} and not {:?}", found.name(), field.name())),
            None => return Err(format!("it has no column {:?}", field.name())),
        }
    }
    if found.len() > ours.fields().len() {
        return Err(format!("it has {} columns and not {}", found.len(), ours.fields().len()));
    }
    // Down to the names within structs, types and field ids: readers go by them, and a value shows no change of what is NULL in every row.
    if builder.parquet_schema().root_schema() != expected.root_schema() {
        return Err("a name, type or field id of its columns is not the table's".to_owned());
    }
    builder.with_batch_size(BATCH_ROWS).build().map_err(|error| error.to_string())
}

/// A column of text.
pub(crate) fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, String> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.ok_or_else(|| format!("it has no text column {name:?}"))
}

/// A column of small numbers.
pub(crate) fn int32<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int32Array, String> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int32Type>());
    column.ok_or_else(|| format!("it has no int32 column {name:?}"))
}

/// A column of numbers.
pub(crate) fn int64<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, String> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
    column.ok_or_else(|| format!("it has no int64 column {name:?}"))
}

/// A value, `None` for NULL.
pub(crate) fn value(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// The identities of the rows of one record batch.
pub(crate) struct Identities<'a> {
    kind: RowKind,
    objects: &'a StringArray,
    indexes: Option<&'a Int32Array>,
    rejected: Option<(&'a StringArray, &'a StringArray)>,
    partitions: &'a Int32Array,
    offsets: &'a Int64Array,
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// The log file's name, where the row has one.
    pub(crate) object: Option<&'a str>,
    /// The message's key; `None` for a message that no aggregator sent.
    pub(crate) key: Option<Key>,
    /// Kafka's partition.
    pub(crate) partition: i32,
    /// Kafka's offset; -1 where the table has none.
    pub(crate) offset: i64,
}

/// Log files seen so far, so that a name is hashed once.
pub(crate) type Ids = HashMap<String, FileId>;

impl<'a> Identities<'a> {
    pub(crate) fn of(kind: RowKind, batch: &'a RecordBatch) -> Result<Identities<'a>, String> {
        let rejected = match kind {
            RowKind::Rejected => Some((text(batch, "reason")?, text(batch, "message_key")?)),
            RowKind::Data | RowKind::LogFile => None,
        };
        let indexes = if kind == RowKind::LogFile { None } else { Some(int32(batch, "source_index")?) };
        let objects = text(batch, "source_object")?;
        Ok(Identities {
            kind,
            objects,
            indexes,
            rejected,
            partitions: int32(batch, "kafka_partition")?,
            offsets: int64(batch, "kafka_offset")?,
        })
    }

    /// Where row `row` comes from.
    pub(crate) fn at(&self, row: usize, ids: &mut Ids) -> Identity<'a> {
        let object = value(self.objects, row);
        let index = self.indexes.filter(|column| column.is_valid(row)).and_then(|column| u32::try_from(column.value(row)).ok());
        let key = match (object, self.rejected) {
            (Some(object), _) => {
                let file = id_of(object, ids);
                let slot = if self.kind == RowKind::LogFile { Slot::End } else { index.map_or(Slot::End, Slot::Record) };
                Some(Key { file, slot })
            }
            (None, Some((reasons, keys))) if value(reasons, row) != Some(FOREIGN) => {
                value(keys, row).and_then(|key| Key::parse(key.as_bytes()))
            }
            (None, _) => None,
        };
        let partition = if self.partitions.is_valid(row) { self.partitions.value(row) } else { -1 };
        let offset = if self.offsets.is_valid(row) { self.offsets.value(row) } else { -1 };
        Identity { object, key, partition, offset }
    }
}

fn id_of(object: &str, ids: &mut Ids) -> FileId {
    match ids.get(object) {
        Some(&file) => file,
        None => {
            let file = file_id(object);
            ids.insert(object.to_owned(), file);
            file
        }
    }
}
