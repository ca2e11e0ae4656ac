//! One event record to one event: the fields under our names and in our order, everything else in `extra`, all as source text.
//!
//! Nothing is parsed into values and written again, because numbers, escapes and key order must come out as AWS wrote them.
//!
//! This is the complete implementation, for every record there may be; [`OnePass`](super::OnePass) is the fast one for ordinary records.

#[cfg(test)]
pub(super) mod tests;

use super::origin::{Origin, write_text};
use super::{FIELDS, Kind, Reason, Rejection, repeated};
use crate::cloudtrail::json::{self, Member, Members};
use crate::limits::{MAX_JSON_DEPTH, MAX_MESSAGE_BYTES, MAX_RECORD_BYTES};
use crate::time::{format_utc, parse_utc};
use std::borrow::Cow;

/// Open brackets in an event record: `extra` adds one, and the message must still be read by what counts as serde_json does.
pub const MAX_RECORD_DEPTH: u32 = MAX_JSON_DEPTH as u32 - 2;

/// The place of a field in [`FIELDS`].
const EVENT_TIME: usize = 0;

/// Appends the message value of an event record to `out`.
///
/// # Errors
/// A [`Rejection`]; `out` is then as it was.
pub fn normalize(origin: &Origin, index: u32, record: &[u8], out: &mut Vec<u8>) -> Result<(), Rejection> {
    if record.len() > MAX_RECORD_BYTES {
        return Err(Rejection::new(Reason::TooLarge, format!("a record of {} bytes", record.len())));
    }
    let text = std::str::from_utf8(record)
        .map_err(|error| Rejection::new(Reason::InvalidUtf8, format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    if !text.starts_with('{') {
        json::check_within(text, MAX_RECORD_DEPTH)?;
        return Err(Rejection::new(Reason::NotAnObject, "the record is not an object"));
    }
    let sorted = sort(text)?;
    let start = out.len();
    out.reserve(record.len() + 1024);
    origin.begin_event(index, out);
    write_fields(&sorted, out);
    let bytes = out.len() - start;
    if bytes > MAX_MESSAGE_BYTES {
        out.truncate(start);
        return Err(Rejection::new(Reason::TooLarge, format!("a message of {bytes} bytes")));
    }
    Ok(())
}

/// A record's members, each at its place.
struct Sorted<'a> {
    /// Raw text, by place in [`FIELDS`], of values that are of their field's kind.
    fields: [Option<&'a str>; FIELDS.len()],
    /// The event time where it had to be rewritten; its source text is in `extra`.
    event_time: Option<String>,
    /// What has no field.
    extra: Vec<Member<'a>>,
}

fn sort(text: &str) -> Result<Sorted<'_>, Rejection> {
    let mut sorted = Sorted { fields: [None; FIELDS.len()], event_time: None, extra: Vec::new() };
    let mut seen = 0u64;
    let mut unknown: Vec<Cow<'_, str>> = Vec::new();
    for member in Members::within(text, MAX_RECORD_DEPTH) {
        let member = member?;
        let Some(place) = place_of(member.key) else {
            unknown.push(json::unescape(member.key));
            if json::kind(member.value) != json::Kind::Null {
                sorted.extra.push(member);
            }
            continue;
        };
        if seen & 1 << place != 0 {
            return Err(repeated_key(FIELDS[place].source));
        }
        seen |= 1 << place;
        sorted.put(place, member)?;
    }
    match repeated::among(&mut unknown) {
        Some(key) => Err(repeated_key(&key)),
        None => Ok(sorted),
    }
}

fn repeated_key(key: &str) -> Rejection {
    Rejection::new(Reason::RepeatedKey, format!("the key {key:?} stands twice"))
}

impl<'a> Sorted<'a> {
    fn put(&mut self, place: usize, member: Member<'a>) -> Result<(), Rejection> {
        let found = json::kind(member.value);
        let fits = match FIELDS[place].kind {
            Kind::Time if found == json::Kind::String => self.put_time(member.value),
            Kind::Time => false,
            Kind::Text => found == json::Kind::String,
            Kind::Flag => found == json::Kind::Bool,
            Kind::Body => true,
            Kind::Struct if found == json::Kind::Object => match repeated::within(member.value) {
                Some(key) => return Err(repeated_key(&key)),
                None => true,
            },
            Kind::Struct => false,
        };
        if found == json::Kind::Null {
            // The same as absent.
        } else if fits {
            self.fields[place] = Some(member.value);
        } else {
            self.extra.push(member);
        }
        Ok(())
    }

    /// True when the source text is already the form that a message carries.
    fn put_time(&mut self, value: &str) -> bool {
        // Quoted, to the second, and not a leap second: what AWS writes, and nothing to rewrite in it.
        let is_plain = value.len() == 22 && &value.as_bytes()[18..20] != b"60";
        let Some(text) = json::string(value) else { return false };
        let Some(micros) = parse_utc(&text) else { return false };
        if is_plain && matches!(text, Cow::Borrowed(_)) {
            return true;
        }
        let canonical = format_utc(micros);
        // The leap second after year 9999 has no form that reads back.
        if parse_utc(&canonical) != Some(micros) {
            return false;
        }
        if value[1..value.len() - 1] == canonical {
            return true;
        }
        self.event_time = Some(canonical);
        false
    }
}

fn write_fields(sorted: &Sorted<'_>, out: &mut Vec<u8>) {
    for (place, field) in FIELDS.iter().enumerate() {
        if let Some(value) = sorted.fields[place] {
            write_key(field.name, out);
            out.extend_from_slice(value.as_bytes());
        } else if place == EVENT_TIME
            && let Some(text) = &sorted.event_time
        {
            write_key(field.name, out);
            write_text(text, out);
        }
    }
    if !sorted.extra.is_empty() {
        write_key("extra", out);
        let mut before = b'{';
        for member in &sorted.extra {
            out.push(before);
            before = b',';
            out.push(b'"');
            out.extend_from_slice(member.key.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(member.value.as_bytes());
        }
        out.push(b'}');
    }
    out.push(b'}');
}

fn write_key(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// The place in [`FIELDS`] of a key as it is written in the record.
fn place_of(key: &str) -> Option<usize> {
    let key = json::unescape(key);
    FIELDS.iter().position(|field| field.source == key)
}
