//! The rows of a file, read from its own columns as any reader would.

use crate::tables::COLUMNS;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use common::cloudtrail::file_id;
use common::message::FileId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A row, by what it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Kafka's partition.
    pub partition: u32,
    /// Kafka's offset.
    pub offset: u64,
    /// The log file and the index in it (none for an end message); `None` for a foreign message.
    pub identity: Option<(FileId, Option<u32>)>,
    /// Status of a log file.
    pub status: Option<String>,
}

/// Every row of a file.
///
/// # Errors
/// When it is not a Parquet file with our columns: torn, or not ours.
pub fn read(bytes: &Bytes) -> Result<Vec<FileRow>, String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|error| error.to_string())?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
    let mut rows = Vec::new();
    for batch in builder.with_projection(mask).build().map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        for row in 0..batch.num_rows() {
            rows.push(of(&batch, row).ok_or("a row without partition and offset")?);
        }
    }
    Ok(rows)
}

fn of(batch: &RecordBatch, row: usize) -> Option<FileRow> {
    let text = |name| {
        let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let small = |name| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<Int32Type>()?;
        column.is_valid(row).then(|| u32::try_from(column.value(row)).ok())?
    };
    let offset = batch.column_by_name("kafka_offset")?.as_primitive_opt::<Int64Type>()?;
    let index = small("source_index");
    Some(FileRow {
        partition: small("kafka_partition")?,
        offset: offset.is_valid(row).then(|| u64::try_from(offset.value(row)).ok())??,
        identity: text("source_object").map(|object| (file_id(&object), index)),
        status: text("status"),
    })
}
