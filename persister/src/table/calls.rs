//! The order of events within a row group: by event source, event name and offset.
//!
//! Calls of one kind look alike: side by side their bodies compress best, their dictionaries and runs are shortest, and a reader who
//! asks for a name skips the pages of all others. Order by time would not help one who asks for a time: a row group covers the span of
//! time in which it was filled, however it is sorted.

use super::quick::position;
use super::span::{Leaf, Span, top};
use common::cloudtrail::json::unescape;
use std::borrow::Cow;
use std::collections::HashMap;

/// The columns that events are sorted by, before the offset.
pub(super) const SOURCE: Leaf = top(position("event_source"));
pub(super) const NAME: Leaf = top(position("event_name"));

/// What an event is sorted by. `None` is the least: NULLs first, as the metadata of the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Call<'a> {
    source: Option<Cow<'a, [u8]>>,
    name: Option<Cow<'a, [u8]>>,
}

/// The calls of rows, each distinct one once.
#[derive(Debug, Default)]
pub(super) struct Calls<'a> {
    numbers: HashMap<Call<'a>, u32>,
    of_rows: Vec<u32>,
}

impl<'a> Call<'a> {
    /// Takes note of a value if it is one of those that count.
    #[inline(always)]
    pub(super) fn see(&mut self, values: &'a [u8], span: Span) {
        match span.leaf() {
            SOURCE => self.source = Some(text(values, span)),
            NAME => self.name = Some(text(values, span)),
            _ => {}
        }
    }
}

fn text<'a>(values: &'a [u8], span: Span) -> Cow<'a, [u8]> {
    let text = &values[span.range()];
    if !span.escaped() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(unescape(std::str::from_utf8(text).unwrap_or_default()).as_bytes().to_vec())
}

impl<'a> Calls<'a> {
    /// The call of the next row.
    #[inline(always)]
    pub(super) fn push(&mut self, call: Call<'a>) {
        let next = self.numbers.len() as u32;
        self.of_rows.push(*self.numbers.entry(call).or_insert(next));
    }

    /// The rows sorted by call, those of one call in the order in which they came.
    pub(super) fn order(self) -> Vec<u32> {
        let mut calls: Vec<(Call<'a>, u32)> = self.numbers.into_iter().collect();
        calls.sort_unstable();
        let mut starts = vec![0u32; calls.len()];
        for &number in &self.of_rows {
            starts[number as usize] += 1;
        }
        let mut before = 0;
        for (_, number) in calls {
            let count = std::mem::replace(&mut starts[number as usize], before);
            before += count;
        }
        let mut order = vec![0u32; self.of_rows.len()];
        for (row, &number) in (0..).zip(&self.of_rows) {
            let start = &mut starts[number as usize];
            order[*start as usize] = row;
            *start += 1;
        }
        order
    }
}
