//! The structure of a Parquet file, byte by byte: footer, page headers and indexes read strictly, and nothing between them.
//!
//! The library that decodes the rows passes over some damaged bytes that make other readers fail or see other columns: it does not compare
//! the types of thrift's fields, and believes some numbers without looking. What is decoded by it must therefore be well-formed first.

mod definitions;
mod thrift;

use definitions::{BLOOM_FILTER, COLUMN_INDEX, FILE, OFFSET_INDEX, PAGE};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use std::ops::Range;
use thrift::{Reader, Type, Value};

const MAGIC: &[u8] = b"PAR1";
/// Encodings by number (`parquet.thrift`): the levels of all pages are run-length encoded.
const RLE: i64 = 3;

/// Checks a file of these columns.
///
/// # Errors
/// In words: what of it is not as it must be.
pub(crate) fn check(bytes: &[u8], columns: &SchemaDescriptor) -> Result<(), String> {
    let body = bytes.len().checked_sub(8).filter(|_| bytes.starts_with(MAGIC) && bytes.ends_with(MAGIC));
    let body = body.ok_or("it does not begin and end as a Parquet file")?;
    let length = bytes.get(body..body + 4).and_then(|length| length.try_into().ok()).map_or(0, u32::from_le_bytes);
    let start = usize::try_from(length).ok().and_then(|length| body.checked_sub(length)).ok_or("its footer is longer than it")?;
    let file = exactly(bytes, start..body, FILE).ok_or("its footer is not well-formed")?;
    let mut parts = vec![0..MAGIC.len(), start..bytes.len()];
    let mut rows = 0i64;
    for group in file.list(4) {
        rows = rows.saturating_add(group.number(3).unwrap_or(0));
        let chunks = group.list(1);
        if chunks.len() != columns.num_columns()
            || !chunks.iter().zip(columns.columns()).all(|(chunk, column)| is_of(bytes, chunk, column))
        {
            return Err("a row group has other columns than the table".to_owned());
        }
        for chunk in chunks {
            of_chunk(bytes, start, chunk, &mut parts)?;
        }
    }
    if file.number(3) != Some(rows) {
        return Err("the rows of its row groups do not add up".to_owned());
    }
    parts.sort_unstable_by_key(|part| (part.start, part.end));
    match parts.windows(2).all(|pair| pair[0].end == pair[1].start) {
        true => Ok(()),
        false => Err("its parts do not make up the whole of it".to_owned()),
    }
}

/// True when it is named and typed as the column.
fn is_of(bytes: &[u8], chunk: &Value, column: &ColumnDescriptor) -> bool {
    let Some(data) = chunk.field(3) else { return false };
    let text = |value: &Value| if let Value::Bytes(range) = value { bytes.get(range.clone()) } else { None };
    let path = data.list(3).iter().map(text);
    data.number(1) == Some(i64::from(column.physical_type() as i32))
        && path.eq(column.path().parts().iter().map(|part| Some(part.as_bytes())))
}

/// One column of one row group: its pages, and what stands elsewhere of it.
fn of_chunk(bytes: &[u8], end: usize, chunk: &Value, parts: &mut Vec<Range<usize>>) -> Result<(), String> {
    let column = chunk.field(3).ok_or("a column has no metadata")?;
    let data = column.size(9).ok_or("a column has no pages")?;
    let first = column.size(11).unwrap_or(data);
    let pages = column.size(7).and_then(|length| Some(first..first.checked_add(length)?)).filter(|pages| pages.end <= end);
    let pages = pages.ok_or("a column lies outside of it")?;
    let values = of_pages(bytes, pages.clone(), data)?;
    if column.number(5) != Some(values) {
        return Err(format!("a column has {values} values in its pages and not as many as its footer says"));
    }
    parts.push(pages);
    for (offset, length, kind, what) in [(4, 5, OFFSET_INDEX, "an offset index"), (6, 7, COLUMN_INDEX, "a column index")] {
        let Some(start) = chunk.size(offset) else { continue };
        let part = chunk.size(length).and_then(|length| Some(start..start.checked_add(length)?)).filter(|part| part.end <= end);
        let part = part.filter(|part| exactly(bytes, part.clone(), kind).is_some());
        parts.push(part.ok_or_else(|| format!("{what} is not well-formed"))?);
    }
    if let Some(start) = column.size(14) {
        let mut reader = Reader { bytes, at: start };
        let filter = reader.value(BLOOM_FILTER).and_then(|head| reader.at.checked_add(head.size(1)?));
        let filter = filter.filter(|end| column.size(15).is_none_or(|length| start + length == *end));
        parts.push(start..filter.ok_or("a bloom filter is not well-formed")?);
    }
    Ok(())
}

/// The values in the pages of a column; `data` is where the first that is no dictionary starts.
fn of_pages(bytes: &[u8], pages: Range<usize>, data: usize) -> Result<i64, String> {
    let (mut at, mut values, mut first_data) = (pages.start, 0i64, None);
    while at < pages.end {
        let mut reader = Reader { bytes, at };
        let malformed = || format!("the page header at byte {at} is not well-formed");
        let head = reader.value(PAGE).ok_or_else(malformed)?;
        let heads = [5, 7, 8].map(|id| head.field(id).is_some());
        let own = match (head.number(1), heads) {
            (Some(0), [true, false, false]) => {
                head.field(5).filter(|own| own.number(3) == Some(RLE) && own.number(4) == Some(RLE))
            }
            (Some(2), [false, true, false]) if at == pages.start => head.field(7),
            (Some(3), [false, false, true]) => head.field(8),
            _ => None,
        };
        let own = own.ok_or_else(malformed)?;
        if head.number(1) != Some(2) {
            values = values.saturating_add(own.number(1).unwrap_or(0));
            first_data = first_data.or(Some(at));
        }
        at = head.size(3).and_then(|length| reader.at.checked_add(length)).ok_or_else(malformed)?;
    }
    if at != pages.end || first_data != Some(data) {
        return Err("the pages of a column are not where its footer says".to_owned());
    }
    Ok(values)
}

/// A structure that takes up the whole of a range.
fn exactly(bytes: &[u8], range: Range<usize>, kind: Type) -> Option<Value> {
    let mut reader = Reader { bytes: bytes.get(..range.end)?, at: range.start };
    reader.value(kind).filter(|_| reader.at == range.end)
}
