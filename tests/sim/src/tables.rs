//! Rows into files: by the product's own writer, or by a light one for the many worlds that are about the protocol.
//!
//! Decoding, directories and digests are always the product's ([`persister::sink::parquet::Rows`]). The light writer puts only the columns by which
//! a row is known into its Parquet file, with the product's own footer: some seventy columns a file would be most of a world's time.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use persister::sink::parquet::File;
use persister::sink::parquet::batch::{Batch, BatchInfo};
use persister::sink::parquet::{Chunk, Part, Pending};
use std::collections::BTreeMap;
use std::fmt::Display;

/// What a row is known by, in any kind of file.
pub const COLUMNS: [&str; 7] =
    ["source_object", "source_index", "status", "reason", "message_key", "kafka_partition", "kafka_offset"];

/// The files of one batch in the making.
#[derive(Debug)]
pub enum Writer {
    /// All columns.
    Wide(Batch),
    /// The chunks of each directory, in order.
    Light(BTreeMap<String, Vec<Pending>>),
}

impl Writer {
    /// For a world with or without the wide table.
    pub fn new(wide: bool) -> Writer {
        if wide { Writer::Wide(Batch::default()) } else { Writer::Light(BTreeMap::new()) }
    }

    /// Takes a chunk that was cut off before the batch is.
    pub fn chunk(&mut self, chunk: Chunk) {
        match self {
            Writer::Wide(batch) => batch.chunk(chunk),
            Writer::Light(chunks) => chunks.entry(chunk.dir).or_default().push(chunk.rows),
        }
    }

    /// Every file of the batch.
    ///
    /// # Errors
    /// When the library cannot write one.
    pub fn finish(self, info: &BatchInfo, parts: Vec<Part>) -> Result<Vec<File>, String> {
        match self {
            Writer::Wide(batch) => batch.finish(info, parts).map_err(text),
            Writer::Light(mut chunks) => {
                let light = parts.into_iter().enumerate().map(|(k, mut part)| {
                    let mut rows = chunks.remove(&part.dir).unwrap_or_default();
                    rows.append(&mut part.rest);
                    light(info, k, &part, &rows)
                });
                light.collect()
            }
        }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn light(info: &BatchInfo, k: usize, part: &Part, rows: &[Pending]) -> Result<File, String> {
    let (entry, footer) = info.file(k, part);
    let batches: Vec<RecordBatch> = rows.iter().map(known_by).collect::<Result<_, _>>().map_err(text)?;
    let schema = batches.first().ok_or("a directory without rows")?.schema();
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let bytes = || -> Result<Vec<u8>, ParquetError> {
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        for batch in &batches {
            writer.write(batch)?;
        }
        for pair in footer.pairs() {
            writer.append_key_value_metadata(pair);
        }
        writer.into_inner()
    };
    Ok(File { entry, bytes: Bytes::from(bytes().map_err(text)?) })
}

fn known_by(rows: &Pending) -> Result<RecordBatch, ArrowError> {
    let batch = rows.record_batch()?;
    let schema = batch.schema();
    let columns: Vec<usize> = COLUMNS.iter().filter_map(|name| schema.index_of(name).ok()).collect();
    batch.project(&columns)
}
