//! The rows of one directory as they come: the bytes of each and where its values lie in them. They become columns when they are cut
//! off to be encoded, in the order they are to be written in, on the thread that encodes.
//!
//! Columns from the first row on would cost more: some eighty vectors a directory that grow by doubling, and a copy of all of them to
//! sort the rows afterwards.

use super::column::{Columns, Numbers, Repeated};
use super::row_kind::RowKind;
use super::schema::schema;
use super::span::Span;
use arrow::array::{RecordBatch, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use std::sync::Arc;

/// Bytes of rows are kept in blocks: each is twice as large as the one before, up to this.
const MAX_BLOCK_BYTES: usize = 256 << 10;
const MIN_BLOCK_BYTES: usize = 4 << 10;

/// Rows that are not columns yet, all for one directory, in the order of their offsets.
#[derive(Debug, Clone)]
pub struct Pending {
    kind: RowKind,
    blocks: Vec<Vec<u8>>,
    rows: Vec<Row>,
    /// Object paths of log files, back to back, each once per run of rows.
    objects: String,
    object_ends: Vec<usize>,
    /// What blocks and object paths have reserved, and the object path of every row, as the column will have it.
    bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    event_time: Option<i64>,
    offset: i64,
    partition: i32,
    source_index: Option<i32>,
    source_object: Option<u32>,
    block: u32,
    /// In the block: first the values, from `start` on, then `spans` spans.
    start: u32,
    values: u32,
    spans: u32,
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

impl Pending {
    pub(super) fn new(kind: RowKind) -> Pending {
        Pending { kind, blocks: Vec::new(), rows: Vec::new(), objects: String::new(), object_ends: Vec::new(), bytes: 0 }
    }

    /// Appends a row; the spans lie within `values`.
    pub(super) fn push(&mut self, common: &Common<'_>, values: &[u8], spans: &[Span]) {
        let source_object = common.source_object.map(|object| self.object(object));
        let room = values.len() + size_of_val(spans);
        if self.blocks.last().is_none_or(|block| block.capacity() - block.len() < room) {
            let size = self.blocks.last().map_or(MIN_BLOCK_BYTES, |block| (2 * block.capacity()).min(MAX_BLOCK_BYTES)).max(room);
            self.blocks.push(Vec::with_capacity(size));
            self.bytes += size;
        }
        let number = self.blocks.len() - 1;
        let block = &mut self.blocks[number];
        let start = block.len();
        block.extend_from_slice(values);
        for span in spans {
            block.extend_from_slice(&span.to_bytes());
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
            values: narrow(values.len()),
            spans: narrow(spans.len()),
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

    /// The rows as columns, sorted: events by time and offset, others by offset.
    ///
    /// # Errors
    /// When columns and schema disagree, which is a bug: the batch must not be written.
    pub fn record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let order = self.order();
        let mut columns = Columns::new(self.kind, order.len());
        // What will be needed is known, and memory that is not grown is neither copied nor doubled.
        for row in &self.rows {
            self.of(row).1.for_each(|span| columns.expect(span));
        }
        columns.reserve();
        let rows = || order.iter().map(|&at| &self.rows[at as usize]);
        for (number, row) in rows().enumerate() {
            let (values, spans) = self.of(row);
            spans.for_each(|span| columns.push(number, values, span));
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
                source_object: objects.finish()?,
                source_index: rows().map(|row| row.source_index).collect(),
                partition: rows().map(|row| row.partition).collect(),
                offset: rows().map(|row| row.offset).collect(),
            },
        )
    }

    /// The values of a row, and where each lies in them.
    #[inline(always)]
    fn of(&self, row: &Row) -> (&[u8], impl Iterator<Item = Span>) {
        let bytes = &self.blocks[row.block as usize][row.start as usize..];
        let (values, spans) = bytes.split_at(row.values as usize);
        (values, spans.as_chunks::<8>().0.iter().take(row.spans as usize).map(|span| Span::from_bytes(*span)))
    }

    /// Rows in the order of the file. They came in the order of their offsets.
    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.rows.len()).collect();
        // `None` is the least: NULLs first, as the metadata of the file says. Rows that are no events have no time.
        let key = |at: u32| (self.rows[at as usize].event_time, at);
        if !self.rows.is_sorted_by_key(|row| row.event_time) {
            order.sort_unstable_by_key(|&at| key(at));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::UInt32Array;
    use arrow::compute::take_record_batch;
    use proptest::prelude::*;

    fn pending(times: &[Option<i64>]) -> Pending {
        let mut pending = Pending::new(RowKind::Data);
        for (offset, &event_time) in (0..).zip(times) {
            let text = format!("{offset} and {event_time:?}");
            let object = if offset % 3 == 0 { "a" } else { "b" };
            let common =
                Common { partition: 1, offset, event_time, source_object: Some(object), source_index: Some(offset as i32) };
            let spans = [Span::new(1, 0, text.len(), false), Span::new(2, 0, 1, false)];
            pending.push(&common, text.as_bytes(), &spans[..usize::from(offset % 2 == 0) + 1]);
        }
        pending
    }

    proptest! {
        /// Columns in the order of the rows, sorted afterwards, are the oracle.
        #[test]
        fn rows_are_sorted_by_time_and_offset_with_all_that_is_theirs(times in prop::collection::vec(prop::option::of(-3..3i64), 0..200)) {
            let mut order: Vec<usize> = (0..times.len()).collect();
            order.sort_by_key(|&row| (times[row], row));
            let order = UInt32Array::from_iter_values(order.into_iter().map(|row| row as u32));
            let mut unsorted = pending(&times);
            unsorted.rows.iter_mut().for_each(|row| row.event_time = None);
            let expected = take_record_batch(&unsorted.record_batch().expect("columns"), &order).expect("sorted");
            let sorted = pending(&times).record_batch().expect("columns");
            prop_assert_eq!(&sorted.columns()[1..], &expected.columns()[1..]);
            let in_order: TimestampMicrosecondArray = order.values().iter().map(|&row| times[row as usize]).collect();
            prop_assert_eq!(&sorted.columns()[0], &(Arc::new(in_order.with_timezone("UTC")) as arrow::array::ArrayRef));
        }
    }
}
