//! The order of events within a row group: by event source, event name and offset.
//!
//! Events of one kind look alike: side by side their bodies compress best, their dictionaries and runs are shortest, and a reader who
//! asks for a name skips the pages of all others. Order by time would not help one who asks for a time: a row group covers the span of
//! time in which it was filled, however it is sorted.

use crate::decode::byte_range::{ByteRange, Leaf, position, top};
use common::cloudtrail::json::unescape;
use std::borrow::Cow;
use std::collections::HashMap;

/// The columns that events are sorted by, before the offset.
pub(super) const SOURCE: Leaf = top(position("event_source"));
pub(super) const NAME: Leaf = top(position("event_name"));

const _: () = assert!(SOURCE < NAME);

/// What an event is sorted by. `None` is the least: NULLs first, as the metadata of the file says.
#[derive(Debug, Default)]
pub(super) struct SortKey<'a> {
    source: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
}

type Owned = (Option<String>, Option<String>);

/// The sort keys of rows, each distinct one once.
#[derive(Debug, Clone, Default)]
pub(super) struct SortKeys {
    /// By source and name, written so that no two look the same.
    numbers: HashMap<Vec<u8>, u32>,
    distinct: Vec<Owned>,
    of_rows: Vec<u32>,
    /// Room for a key.
    key: Vec<u8>,
}

impl<'a> SortKey<'a> {
    /// That of a row. Its columns come in their order, and these are among the first.
    #[inline(always)]
    pub(super) fn of(values: &'a str, ranges: &[ByteRange]) -> SortKey<'a> {
        let mut key = SortKey::default();
        for range in ranges.iter().take_while(|range| range.leaf() <= NAME) {
            match range.leaf() {
                SOURCE => key.source = Some(text(values, *range)),
                NAME => key.name = Some(text(values, *range)),
                _ => {}
            }
        }
        key
    }

    fn write_key(&self, key: &mut Vec<u8>) {
        let length = |text: &Option<Cow<'_, str>>| text.as_ref().map_or(usize::MAX, |text| text.len());
        key.extend_from_slice(&length(&self.source).to_le_bytes());
        key.extend_from_slice(&length(&self.name).to_le_bytes());
        key.extend_from_slice(self.source.as_deref().unwrap_or_default().as_bytes());
        key.extend_from_slice(self.name.as_deref().unwrap_or_default().as_bytes());
    }
}

fn text(values: &str, range: ByteRange) -> Cow<'_, str> {
    let text = &values[range.bounds()];
    if range.escaped() { unescape(text) } else { Cow::Borrowed(text) }
}

impl SortKeys {
    /// The sort key of the next row. Returns the bytes that are kept of it: a name may be as long as a message, and another in every row.
    pub(super) fn push(&mut self, sort_key: &SortKey<'_>) -> usize {
        self.key.clear();
        sort_key.write_key(&mut self.key);
        let mut kept = size_of::<u32>();
        let number = match self.numbers.get(&self.key) {
            Some(number) => *number,
            None => {
                let next = u32::try_from(self.distinct.len()).unwrap_or(u32::MAX);
                let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
                self.distinct.push((owned(&sort_key.source), owned(&sort_key.name)));
                self.numbers.insert(self.key.clone(), next);
                // Once as a key, once to sort by.
                kept += 2 * (self.key.len() + size_of::<Owned>());
                next
            }
        };
        self.of_rows.push(number);
        kept
    }

    /// The rows sorted by their keys, those of one key in the order in which they came.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut sorted: Vec<usize> = (0..self.distinct.len()).collect();
        sorted.sort_unstable_by_key(|&number| &self.distinct[number]);
        let mut starts = vec![0u32; self.distinct.len()];
        for &number in &self.of_rows {
            starts[number as usize] += 1;
        }
        let mut before = 0;
        for number in sorted {
            let count = std::mem::replace(&mut starts[number], before);
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
