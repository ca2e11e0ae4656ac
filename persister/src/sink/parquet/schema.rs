//! The columns of each kind of rows, with the Parquet field ids that they keep for ever (readers such as Iceberg go by id).
//!
//! Ids: 1 to 199 the fields of an event in contract order, 200 to 299 what we add to it, 300 to 399 within `user_identity`,
//! 400 to 499 within `tls_details`, 500 to 599 rejected rows, 600 to 699 log files.

use crate::decode::row_kind::RowKind;
use crate::decode::structs::{Node, Shape, tree};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use common::event::{FIELDS, Kind};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Version of the columns. Columns are only ever added, at the end of their kind; the version tells which are there.
pub const SCHEMA_VERSION: u32 = 1;

pub(crate) const SOURCE_OBJECT: &str = "source_object";
pub(crate) const SOURCE_INDEX: &str = "source_index";
pub(crate) const MESSAGE_KEY: &str = "message_key";
pub(crate) const KAFKA_PARTITION: &str = "kafka_partition";
pub(crate) const KAFKA_OFFSET: &str = "kafka_offset";
pub(crate) const EVENT_TIME: &str = "event_time";

/// The reason of a row of `rejected/` whose message is not ours.
pub(crate) const FOREIGN_MESSAGE: &str = "foreign_message";

/// The columns of a kind of rows.
pub fn schema(kind: RowKind) -> SchemaRef {
    static DATA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(data()));
    static REJECTED: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(rejected()));
    static LOG_FILES: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(log_files()));
    Arc::clone(match kind {
        RowKind::Data => &DATA,
        RowKind::Rejected => &REJECTED,
        RowKind::LogFile => &LOG_FILES,
    })
}

fn column(id: i32, name: &str, data_type: DataType, nullable: bool) -> Field {
    let metadata = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string())]);
    Field::new(name, data_type, nullable).with_metadata(metadata)
}

/// The place of a column among those of its kind.
pub(crate) fn place_of(kind: RowKind, name: &str) -> usize {
    schema(kind).index_of(name).unwrap_or(usize::MAX)
}

fn members(nodes: &[Node]) -> Fields {
    nodes
        .iter()
        .map(|node| match &node.shape {
            Shape::Text | Shape::Json => column(node.id, node.name, DataType::Utf8, true),
            Shape::Object(children) => column(node.id, node.name, DataType::Struct(members(children)), true),
        })
        .collect()
}

fn data() -> Schema {
    let fields = (1..).zip(&FIELDS).map(|(id, field)| {
        let data_type = match field.kind {
            // Microseconds: every reader takes them, and AWS writes seconds.
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Flag => DataType::Boolean,
            Kind::Struct => tree(field.name).map_or(DataType::Utf8, |tree| DataType::Struct(members(tree.nodes))),
            Kind::Text | Kind::Body => DataType::Utf8,
        };
        column(id, field.name, data_type, true)
    });
    let ours = [
        column(200, "extra", DataType::Utf8, true),
        column(201, SOURCE_OBJECT, DataType::Utf8, false),
        column(202, SOURCE_INDEX, DataType::Int32, false),
        column(203, KAFKA_PARTITION, DataType::Int32, false),
        column(204, KAFKA_OFFSET, DataType::Int64, false),
    ];
    Schema::new(fields.chain(ours).collect::<Vec<_>>())
}

fn rejected() -> Schema {
    Schema::new(vec![
        column(201, SOURCE_OBJECT, DataType::Utf8, true),
        column(202, SOURCE_INDEX, DataType::Int32, true),
        column(501, "reason", DataType::Utf8, false),
        column(502, "detail", DataType::Utf8, true),
        column(503, "raw", DataType::Utf8, true),
        column(504, "raw_bytes", DataType::Int64, true),
        column(505, MESSAGE_KEY, DataType::Utf8, true),
        column(203, KAFKA_PARTITION, DataType::Int32, false),
        column(204, KAFKA_OFFSET, DataType::Int64, false),
    ])
}

fn log_files() -> Schema {
    Schema::new(vec![
        column(201, SOURCE_OBJECT, DataType::Utf8, false),
        column(601, "status", DataType::Utf8, false),
        column(602, "records", DataType::Int64, false),
        column(603, "etag", DataType::Utf8, true),
        column(604, "inflated_bytes", DataType::Int64, true),
        column(605, "sha256", DataType::Utf8, true),
        column(606, "reason", DataType::Utf8, true),
        column(607, "detail", DataType::Utf8, true),
        column(203, KAFKA_PARTITION, DataType::Int32, false),
        column(204, KAFKA_OFFSET, DataType::Int64, false),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(field: &Field) -> i32 {
        field.metadata()[PARQUET_FIELD_ID_META_KEY].parse().expect("number")
    }

    fn ids(fields: &Fields, all: &mut Vec<i32>) {
        for field in fields {
            all.push(id(field));
            if let DataType::Struct(children) = field.data_type() {
                ids(children, all);
            }
        }
    }

    #[test]
    fn no_two_columns_of_a_kind_share_a_field_id() {
        for kind in [RowKind::Data, RowKind::Rejected, RowKind::LogFile] {
            let mut all = Vec::new();
            ids(schema(kind).fields(), &mut all);
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{kind:?}");
        }
    }

    /// A column that moves to another id reads as another column's data: these never change.
    #[test]
    fn field_ids_are_what_they_were_on_the_first_day() {
        let schema = schema(RowKind::Data);
        let of = |name: &str| id(schema.field_with_name(name).expect(name));
        assert_eq!(
            [
                "event_time",
                "event_id",
                "user_identity",
                "tls_details",
                "request_parameters",
                "annotation",
                "extra",
                "kafka_offset"
            ]
            .map(of),
            [1, 11, 22, 23, 24, 33, 200, 204]
        );
        assert_eq!(schema.fields().len(), FIELDS.len() + 5);
    }
}
