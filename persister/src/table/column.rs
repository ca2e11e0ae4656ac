//! A column in the making. Grows as rows come, reserves nothing ahead, and counts NULLs before it stores them: most of a schema of
//! some seventy leaves is absent in any one event, and a directory may stay small for a long time.

use super::decode::Cell;
use super::structs::{Node, Shape, Tree, tree};
use super::take_apart::{Leaf, Taken};
use arrow::array::{
    ArrayRef, BooleanBuilder, Int32Builder, Int64Builder, NullBufferBuilder, StringBuilder, StructArray,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use std::sync::Arc;

/// A column in the making.
#[derive(Debug)]
pub(crate) enum Column {
    Text(TextColumn),
    Flag(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Struct(StructColumn),
}

/// Text, and the NULLs it owes.
#[derive(Debug)]
pub(crate) struct TextColumn {
    values: StringBuilder,
    owed: usize,
}

/// A struct, its members, and the NULLs it owes.
#[derive(Debug)]
pub(crate) struct StructColumn {
    nodes: &'static [Node],
    valid: NullBufferBuilder,
    members: Vec<Column>,
    owed: usize,
}

/// Empty columns for a schema of ours.
pub(crate) fn columns(schema: &Schema) -> Vec<Column> {
    let of = |field: &Arc<arrow::datatypes::Field>| Column::of(field.data_type(), tree(field.name()));
    schema.fields().iter().map(of).collect()
}

impl Column {
    fn of(data_type: &DataType, tree: Option<&'static Tree>) -> Column {
        match (data_type, tree) {
            (DataType::Struct(_), Some(tree)) => Column::Struct(StructColumn::of(tree.nodes)),
            (DataType::Boolean, _) => Column::Flag(BooleanBuilder::with_capacity(0)),
            (DataType::Int32, _) => Column::Int32(Int32Builder::with_capacity(0)),
            (DataType::Int64, _) => Column::Int64(Int64Builder::with_capacity(0)),
            (DataType::Timestamp(..), _) => {
                Column::Time(TimestampMicrosecondBuilder::with_capacity(0).with_data_type(data_type.clone()))
            }
            _ => Column::Text(TextColumn::new()),
        }
    }

    /// Appends a value; one of another type than the column's is NULL (the schema and the decoder agree, tests see to it).
    pub(crate) fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Column::Text(column), Cell::Text(text)) => column.push(text),
            (Column::Text(column), _) => column.owed += 1,
            (Column::Flag(column), Cell::Flag(flag)) => column.append_value(*flag),
            (Column::Flag(column), _) => column.append_null(),
            (Column::Int32(column), Cell::Int32(number)) => column.append_value(*number),
            (Column::Int32(column), _) => column.append_null(),
            (Column::Int64(column), Cell::Int64(number)) => column.append_value(*number),
            (Column::Int64(column), _) => column.append_null(),
            (Column::Time(column), Cell::Int64(micros)) => column.append_value(*micros),
            (Column::Time(column), _) => column.append_null(),
            (Column::Struct(column), Cell::Struct(taken)) => column.push(taken),
            (Column::Struct(column), _) => column.owed += 1,
        }
    }

    fn push_nulls(&mut self, count: usize) {
        match self {
            Column::Text(column) => column.owed += count,
            Column::Struct(column) => column.owed += count,
            // Members of structs are text or structs, and nothing else is asked for NULLs in bulk.
            Column::Flag(column) => column.append_nulls(count),
            Column::Int32(column) => column.append_nulls(count),
            Column::Int64(column) => column.append_nulls(count),
            Column::Time(column) => column.append_nulls(count),
        }
    }

    /// Bytes reserved by now, those of the NULLs owed, and the column's own.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Column>() + self.reserved()
    }

    fn reserved(&self) -> usize {
        match self {
            Column::Text(column) => {
                let values = &column.values;
                values.values_capacity() + values.offsets_capacity() * 4 + values.validity_capacity() / 8 + column.owed * 4
            }
            Column::Flag(column) => column.capacity() / 4,
            Column::Int32(column) => column.capacity() * 4,
            Column::Int64(column) => column.capacity() * 8,
            Column::Time(column) => column.capacity() * 8,
            Column::Struct(column) => {
                let members: usize = column.members.iter().map(Column::bytes).sum();
                // Once paid, an owed NULL costs an offset in each leaf.
                members + column.valid.len() / 8 + column.owed * 4 * column.members.len()
            }
        }
    }

    /// The array of everything appended.
    pub(crate) fn finish(mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        Ok(match &mut self {
            Column::Text(column) => {
                column.settle();
                Arc::new(column.values.finish())
            }
            Column::Flag(column) => Arc::new(column.finish()),
            Column::Int32(column) => Arc::new(column.finish()),
            Column::Int64(column) => Arc::new(column.finish()),
            Column::Time(column) => Arc::new(column.finish()),
            Column::Struct(column) => {
                column.settle();
                let DataType::Struct(fields) = data_type else {
                    return Err(ArrowError::SchemaError("a struct column where the schema has none".to_owned()));
                };
                let members = std::mem::take(&mut column.members);
                let arrays = members.into_iter().zip(fields).map(|(member, field)| member.finish(field.data_type()));
                Arc::new(StructArray::try_new(fields.clone(), arrays.collect::<Result<_, _>>()?, column.valid.finish())?)
            }
        })
    }
}

impl TextColumn {
    fn new() -> TextColumn {
        TextColumn { values: StringBuilder::with_capacity(0, 0), owed: 0 }
    }

    fn push(&mut self, text: &str) {
        self.settle();
        self.values.append_value(text);
    }

    fn settle(&mut self) {
        if self.owed > 0 {
            self.values.append_nulls(self.owed);
            self.owed = 0;
        }
    }
}

impl StructColumn {
    fn of(nodes: &'static [Node]) -> StructColumn {
        let member = |node: &Node| match &node.shape {
            Shape::Object(children) => Column::Struct(StructColumn::of(children)),
            Shape::Text | Shape::Json => Column::Text(TextColumn::new()),
        };
        StructColumn { nodes, valid: NullBufferBuilder::new(0), members: nodes.iter().map(member).collect(), owed: 0 }
    }

    fn push(&mut self, taken: &Taken<'_>) {
        self.settle();
        self.valid.append_non_null();
        for (node, member) in self.nodes.iter().zip(&mut self.members) {
            match (taken.leaf(node.id), member) {
                (Leaf::Text(text), Column::Text(column)) => column.push(text),
                (Leaf::Object, Column::Struct(column)) => column.push(taken),
                (_, member) => member.push_nulls(1),
            }
        }
    }

    fn settle(&mut self) {
        if self.owed > 0 {
            self.valid.append_n_nulls(self.owed);
            for member in &mut self.members {
                member.push_nulls(self.owed);
            }
            self.owed = 0;
        }
    }
}
