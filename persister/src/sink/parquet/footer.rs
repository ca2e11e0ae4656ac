//! What a file says about itself, as key-value metadata in its Parquet footer: where its rows come from and what fixes them.

use super::error::FileError;
use super::layout::Layout;
use bytes::Bytes;
use common::offsets::Range;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use std::str::FromStr;

/// The origin of a file's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Topic.
    pub topic: String,
    /// The topic's life.
    pub epoch: String,
    /// Partition.
    pub partition: u32,
    /// Sequence number of the batch in the partition's chain.
    pub seq: u64,
    /// First offset of the batch.
    pub start: u64,
    /// First offset after the batch.
    pub end: u64,
    /// Rows in the file.
    pub rows: u64,
    /// Their digest ([`super::RowsDigest`]).
    pub rows_sha256: [u8; 32],
    /// Layout of the table.
    pub layout: Layout,
    /// Its version.
    pub layout_version: u32,
    /// Version of the columns.
    pub schema_version: u32,
}

impl Footer {
    /// The offsets of the batch.
    pub fn range(&self) -> Range {
        Range { start: self.start, end: self.end }
    }

    /// Reads the footer of a Parquet file of ours.
    ///
    /// # Errors
    /// When it is no Parquet file, or not one of ours.
    pub fn read(file: &Bytes) -> Result<Footer, FileError> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(file)?;
        let none = Vec::new();
        let pairs = metadata.file_metadata().key_value_metadata().unwrap_or(&none);
        Ok(Footer {
            topic: find(pairs, "switchback.topic")?,
            epoch: find(pairs, "switchback.epoch")?,
            partition: find(pairs, "switchback.partition")?,
            seq: find(pairs, "switchback.seq")?,
            start: find(pairs, "switchback.start")?,
            end: find(pairs, "switchback.end")?,
            rows: find(pairs, "switchback.rows")?,
            rows_sha256: digest(&find::<String>(pairs, "switchback.rows_sha256")?)?,
            layout: find(pairs, "switchback.layout")?,
            layout_version: find(pairs, "switchback.layout_version")?,
            schema_version: find(pairs, "switchback.schema_version")?,
        })
    }

    /// The entries as they stand in the file.
    pub fn pairs(&self) -> Vec<KeyValue> {
        [
            ("topic", self.topic.clone()),
            ("epoch", self.epoch.clone()),
            ("partition", self.partition.to_string()),
            ("seq", self.seq.to_string()),
            ("start", self.start.to_string()),
            ("end", self.end.to_string()),
            ("rows", self.rows.to_string()),
            ("rows_sha256", hex::encode(self.rows_sha256)),
            ("layout", self.layout.to_string()),
            ("layout_version", self.layout_version.to_string()),
            ("schema_version", self.schema_version.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| KeyValue::new(format!("switchback.{key}"), value))
        .collect()
    }
}

fn find<T: FromStr>(pairs: &[KeyValue], key: &'static str) -> Result<T, FileError> {
    let value = pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref());
    value.and_then(|text| text.parse().ok()).ok_or(FileError::Metadata(key))
}

fn digest(text: &str) -> Result<[u8; 32], FileError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| FileError::Metadata("switchback.rows_sha256"))?;
    Ok(bytes)
}
