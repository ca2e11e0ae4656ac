//! Columns, made from rows whose number is known. Most of a schema of some seventy leaves is absent in any one event, so a column is
//! told of its values only; NULLs are what it was not told of.

use super::schema::{EVENT_TIME, KAFKA_OFFSET, KAFKA_PARTITION, SOURCE_INDEX, SOURCE_OBJECT, schema};
use super::strings::strings;
use crate::decode::byte_range::{ByteRange, EVENT_LEAVES, EXTRA, node, top};
use crate::decode::row_kind::RowKind;
use crate::decode::structs::{Node, Shape, Tree, tree};
use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use common::cloudtrail::json::unescape;
use std::sync::Arc;

/// The columns that are made from the values of rows, by leaf.
#[derive(Debug)]
pub(super) struct Columns {
    rows: usize,
    by_leaf: Vec<Column>,
}

/// Bytes of values to come, by leaf.
#[derive(Debug, Clone)]
pub(super) struct Expected(Box<[usize; EVENT_LEAVES]>);

impl Default for Expected {
    fn default() -> Expected {
        Expected(Box::new([0; EVENT_LEAVES]))
    }
}

impl Expected {
    #[inline(always)]
    pub(super) fn count(&mut self, range: ByteRange) {
        self.0[usize::from(range.leaf())] += range.bounds().len();
    }
}

/// The columns that every row has a value of, or could have.
pub(super) struct Numbers {
    pub(super) event_time: Arc<TimestampMicrosecondArray>,
    pub(super) source_object: StringArray,
    pub(super) source_index: Int32Array,
    pub(super) partition: Int32Array,
    pub(super) offset: Int64Array,
}

#[derive(Debug)]
enum Column {
    Text(TextColumn),
    Flag(Bits, Bits),
    Number(Vec<i64>, Bits),
    /// Which rows have the struct; its members are leaves of their own.
    Struct(Bits),
}

/// A bit a row.
#[derive(Debug)]
struct Bits {
    words: Vec<u64>,
    count: usize,
}

#[derive(Debug)]
struct TextColumn {
    text: String,
    /// Ends of the values so far, a zero before them.
    offsets: Vec<i32>,
    valid: Bits,
}

impl Columns {
    /// For so many rows, with room for what they are expected to hold.
    pub(super) fn new(kind: RowKind, rows: usize, expected: &Expected) -> Columns {
        let mut by_leaf: Vec<Column> = Vec::with_capacity(EVENT_LEAVES);
        let schema = schema(kind);
        let of_node = |node: &Node| match node.shape {
            Shape::Object(_) => Column::Struct(Bits::new(rows)),
            Shape::Text | Shape::Json => Column::Text(TextColumn::new(rows)),
        };
        by_leaf.extend(schema.fields().iter().map(|field| match field.data_type() {
            DataType::Struct(_) => Column::Struct(Bits::new(rows)),
            DataType::Boolean => Column::Flag(Bits::new(rows), Bits::new(rows)),
            DataType::Int64 => Column::Number(Vec::new(), Bits::new(rows)),
            _ => Column::Text(TextColumn::new(rows)),
        }));
        if kind == RowKind::Data {
            // What comes behind `extra` is not made from values.
            by_leaf.truncate(EXTRA + 1);
            for tree in schema.fields().iter().filter_map(|field| tree(field.name())) {
                let mut nodes: Vec<&Node> = tree.all();
                nodes.sort_unstable_by_key(|node| node.id);
                by_leaf.extend(nodes.into_iter().map(of_node));
            }
        }
        for (column, &bytes) in by_leaf.iter_mut().zip(expected.0.iter()) {
            if let Column::Text(column) = column
                && bytes > 0
            {
                column.text.reserve_exact(bytes);
                column.offsets.reserve_exact(rows + 1);
            }
        }
        Columns { rows, by_leaf }
    }

    /// Adds a value of a row; rows come in order, and a row has one value of a leaf.
    #[inline(always)]
    pub(super) fn push(&mut self, row: usize, values: &str, range: ByteRange) {
        let value = &values[range.bounds()];
        match &mut self.by_leaf[usize::from(range.leaf())] {
            Column::Text(column) if range.escaped() => {
                column.push(row, &unescape(value));
            }
            Column::Text(column) => column.push(row, value),
            Column::Flag(flags, valid) => {
                valid.set(row);
                if value == "true" {
                    flags.set(row);
                }
            }
            Column::Number(numbers, valid) => {
                valid.set(row);
                numbers.resize(row, 0);
                numbers.push(value.parse().unwrap_or(0));
            }
            Column::Struct(valid) => valid.set(row),
        }
    }

    /// All columns, as the schema has them.
    pub(super) fn finish(mut self, schema: &SchemaRef, numbers: Numbers) -> Result<RecordBatch, ArrowError> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for (at, field) in schema.fields().iter().enumerate() {
            arrays.push(match &field.name()[..] {
                EVENT_TIME => Arc::clone(&numbers.event_time) as ArrayRef,
                SOURCE_OBJECT => Arc::new(numbers.source_object.clone()),
                SOURCE_INDEX => Arc::new(numbers.source_index.clone()),
                KAFKA_PARTITION => Arc::new(numbers.partition.clone()),
                KAFKA_OFFSET => Arc::new(numbers.offset.clone()),
                name => match (tree(name), field.data_type()) {
                    (Some(tree), DataType::Struct(members)) => {
                        let nodes = self.members(tree, tree.nodes, members)?;
                        let valid = self.struct_valid(top(at).into());
                        Arc::new(StructArray::try_new(members.clone(), nodes, valid)?)
                    }
                    _ => self.leaf(top(at).into())?,
                },
            });
        }
        RecordBatch::try_new(Arc::clone(schema), arrays)
    }

    fn members(
        &mut self,
        tree: &'static Tree,
        nodes: &'static [Node],
        fields: &arrow_schema::Fields,
    ) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(nodes.len());
        for (here, field) in nodes.iter().zip(fields) {
            let leaf = node(tree, here.id).into();
            arrays.push(match (&here.shape, field.data_type()) {
                (Shape::Object(children), DataType::Struct(fields)) => {
                    let members = self.members(tree, children, fields)?;
                    Arc::new(StructArray::try_new(fields.clone(), members, self.struct_valid(leaf))?)
                }
                _ => self.leaf(leaf)?,
            });
        }
        Ok(arrays)
    }

    fn struct_valid(&mut self, leaf: usize) -> Option<NullBuffer> {
        let none = Bits { words: Vec::new(), count: 0 };
        match &mut self.by_leaf[leaf] {
            Column::Struct(valid) => std::mem::replace(valid, none).nulls(self.rows),
            _ => None,
        }
    }

    fn leaf(&mut self, leaf: usize) -> Result<ArrayRef, ArrowError> {
        let none = Column::Struct(Bits { words: Vec::new(), count: 0 });
        let rows = self.rows;
        Ok(match std::mem::replace(&mut self.by_leaf[leaf], none) {
            Column::Text(column) => Arc::new(column.finish(rows)),
            Column::Flag(flags, valid) => Arc::new(BooleanArray::new(flags.buffer(rows), valid.nulls(rows))),
            Column::Number(mut numbers, valid) => {
                numbers.resize(rows, 0);
                Arc::new(Int64Array::try_new(ScalarBuffer::from(numbers), valid.nulls(rows))?)
            }
            Column::Struct(_) => return Err(ArrowError::SchemaError("a struct column where the schema has none".to_owned())),
        })
    }
}

impl Bits {
    fn new(rows: usize) -> Bits {
        Bits { words: vec![0; rows.div_ceil(64)], count: 0 }
    }

    #[inline(always)]
    fn set(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
        self.count += 1;
    }

    fn buffer(self, rows: usize) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.words), 0, rows)
    }

    /// None when every row has its bit.
    fn nulls(self, rows: usize) -> Option<NullBuffer> {
        if self.count == rows { None } else { Some(NullBuffer::new(self.buffer(rows))) }
    }
}

impl TextColumn {
    fn new(rows: usize) -> TextColumn {
        TextColumn { text: String::new(), offsets: Vec::new(), valid: Bits::new(rows) }
    }

    #[inline(always)]
    fn push(&mut self, row: usize, text: &str) {
        if self.offsets.len() <= row {
            self.settle(row);
        }
        self.text.push_str(text);
        // Far fewer than 2 GiB of rows are cut off together.
        self.offsets.push(self.text.len() as i32);
        self.valid.set(row);
    }

    /// Ends for rows without a value, up to before this one.
    fn settle(&mut self, row: usize) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.offsets.resize(row + 1, self.text.len() as i32);
    }

    fn finish(mut self, rows: usize) -> StringArray {
        if self.valid.count == 0 {
            return StringArray::new_null(rows);
        }
        self.settle(rows);
        strings(self.text, self.offsets, self.valid.nulls(rows))
    }
}

/// Text that every row may have.
#[derive(Debug)]
pub(super) struct Repeated {
    text: String,
    ends: Vec<i32>,
    valid: Vec<bool>,
}

impl Repeated {
    pub(super) fn with_capacity(rows: usize, bytes: usize) -> Repeated {
        Repeated { text: String::with_capacity(bytes), ends: Vec::with_capacity(rows), valid: Vec::with_capacity(rows) }
    }

    pub(super) fn push(&mut self, text: Option<&str>) {
        self.text.push_str(text.unwrap_or_default());
        self.ends.push(self.text.len() as i32);
        self.valid.push(text.is_some());
    }

    pub(super) fn finish(self) -> StringArray {
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends).collect();
        let nulls = if self.valid.contains(&false) { Some(NullBuffer::from(self.valid)) } else { None };
        strings(self.text, offsets, nulls)
    }
}
