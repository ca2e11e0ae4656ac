//! A strict walk over JSON text that keeps every value as it is written: values become columns byte for byte.
//!
//! serde_json would do for the shape, but hands numbers and nested bodies through its own types or one pass each.

use common::limits::MAX_JSON_DEPTH;
use std::borrow::Cow;

/// Why a text is not the JSON that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadJson {
    /// Not JSON by RFC 8259, at this byte of the text being walked.
    #[error("invalid JSON at byte {0}")]
    Invalid(usize),
    /// More levels than [`MAX_JSON_DEPTH`] and the levels that a message adds.
    #[error("nested too deep")]
    TooDeep,
    /// A key twice in one object.
    #[error("a key stands twice in one object")]
    RepeatedKey,
}

/// A message wraps what it carries (`extra`, the message itself): levels beyond those of a record.
const DEPTH: usize = MAX_JSON_DEPTH + 4;

/// The members of one object, in the order of the text.
pub(crate) struct Members<'a> {
    text: &'a str,
    at: usize,
    first: bool,
}

impl<'a> Members<'a> {
    /// Begins at an object; white space around it is allowed, anything else is not.
    pub(crate) fn of(text: &'a str) -> Result<Members<'a>, BadJson> {
        let at = space(text.as_bytes(), 0);
        match text.as_bytes().get(at) {
            Some(b'{') => Ok(Members { text, at: at + 1, first: true }),
            _ => Err(BadJson::Invalid(at)),
        }
    }

    /// The next member: its key as written, without the quotes, and its value as written. `None` after the last one, when nothing follows.
    pub(crate) fn next(&mut self) -> Result<Option<(&'a str, &'a str)>, BadJson> {
        let bytes = self.text.as_bytes();
        let mut at = space(bytes, self.at);
        match bytes.get(at) {
            Some(b'}') => {
                let end = space(bytes, at + 1);
                return if end == bytes.len() { Ok(None) } else { Err(BadJson::Invalid(end)) };
            }
            Some(b',') if !self.first => at = space(bytes, at + 1),
            Some(_) if self.first => {}
            _ => return Err(BadJson::Invalid(at)),
        }
        self.first = false;
        let key_end = string(bytes, at)?;
        let colon = space(bytes, key_end);
        if bytes.get(colon) != Some(&b':') {
            return Err(BadJson::Invalid(colon));
        }
        let start = space(bytes, colon + 1);
        let end = value(bytes, start, DEPTH)?;
        self.at = end;
        let key = self.text.get(at + 1..key_end - 1).ok_or(BadJson::Invalid(at))?;
        let value = self.text.get(start..end).ok_or(BadJson::Invalid(start))?;
        Ok(Some((key, value)))
    }
}

/// What a string says, from its text between the quotes. `None` when it names half a surrogate pair, which is no text.
pub(crate) fn unescape(inner: &str) -> Option<Cow<'_, str>> {
    if memchr(inner) {
        return serde_json::from_str::<String>(&format!("\"{inner}\"")).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// What a value says if it is a string.
pub(crate) fn text_of(value: &str) -> Option<Cow<'_, str>> {
    unescape(value.strip_prefix('"')?.strip_suffix('"')?)
}

fn memchr(inner: &str) -> bool {
    inner.as_bytes().contains(&b'\\')
}

fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The end of the value that begins at `at`.
fn value(bytes: &[u8], at: usize, depth: usize) -> Result<usize, BadJson> {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at),
        Some(b'{') => container(bytes, at, depth, b'}'),
        Some(b'[') => container(bytes, at, depth, b']'),
        Some(b't') => word(bytes, at, b"true"),
        Some(b'f') => word(bytes, at, b"false"),
        Some(b'n') => word(bytes, at, b"null"),
        _ => number(bytes, at),
    }
}

fn container(bytes: &[u8], at: usize, depth: usize, close: u8) -> Result<usize, BadJson> {
    let depth = depth.checked_sub(1).ok_or(BadJson::TooDeep)?;
    let mut at = space(bytes, at + 1);
    if bytes.get(at) == Some(&close) {
        return Ok(at + 1);
    }
    loop {
        if close == b'}' {
            at = space(bytes, string(bytes, at)?);
            if bytes.get(at) != Some(&b':') {
                return Err(BadJson::Invalid(at));
            }
            at = space(bytes, at + 1);
        }
        at = space(bytes, value(bytes, at, depth)?);
        match bytes.get(at) {
            Some(b',') => at = space(bytes, at + 1),
            Some(&byte) if byte == close => return Ok(at + 1),
            _ => return Err(BadJson::Invalid(at)),
        }
    }
}

/// The end of the string that begins at `at`; its escapes are well formed, surrogates are not paired here.
fn string(bytes: &[u8], at: usize) -> Result<usize, BadJson> {
    if bytes.get(at) != Some(&b'"') {
        return Err(BadJson::Invalid(at));
    }
    let mut at = at + 1;
    loop {
        at = plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => at += 6,
                _ => return Err(BadJson::Invalid(at)),
            },
            _ => return Err(BadJson::Invalid(at)),
        }
    }
}

/// Skips what needs no care in a string, eight bytes at a time: all but quote, backslash and control characters.
fn plain(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(eight) = bytes.get(at..at + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
        // The lowest marked byte is exact; borrows can only mark bytes above it.
        let word = u64::from_le_bytes(eight);
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let marks = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let marks = marks & HIGH;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|&byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
        at += 1;
    }
    at
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, BadJson> {
    match bytes.get(at..at + word.len()) {
        Some(found) if found == word => Ok(at + word.len()),
        _ => Err(BadJson::Invalid(at)),
    }
}

fn digits(bytes: &[u8], at: usize) -> Result<usize, BadJson> {
    let end = at + bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    if end == at { Err(BadJson::Invalid(at)) } else { Ok(end) }
}

fn number(bytes: &[u8], at: usize) -> Result<usize, BadJson> {
    let start = if bytes.get(at) == Some(&b'-') { at + 1 } else { at };
    let mut end = if bytes.get(start) == Some(&b'0') { start + 1 } else { digits(bytes, start)? };
    if bytes.get(end) == Some(&b'.') {
        end = digits(bytes, end + 1)?;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(bytes, end + 1 + sign)?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> bool {
        let bytes = text.as_bytes();
        value(bytes, space(bytes, 0), DEPTH).is_ok_and(|end| space(bytes, end) == bytes.len())
    }

    #[test]
    fn members_come_as_they_are_written() {
        let mut members = Members::of(" { \"a\" : 1e2 ,\"b\\n\":[ 1,{}] } ").expect("object");
        assert_eq!(members.next(), Ok(Some(("a", "1e2"))));
        assert_eq!(members.next(), Ok(Some(("b\\n", "[ 1,{}]"))));
        assert_eq!(members.next(), Ok(None));
    }

    #[test]
    fn half_a_pair_is_no_text() {
        assert_eq!(text_of(r#""\ud83d\ude00""#).as_deref(), Some("😀"));
        assert_eq!(text_of(r#""\ud83d""#), None);
        assert_eq!(text_of("12"), None);
    }

    #[test]
    fn deep_nesting_is_refused_before_the_stack_feels_it() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let mut members = Members::of(&deep).expect("object");
        assert_eq!(members.next(), Err(BadJson::TooDeep));
    }

    proptest! {
        /// serde_json is the judge. Pieces of JSON make near misses likely.
        #[test]
        fn what_is_json_is_judged_as_serde_json_does(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"a\""), Just("\"\\u00e9\\n b\""),
                    Just("\"long text without any escape in it\""), Just("\"\\x\""), Just("\"\u{1}\""), Just("-0.5e+3"), Just("01"),
                    Just("1."), Just("true"), Just("nul"), Just("null"), Just(" "), Just("\"é€😀 in a longer text\""), Just("\""),
                ],
                0..7,
            )
        ) {
            let text = parts.concat();
            prop_assert_eq!(whole(&text), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn a_string_ends_where_it_was_made_to_end(text in "\\PC{0,40}", tail in "\\PC{0,20}") {
            let quoted = serde_json::to_string(&text).expect("text");
            let all = format!("{quoted}{tail}");
            prop_assert_eq!(string(all.as_bytes(), 0), Ok(quoted.len()));
            prop_assert_eq!(text_of(&quoted).as_deref(), Some(&text[..]));
        }
    }
}
