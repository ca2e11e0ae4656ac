//! From the bytes of a message to the cells of a row.
//!
//! The contract fixes the order of keys, so the next key is nearly always the one expected; any other order decodes to the same,
//! by searching. What is not of the contract is [`Undecodable`]: the message becomes a rejected row, never a guess.

use super::structs::tree;
use super::take_apart::{BadObject, Rest, Taken, take_apart};
use common::cloudtrail::file_id;
use common::cloudtrail::json::{Member, Members, string, unescape};
use common::event::{FIELDS, Kind};
use common::message::{CONTRACT_VERSION, EndOfFile, Key, Slot};
use common::time::parse_utc;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What a message of ours says.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every message is an event, and none is kept")]
pub enum Decoded<'a> {
    /// An event.
    Event(EventRow<'a>),
    /// An event record that could not become an event.
    Rejection(Rejection<'a>),
    /// The end of a log file.
    End(EndOfFile),
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell<'a> {
    /// NULL.
    #[default]
    Null,
    /// Text, or JSON as text.
    Text(Cow<'a, str>),
    /// A boolean.
    Flag(bool),
    /// A time in microseconds since the epoch.
    Int64(i64),
    /// An object taken apart.
    Struct(Box<Taken<'a>>),
}

/// An event, ready to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow<'a> {
    /// Object path of the log file.
    pub source_object: Cow<'a, str>,
    /// Index in its `Records`.
    pub source_index: u32,
    /// One cell a field, in contract order.
    pub cells: [Cell<'a>; FIELDS.len()],
    /// A JSON object of everything without a column.
    pub extra: Option<Cow<'a, str>>,
}

/// An event record that could not become an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection<'a> {
    /// Object path of the log file.
    pub source_object: Cow<'a, str>,
    /// Index in its `Records`.
    pub source_index: u32,
    /// A word.
    pub reason: Cow<'a, str>,
    /// The same in more words.
    pub detail: Option<Cow<'a, str>>,
    /// The record's text, cut to what fits.
    pub raw: Option<Cow<'a, str>>,
    /// Its length before the cut.
    pub raw_bytes: Option<i64>,
}

/// Why a message is not of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The value is longer than any of ours.
    #[error("a value of {0} bytes")]
    TooLong(usize),
    /// The value is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The value, or an object in it that the table takes apart, is not one.
    #[error(transparent)]
    Object(#[from] BadObject),
    /// Another version of the contract.
    #[error("not contract version {CONTRACT_VERSION}")]
    Version,
    /// A kind that the contract does not know.
    #[error("unknown kind of message")]
    Kind,
    /// A key that must be there is missing, or does not hold what the contract says.
    #[error("{0} is missing or not what the contract says")]
    Field(&'static str),
    /// The value says another record than the key.
    #[error("key and value name different records")]
    Identity,
}

/// Far above [`common::limits::MAX_MESSAGE_BYTES`], for brokers that were set to take more; far below what a column can hold (2 GiB).
pub(crate) const MAX_VALUE_BYTES: usize = 64 << 20;

const V: usize = 0;
const KIND: usize = 1;
const SOURCE_OBJECT: usize = 2;
const SOURCE_INDEX: usize = 3;
const FIRST_FIELD: usize = 4;
const EXTRA: usize = FIRST_FIELD + FIELDS.len();
const REASON: usize = EXTRA + 1;
const DETAIL: usize = EXTRA + 2;
const RAW: usize = EXTRA + 3;
const RAW_BYTES: usize = EXTRA + 4;
const NAMES: [&str; EXTRA + 5] = names();

const fn names() -> [&'static str; EXTRA + 5] {
    let mut names = [""; EXTRA + 5];
    names[V] = "v";
    names[KIND] = "kind";
    names[SOURCE_OBJECT] = "source_object";
    names[SOURCE_INDEX] = "source_index";
    let mut at = 0;
    while at < FIELDS.len() {
        names[FIRST_FIELD + at] = FIELDS[at].name;
        at += 1;
    }
    names[EXTRA] = "extra";
    names[REASON] = "reason";
    names[DETAIL] = "detail";
    names[RAW] = "raw";
    names[RAW_BYTES] = "raw_bytes";
    names
}

/// The raw values of a message by key; `null` counts as absent.
struct Raw<'a> {
    values: [Option<&'a str>; NAMES.len()],
    /// Keys we do not know: a newer writer's fields. They must not be lost.
    unknown: Vec<(&'a str, &'a str)>,
}

/// Decodes the value of a message of ours.
///
/// # Errors
/// When it is not of the contract.
pub fn decode(value: &[u8]) -> Result<Decoded<'_>, Undecodable> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(Undecodable::TooLong(value.len()));
    }
    let text = std::str::from_utf8(value).map_err(|_| Undecodable::NotUtf8)?;
    let raw = gather(text)?;
    if raw.values[V] != Some("1") {
        return Err(Undecodable::Version);
    }
    match raw.values[KIND].and_then(string).as_deref() {
        Some("event") => event(&raw).map(Decoded::Event),
        Some("rejection") => rejection(&raw).map(Decoded::Rejection),
        Some("end") => EndOfFile::parse(value).map(Decoded::End).ok_or(Undecodable::Field("end")),
        _ => Err(Undecodable::Kind),
    }
}

/// Decodes a message of ours and holds its value against its key: they must name the same message of the same log file.
///
/// # Errors
/// When it is not of the contract.
pub fn decode_message(key: Key, value: &[u8]) -> Result<Decoded<'_>, Undecodable> {
    decode_checked(key, value, |object| file_id(object) == key.file)
}

/// [`decode_message`], with the caller's way to tell whether an object path is that of the key (it may remember the last one).
pub(crate) fn decode_checked(
    key: Key,
    value: &[u8],
    is_file_of_key: impl FnOnce(&str) -> bool,
) -> Result<Decoded<'_>, Undecodable> {
    let decoded = decode(value)?;
    let (object, slot) = match &decoded {
        Decoded::Event(row) => (&*row.source_object, Slot::Record(row.source_index)),
        Decoded::Rejection(row) => (&*row.source_object, Slot::Record(row.source_index)),
        Decoded::End(end) => (&*end.source_object, Slot::End),
    };
    if slot != key.slot || !is_file_of_key(object) {
        return Err(Undecodable::Identity);
    }
    Ok(decoded)
}

fn gather(text: &str) -> Result<Raw<'_>, BadObject> {
    let mut raw = Raw { values: [None; NAMES.len()], unknown: Vec::new() };
    let mut seen = 0u64;
    let mut expected = 0;
    for member in Members::new(text) {
        let Member { key, value } = member.map_err(BadObject::Json)?;
        let Some(at) = find(key, expected) else {
            raw.unknown.push((key, value));
            continue;
        };
        if seen & (1 << at) != 0 {
            return Err(BadObject::RepeatedKey);
        }
        seen |= 1 << at;
        expected = at + 1;
        raw.values[at] = Some(value).filter(|&value| value != "null");
    }
    Ok(raw)
}

/// The key as it is written first: an escape in it is a rarity, and a plain key that is unknown has no other form.
fn find(key: &str, expected: usize) -> Option<usize> {
    let search = |name: &str| {
        let is = |at: &usize| NAMES.get(*at).is_some_and(|&known| known == name);
        (expected..NAMES.len()).find(is).or_else(|| (0..expected).find(is))
    };
    search(key).or_else(|| if key.contains('\\') { search(&unescape(key)) } else { None })
}

fn event<'a>(raw: &Raw<'a>) -> Result<EventRow<'a>, Undecodable> {
    let mut cells = [const { Cell::Null }; FIELDS.len()];
    let mut rest = Rest::default();
    for ((cell, field), value) in cells.iter_mut().zip(&FIELDS).zip(&raw.values[FIRST_FIELD..EXTRA]) {
        let Some(value) = *value else { continue };
        *cell = match field.kind {
            Kind::Text => string(value).map(Cell::Text),
            Kind::Time => string(value).and_then(|text| parse_utc(&text)).map(Cell::Int64),
            Kind::Flag => flag(value).map(Cell::Flag),
            Kind::Body => Some(Cell::Text(Cow::Borrowed(value))),
            Kind::Struct if value.starts_with('{') => match tree(field.name) {
                Some(tree) => Some(Cell::Struct(Box::new(rest.within(field.source, |rest| take_apart(tree, value, rest))?))),
                None => None,
            },
            Kind::Struct => None,
        }
        .ok_or(Undecodable::Field(field.name))?;
    }
    let foreign = [REASON, DETAIL, RAW, RAW_BYTES].into_iter().filter_map(|at| Some((NAMES[at], raw.values[at]?)));
    let unknown: Vec<_> = foreign.chain(raw.unknown.iter().copied()).filter(|(_, value)| *value != "null").collect();
    for (key, value) in &unknown {
        rest.put(key, value);
    }
    let extra = raw.values[EXTRA];
    if !rest.text.is_empty() {
        let structs = FIELDS.iter().zip(&cells).filter(|(_, cell)| matches!(cell, Cell::Struct(_)));
        unrepeated(extra, structs.map(|(field, _)| field.source).chain(unknown.iter().map(|(key, _)| *key)))?;
    }
    Ok(EventRow { source_object: text(raw, SOURCE_OBJECT)?, source_index: index(raw)?, cells, extra: merge(extra, &rest.text)? })
}

/// The message's own `extra` and what was left over here, as one object.
fn merge<'a>(extra: Option<&'a str>, rest: &str) -> Result<Option<Cow<'a, str>>, Undecodable> {
    let Some(extra) = extra else {
        return Ok(if rest.is_empty() { None } else { Some(Cow::Owned(format!("{{{rest}}}"))) });
    };
    let inner = extra.strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or(Undecodable::Field("extra"))?;
    if rest.is_empty() {
        return Ok(Some(Cow::Borrowed(extra)));
    }
    let comma = if inner.trim_ascii().is_empty() { "" } else { "," };
    Ok(Some(Cow::Owned(format!("{{{inner}{comma}{rest}}}"))))
}

/// What is merged must not meet itself: neither the keys that we do not know, nor what was left over of the structs.
fn unrepeated<'a>(extra: Option<&'a str>, others: impl Iterator<Item = &'a str>) -> Result<(), BadObject> {
    let mut names = BTreeSet::new();
    for key in others {
        if !names.insert(unescape(key)) {
            return Err(BadObject::RepeatedKey);
        }
    }
    for member in extra.into_iter().flat_map(Members::new) {
        // `extra` by itself is as the source has it.
        if names.contains(&unescape(member.map_err(BadObject::Json)?.key)) {
            return Err(BadObject::RepeatedKey);
        }
    }
    Ok(())
}

fn rejection<'a>(raw: &Raw<'a>) -> Result<Rejection<'a>, Undecodable> {
    let optional = |at: usize| raw.values[at].map(|_| text(raw, at)).transpose();
    let raw_bytes =
        raw.values[RAW_BYTES].map(|digits| digits.parse().map_err(|_| Undecodable::Field("raw_bytes"))).transpose()?;
    Ok(Rejection {
        source_object: text(raw, SOURCE_OBJECT)?,
        source_index: index(raw)?,
        reason: text(raw, REASON)?,
        detail: optional(DETAIL)?,
        raw: optional(RAW)?,
        raw_bytes,
    })
}

fn text<'a>(raw: &Raw<'a>, at: usize) -> Result<Cow<'a, str>, Undecodable> {
    raw.values[at].and_then(string).ok_or(Undecodable::Field(NAMES[at]))
}

/// An index must fit the column (`int32`): a log file that holds more would be beyond every limit.
fn index(raw: &Raw<'_>) -> Result<u32, Undecodable> {
    let index = raw.values[SOURCE_INDEX].and_then(|digits| digits.parse::<u32>().ok());
    index.filter(|&index| i32::try_from(index).is_ok()).ok_or(Undecodable::Field("source_index"))
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests;
