//! A Parquet file, written into memory chunk by chunk.
//!
//! One chunk is one row group, sorted and flushed at once: between chunks a writer holds encoded bytes only. An open row group would
//! hold a compressor, a dictionary and a page for every column, tens of megabytes a file.

use super::error::FileError;
use super::footer::Footer;
use super::pending::Pending;
use super::properties::properties;
use super::schema::schema;
use crate::decode::row_kind::RowKind;
use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// What the library keeps of a row group until the file is closed, about: metadata, bounds and page index of some seventy columns.
const ROW_GROUP_BYTES: usize = 64 << 10;

/// A Parquet file in the making.
#[derive(Debug)]
pub struct FileWriter {
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
        Ok(FileWriter { writer })
    }

    /// Writes rows as one row group: events by source, name and offset, others by offset.
    ///
    /// # Errors
    /// When the rows are of another kind.
    pub fn write(&mut self, rows: Pending) -> Result<(), FileError> {
        if rows.is_empty() {
            return Ok(());
        }
        let batch = rows.record_batch()?;
        // Not needed beside the encoder's own buffers.
        drop(rows);
        self.write_batch(&batch)
    }

    /// Writes columns of this kind, sorted already ([`Pending::record_batch`]), as one row group.
    ///
    /// # Errors
    /// When they are of another kind.
    pub fn write_batch(&mut self, batch: &RecordBatch) -> Result<(), FileError> {
        self.writer.write(batch)?;
        self.writer.flush()?;
        Ok(())
    }

    /// Bytes written so far.
    pub fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Bytes that it holds in memory, about.
    pub fn held_bytes(&self) -> usize {
        self.encoded_bytes() + self.writer.flushed_row_groups().len() * ROW_GROUP_BYTES
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

#[cfg(test)]
mod tests;
