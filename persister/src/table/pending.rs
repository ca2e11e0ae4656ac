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
        let rows = || order.iter().map(|&at| &self.rows[at as usize]);
        for (number, row) in rows().enumerate() {
            let block = &self.blocks[row.block as usize][row.start as usize..];
            let (values, spans) = block.split_at(row.values as usize);
            for span in spans.as_chunks::<8>().0.iter().take(row.spans as usize) {
                columns.push(number, values, Span::from_bytes(*span));
            }
        }
        let mut objects = Repeated::default();
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
