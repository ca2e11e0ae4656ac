//! How each column is written.
//!
//! - Dictionary where values repeat; not on ids, which are all different, nor on bodies: there a dictionary only grows until it is given up.
//! - Delta on numbers that climb within the rows of one key or a log file's.
//! - Statistics by page on what is filtered, none on what nobody compares.

use super::schema::{EVENT_TIME, KAFKA_OFFSET, SOURCE_INDEX, schema};
use super::sort_keys;
use crate::decode::row_kind::RowKind;
use common::event::{FIELDS, Kind};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// Unique in nearly every row.
const IDS: [&str; 3] = ["event_id", "request_id", "shared_event_id"];

/// Repeated, and nothing that rows are looked up by: their bounds would cost two comparisons a value and exclude nothing.
const DESCRIPTIVE: [&[&str]; 12] = [
    &["event_version"],
    &["user_agent"],
    &["error_message"],
    &["event_type"],
    &["event_category"],
    &["api_version"],
    &["session_credential_from_console"],
    &["user_identity", "session_context", "attributes", "creation_date"],
    &["user_identity", "session_context", "attributes", "mfa_authenticated"],
    &["tls_details", "tls_version"],
    &["tls_details", "cipher_suite"],
    &["tls_details", "client_provided_host_header"],
];

/// The properties of a kind of files.
pub(super) fn properties(kind: RowKind, compression: Compression) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(compression)
        .set_created_by(concat!("switchback ", env!("CARGO_PKG_VERSION")).to_owned())
        // The caller cuts row groups: one a chunk.
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(sorting(kind)));
    for name in [EVENT_TIME, KAFKA_OFFSET, SOURCE_INDEX] {
        builder = builder
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    let bodies = FIELDS.iter().filter(|field| field.kind == Kind::Body).map(|field| field.name);
    // Nobody compares bodies, and bounds of random ids exclude nothing.
    for name in bodies.chain(["extra", "raw", "detail"]).chain(IDS).chain(["sha256", "etag", "message_key"]) {
        builder = unbounded(plain(builder, name), ColumnPath::from(name));
    }
    for path in DESCRIPTIVE {
        builder = unbounded(builder, ColumnPath::new(path.iter().map(|name| (*name).to_owned()).collect()));
    }
    if kind == RowKind::LogFile {
        builder = plain(builder, "source_object");
    }
    builder.build()
}

fn plain(builder: WriterPropertiesBuilder, name: &str) -> WriterPropertiesBuilder {
    builder.set_column_dictionary_enabled(ColumnPath::from(name), false)
}

fn unbounded(builder: WriterPropertiesBuilder, path: ColumnPath) -> WriterPropertiesBuilder {
    builder.set_column_statistics_enabled(path, EnabledStatistics::None)
}

/// The order in which [`super::FileWriter`] writes. Parquet counts leaves, so struct members count too.
fn sorting(kind: RowKind) -> Vec<SortingColumn> {
    let column =
        |leaf: usize| SortingColumn { column_idx: i32::try_from(leaf).unwrap_or(0), descending: false, nulls_first: true };
    let offset = column(leaves(kind).saturating_sub(1));
    match kind {
        // No struct stands before them.
        RowKind::Data => vec![column(usize::from(sort_keys::SOURCE)), column(usize::from(sort_keys::NAME)), offset],
        RowKind::Rejected | RowKind::LogFile => vec![offset],
    }
}

/// Leaves of a kind's schema; the offset is the last.
fn leaves(kind: RowKind) -> usize {
    fn of(data_type: &arrow_schema::DataType) -> usize {
        match data_type {
            arrow_schema::DataType::Struct(members) => members.iter().map(|member| of(member.data_type())).sum(),
            _ => 1,
        }
    }
    schema(kind).fields().iter().map(|field| of(field.data_type())).sum()
}
