//! A Parquet file, written into memory chunk by chunk.
//!
//! One chunk is one row group, sorted and flushed at once: between chunks a writer holds encoded bytes only. An open row group would
//! hold a compressor, a dictionary and a page for every column, tens of megabytes a file.

use super::footer::Footer;
use super::properties::properties;
use super::row_kind::RowKind;
use super::schema::{EVENT_TIME, KAFKA_OFFSET, schema};
use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use common::failure::Class;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// In the words of the Parquet library.
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// In the words of the Arrow library.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// A column of ours is missing or of another type.
    #[error("no column {0} as ours")]
    Column(&'static str),
    /// An entry of the footer is missing or does not read.
    #[error("no footer entry {0} as ours")]
    Metadata(&'static str),
}

impl FileError {
    /// Writing goes to memory: what fails is a bug, or a file that is not ours.
    pub fn class(&self) -> Class {
        Class::Fatal
    }
}

/// A Parquet file in the making.
#[derive(Debug)]
pub struct FileWriter {
    kind: RowKind,
    writer: ArrowWriter<Vec<u8>>,
}

impl FileWriter {
    /// An empty file of a kind.
    ///
    /// # Errors
    /// When the library refuses our schema.
    pub fn new(kind: RowKind) -> Result<FileWriter, FileError> {
        FileWriter::with(kind, properties(kind, Compression::ZSTD(ZstdLevel::default())))
    }

    /// The same without compression: for measuring what encoding alone costs.
    ///
    /// # Errors
    /// When the library refuses our schema.
    pub fn uncompressed(kind: RowKind) -> Result<FileWriter, FileError> {
        FileWriter::with(kind, properties(kind, Compression::UNCOMPRESSED))
    }

    fn with(kind: RowKind, properties: WriterProperties) -> Result<FileWriter, FileError> {
        // The Arrow schema in the footer would repeat what the Parquet schema says, kilobytes in every file.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema(kind), options)?;
        Ok(FileWriter { kind, writer })
    }

    /// Writes rows as one row group: events by time and offset, others by offset.
    ///
    /// # Errors
    /// When the rows are of another kind.
    pub fn write(&mut self, batch: RecordBatch) -> Result<(), FileError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.writer.write(&sorted(self.kind, batch)?)?;
        self.writer.flush()?;
        Ok(())
    }

    /// Bytes written so far.
    pub fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// The file.
    ///
    /// # Errors
    /// When the library cannot close it.
    pub fn finish(mut self, footer: &Footer) -> Result<Vec<u8>, FileError> {
        for pair in footer.pairs() {
            self.writer.append_key_value_metadata(pair);
        }
        Ok(self.writer.into_inner()?)
    }
}

fn sorted(kind: RowKind, batch: RecordBatch) -> Result<RecordBatch, FileError> {
    let offsets = batch.column_by_name(KAFKA_OFFSET).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let offsets = offsets.ok_or(FileError::Column(KAFKA_OFFSET))?;
    let times = match kind {
        RowKind::Data => {
            let times = batch.column_by_name(EVENT_TIME).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
            Some(times.ok_or(FileError::Column(EVENT_TIME))?)
        }
        RowKind::Rejected | RowKind::LogFile => None,
    };
    let count = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
    let key = |row: u32| {
        let at = row as usize;
        // `None` is the least: NULLs first, as the metadata says.
        (times.and_then(|times| times.is_valid(at).then(|| times.value(at))), offsets.value(at))
    };
    if (1..count).all(|row| key(row - 1) <= key(row)) {
        return Ok(batch);
    }
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by_key(|&row| key(row));
    Ok(take_record_batch(&batch, &UInt32Array::from(order))?)
}

#[cfg(test)]
mod tests;
