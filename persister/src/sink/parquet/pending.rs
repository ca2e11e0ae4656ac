//! The rows of one directory as they come: the bytes of each and where its values lie in them. They become columns when they are cut
//! off to be encoded, in the order they are to be written in, on the thread that encodes.
//!
//! Columns from the first row on would cost more: some eighty vectors a directory that grow by doubling, and a copy of all of them to
//! sort the rows afterwards.

use super::column::{Columns, Expected, Numbers, Repeated};
use super::prefetch::prefetch;
use super::schema::schema;
use super::sort_keys::{SortKey, SortKeys};
use crate::decode::byte_range::ByteRange;
use crate::decode::row_kind::RowKind;
use arrow_array::{RecordBatch, TimestampMicrosecondArray};
use arrow_schema::ArrowError;
use std::sync::Arc;

/// Bytes of rows are kept in blocks: each is twice as large as the one before, up to this.
const MAX_BLOCK_BYTES: usize = 64 << 10;
const MIN_BLOCK_BYTES: usize = 4 << 10;

/// Bytes of text per value, at least: room for so many ranges is made.
const TEXT_PER_RANGE: usize = 32;

/// So many rows before its turn a row is fetched into the cache.
const AHEAD: usize = 3;

/// Rows that are not columns yet, all for one directory, in the order of their offsets.
#[derive(Debug, Clone)]
pub struct Pending {
    kind: RowKind,
    blocks: Vec<Block>,
    rows: Vec<Row>,
    /// Object paths of log files, back to back, each once per run of rows.
    objects: String,
    object_ends: Vec<usize>,
    /// What the columns will hold, and what they are sorted by: counted while a row is still in the processor's cache.
    expected: Expected,
    sort_keys: SortKeys,
    /// What blocks and object paths have reserved, and the object path of every row, as the column will have it.
    bytes: usize,
}

/// Rows back to back: their text, and where the values of each lie in it. Never grown, so never copied.
#[derive(Debug, Clone)]
struct Block {
    text: String,
    ranges: Vec<ByteRange>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    event_time: Option<i64>,
    offset: i64,
    partition: i32,
    source_index: Option<i32>,
    source_object: Option<u32>,
    /// Its text: in which block, from where on, how long.
    block: u32,
    start: u32,
    length: u32,
    /// Its ranges: from which on, how many.
    range: u32,
    ranges: u32,
}

/// What every row has, of whatever kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) event_time: Option<i64>,
    pub(super) source_object: Option<&'a str>,
    pub(super) source_index: Option<i32>,
}

impl Block {
    fn has_room(&self, text: usize, ranges: usize) -> bool {
        self.text.capacity() - self.text.len() >= text && self.ranges.capacity() - self.ranges.len() >= ranges
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.ranges.capacity() * size_of::<ByteRange>()
    }
}

impl Pending {
    pub(super) fn new(kind: RowKind) -> Pending {
        Pending {
            kind,
            blocks: Vec::new(),
            rows: Vec::new(),
            objects: String::new(),
            object_ends: Vec::new(),
            expected: Expected::default(),
            sort_keys: SortKeys::default(),
            bytes: 0,
        }
    }

    /// Appends a row; the ranges lie within `values`.
    pub(super) fn push(&mut self, common: &Common<'_>, values: &str, ranges: &[ByteRange]) {
        let source_object = common.source_object.map(|object| self.object(object));
        if self.blocks.last().is_none_or(|block| !block.has_room(values.len(), ranges.len())) {
            let size = self.blocks.last().map_or(MIN_BLOCK_BYTES, |block| (2 * block.text.capacity()).min(MAX_BLOCK_BYTES));
            let block = Block {
                text: String::with_capacity(size.max(values.len())),
                ranges: Vec::with_capacity((size / TEXT_PER_RANGE).max(ranges.len())),
            };
            self.bytes += block.bytes();
            self.blocks.push(block);
        }
        let number = self.blocks.len() - 1;
        let block = &mut self.blocks[number];
        let (start, first_range) = (block.text.len(), block.ranges.len());
        block.text.push_str(values);
        block.ranges.extend_from_slice(ranges);
        ranges.iter().for_each(|range| self.expected.count(*range));
        if self.kind == RowKind::Data {
            self.bytes += self.sort_keys.push(&SortKey::of(values, ranges));
        }
        // Blocks and rows are far below 4 GiB; Kafka's own types are signed and of these widths.
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.rows.push(Row {
            event_time: common.event_time,
            offset: i64::try_from(common.offset).unwrap_or(i64::MAX),
            partition: i32::try_from(common.partition).unwrap_or(i32::MAX),
            source_index: common.source_index,
            source_object,
            block: narrow(number),
            start: narrow(start),
            length: narrow(values.len()),
            range: narrow(first_range),
            ranges: narrow(ranges.len()),
        });
    }

    /// The number of an object path: mostly that of the row before.
    fn object(&mut self, object: &str) -> u32 {
        self.bytes += object.len();
        let last = self.object_ends.len().checked_sub(1);
        let number = match last.filter(|&last| self.object_path(last) == object) {
            Some(last) => last,
            None => {
                self.objects.push_str(object);
                self.bytes += object.len() + size_of::<usize>();
                self.object_ends.push(self.objects.len());
                self.object_ends.len() - 1
            }
        };
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    fn object_path(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.object_ends[before]);
        &self.objects[start..self.object_ends[number]]
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes held, and roughly those of the columns to come.
    pub fn bytes(&self) -> usize {
        self.bytes + self.rows.capacity() * size_of::<Row>()
    }

    /// The rows as columns, sorted: events by source, name and offset, others by offset.
    ///
    /// # Errors
    /// When columns and schema disagree, which is a bug: the batch must not be written.
    pub fn record_batch(&self) -> Result<RecordBatch, ArrowError> {
        // What will be needed is known, and memory that is not grown is neither copied nor doubled.
        let mut columns = Columns::new(self.kind, self.rows.len(), &self.expected);
        let order = if self.kind == RowKind::Data { self.sort_keys.order() } else { (0..).take(self.rows.len()).collect() };
        let rows = || order.iter().map(|&at| &self.rows[at as usize]);
        // Rows lie in the order in which they came, all over a memory larger than the cache.
        let mut ahead = rows().skip(AHEAD);
        for (number, row) in rows().enumerate() {
            if let Some(row) = ahead.next() {
                let (values, ranges) = self.of(row);
                prefetch(values.as_bytes());
                prefetch(ranges);
            }
            let (values, ranges) = self.of(row);
            ranges.iter().for_each(|&range| columns.push(number, values, range));
        }
        let object_bytes = |row: &Row| row.source_object.map_or(0, |number| self.object_path(number as usize).len());
        let mut objects = Repeated::with_capacity(order.len(), self.rows.iter().map(object_bytes).sum());
        for row in rows() {
            objects.push(row.source_object.map(|number| self.object_path(number as usize)));
        }
        let times: TimestampMicrosecondArray = rows().map(|row| row.event_time).collect();
        columns.finish(
            &schema(self.kind),
            Numbers {
                event_time: Arc::new(times.with_timezone("UTC")),
                source_object: objects.finish(),
                source_index: rows().map(|row| row.source_index).collect(),
                partition: rows().map(|row| row.partition).collect(),
                offset: rows().map(|row| row.offset).collect(),
            },
        )
    }

    /// The values of a row, and where each lies in them.
    #[inline(always)]
    fn of(&self, row: &Row) -> (&str, &[ByteRange]) {
        let (block, start, range) = (&self.blocks[row.block as usize], row.start as usize, row.range as usize);
        (&block.text[start..start + row.length as usize], &block.ranges[range..range + row.ranges as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::KAFKA_OFFSET;
    use super::super::sort_keys::{NAME, SOURCE};
    use super::*;
    use crate::decode::byte_range::Values;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int32Type, Int64Type};
    use proptest::prelude::*;

    type Event = (Option<&'static str>, Option<&'static str>);

    fn pending(events: &[Event]) -> Pending {
        let mut pending = Pending::new(RowKind::Data);
        for (offset, (source, name)) in (0..).zip(events) {
            let object = if offset % 3 == 0 { "a" } else { "b" };
            let index = Some(offset as i32 * 7);
            let common = Common { partition: 1, offset, event_time: Some(3), source_object: Some(object), source_index: index };
            let mut values = Values::default();
            values.optional(SOURCE, *source);
            values.optional(NAME, *name);
            pending.push(&common, &values.text, &values.ranges);
        }
        pending
    }

    fn event() -> impl Strategy<Value = Event> {
        let text = |texts| prop::option::of(prop::sample::select::<&str>(texts));
        (text(vec!["", "iam", "s3"]), text(vec!["", "A", "AB", "B"]))
    }

    proptest! {
        #[test]
        fn rows_are_sorted_by_source_name_and_offset_with_all_that_is_theirs(events in prop::collection::vec(event(), 0..200)) {
            let mut expected: Vec<(Event, i64)> = events.iter().copied().zip(0..).collect();
            expected.sort();
            let sorted = pending(&events).record_batch().expect("columns");
            let column = |name: &str| sorted.column_by_name(name).expect("column");
            for (row, ((source, name), offset)) in expected.into_iter().enumerate() {
                let text = |column: &str| column_text(&sorted, column, row);
                prop_assert_eq!((text("event_source"), text("event_name")), (source.map(str::to_owned), name.map(str::to_owned)));
                prop_assert_eq!(text("source_object"), Some(if offset % 3 == 0 { "a" } else { "b" }.to_owned()));
                prop_assert_eq!(column(KAFKA_OFFSET).as_primitive::<Int64Type>().value(row), offset);
                prop_assert_eq!(i64::from(column("source_index").as_primitive::<Int32Type>().value(row)), offset * 7);
            }
        }
    }

    fn column_text(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
        let column = batch.column_by_name(name).expect("column").as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    }

    #[test]
    fn a_name_of_its_own_in_every_row_is_counted_as_memory() {
        let bytes = |name: &dyn Fn(u64) -> String| {
            let mut pending = Pending::new(RowKind::Data);
            for offset in 0..100 {
                let common = Common { partition: 0, offset, event_time: None, source_object: None, source_index: None };
                let mut values = Values::default();
                values.text(NAME, &name(offset));
                pending.push(&common, &values.text, &values.ranges);
            }
            pending.bytes()
        };
        let (same, other) = (bytes(&|_| format!("{:10000}", 0)), bytes(&|offset| format!("{offset:10000}")));
        assert!(other > same + 2 * 99 * 10_000, "{same} and {other}");
    }

    /// What is written with escapes is sorted as what it says.
    #[test]
    fn a_name_written_with_escapes_is_sorted_as_what_it_says() {
        let mut pending = Pending::new(RowKind::Data);
        for (offset, name) in (0..).zip([r"\u0062", "a", "c"]) {
            let common = Common { partition: 0, offset, event_time: None, source_object: Some("o"), source_index: Some(0) };
            pending.push(&common, name, &[ByteRange::new(NAME, 0, name.len(), name.starts_with('\\'))]);
        }
        let sorted = pending.record_batch().expect("columns");
        assert_eq!((0..3).filter_map(|row| column_text(&sorted, "event_name", row)).collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
