//! JSON as slices: a strict scanner that hands out the source text of members and elements instead of values.
//!
//! Number forms, escapes and key order must survive into the table, so a record is never made into a tree and written
//! out again. Walking an object validates everything in it in the same pass: RFC 8259's grammar, no lone surrogates
//! (they have no UTF-8 form), no more than [`MAX_DEPTH`] open brackets. Nothing recurses on the input's depth.
//! The text is UTF-8 by type: `std::str::from_utf8` once, then everything is slices of it.
//!
//! It is our own because the crates that hand out slices are not strict enough: serde_json's raw values and sonic-rs's lazy values accept
//! lone surrogates and any depth (at 100,000 open brackets sonic-rs overflows the stack), and sonic-rs also what follows the object. It
//! is not slower either. To check an event record of about 1.4 kB and find its members, `common/benches/json.rs` measured 0.95 µs for
//! this scanner and 0.41 µs for [`pass`], 1.30 µs for serde_json and 1.86 µs for sonic-rs (1.80 µs with `-C target-cpu=native`).

pub mod pass;
#[cfg(test)]
pub(crate) mod tests;
mod window;

use crate::limits;
use std::borrow::Cow;

/// Open brackets: serde_json counts down from [`limits::MAX_JSON_DEPTH`] and refuses at zero, so it lets one fewer be open.
pub const MAX_DEPTH: u32 = limits::MAX_JSON_DEPTH as u32 - 1;

// One bit a level, in a u128.
const _: () = assert!(MAX_DEPTH <= 128);

/// What a text is refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Not JSON by RFC 8259.
    Grammar,
    /// A `\u` escape that is half of a surrogate pair.
    LoneSurrogate,
    /// Too many open brackets.
    TooDeep,
}

/// A text that is refused: why, and at which byte of the text that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct JsonError {
    /// The class of the fault.
    pub fault: Fault,
    /// The fault in words: "expected a value".
    pub what: &'static str,
    /// Byte offset.
    pub at: usize,
}

/// What a value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// `-` or a digit
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// The kind of a value's raw text (which has been checked: of anything else this is a guess).
pub fn kind(value: &str) -> Kind {
    match value.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') | None => Kind::Null,
        Some(_) => Kind::Number,
    }
}

/// Checks that `text` is one JSON value, white space around it allowed.
///
/// # Errors
/// The first fault.
pub fn check(text: &str) -> Result<(), JsonError> {
    check_within(text, MAX_DEPTH)
}

/// [`check`] with a smaller bound on open brackets.
///
/// # Errors
/// The first fault.
pub fn check_within(text: &str, max_depth: u32) -> Result<(), JsonError> {
    let mut scanner = Scanner { text, at: 0, max_depth: max_depth.min(MAX_DEPTH) };
    scanner.white();
    scanner.value(0)?;
    scanner.end()
}

/// The content of a JSON string's raw text, quotes included; `None` when it is not a string.
pub fn string(value: &str) -> Option<Cow<'_, str>> {
    Some(unescape(value.strip_prefix('"')?.strip_suffix('"')?))
}

/// Undoes the escapes of a string's inner text (no quotes). On a text that was never checked, what is no escape becomes U+FFFD.
pub fn unescape(raw: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else {
        return Cow::Borrowed(raw);
    };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(after) = rest.strip_prefix('\\') {
        let (c, used) = unescape_one(after.as_bytes());
        text.push(c);
        rest = after.get(used..).unwrap_or("");
        let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        text.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(text)
}

/// The character that an escape stands for, and its length without the backslash.
fn unescape_one(after: &[u8]) -> (char, usize) {
    let c = match after.first() {
        Some(b'u') => {
            let pair = after.get(1..5).and_then(hex4).map(|high| (high, after.get(5..7), after.get(7..11).and_then(hex4)));
            return match pair {
                Some((high @ 0xd800..0xdc00, Some(br"\u"), Some(low @ 0xdc00..0xe000))) => {
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
                }
                Some((unit, _, _)) => (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 5),
                None => (char::REPLACEMENT_CHARACTER, 1),
            };
        }
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(&plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
        _ => return (char::REPLACEMENT_CHARACTER, 0),
    };
    (c, 1)
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

/// One member of an object: raw text of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key as it is written, without its quotes: [`unescape`] it before comparing if it holds a `\`.
    pub key: &'a str,
    /// The value as it is written, without white space around it.
    pub value: &'a str,
}

/// The members of an object, in order, each value validated as it is passed. Ends after the first error; has seen
/// the whole text, up to its last byte, when it ends without one.
#[derive(Debug)]
pub struct Members<'a> {
    scanner: Scanner<'a>,
    state: State,
}

/// The elements of an array; otherwise as [`Members`].
#[derive(Debug)]
pub struct Elements<'a> {
    scanner: Scanner<'a>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    Done,
}

impl<'a> Members<'a> {
    /// Walks an object's text.
    pub fn new(object: &'a str) -> Members<'a> {
        Members::within(object, MAX_DEPTH)
    }

    /// Walks an object's text with a smaller bound on open brackets, the object's own included.
    pub fn within(object: &'a str, max_depth: u32) -> Members<'a> {
        Members { scanner: Scanner { text: object, at: 0, max_depth: max_depth.min(MAX_DEPTH) }, state: State::Before }
    }

    fn step(&mut self) -> Result<Option<Member<'a>>, JsonError> {
        let scanner = &mut self.scanner;
        if !scanner.enter(&mut self.state, b'{', b'}')? {
            return Ok(None);
        }
        let key = scanner.key()?;
        let start = scanner.at;
        scanner.value(1)?;
        Ok(Some(Member { key, value: scanner.since(start) }))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Done {
            return None;
        }
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.state = State::Done;
        }
        step
    }
}

impl<'a> Elements<'a> {
    /// Walks an array's text.
    pub fn new(array: &'a str) -> Elements<'a> {
        Elements { scanner: Scanner { text: array, at: 0, max_depth: MAX_DEPTH }, state: State::Before }
    }

    fn step(&mut self) -> Result<Option<&'a str>, JsonError> {
        let scanner = &mut self.scanner;
        if !scanner.enter(&mut self.state, b'[', b']')? {
            return Ok(None);
        }
        let start = scanner.at;
        scanner.value(1)?;
        Ok(Some(scanner.since(start)))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a str, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Done {
            return None;
        }
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.state = State::Done;
        }
        step
    }
}

#[derive(Debug)]
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    max_depth: u32,
}

impl<'a> Scanner<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// `start` and `self.at` lie beside ASCII bytes, so they are character boundaries.
    fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    fn fault(&self, what: &'static str) -> JsonError {
        JsonError { fault: Fault::Grammar, what, at: self.at }
    }

    #[inline]
    fn white(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), JsonError> {
        self.white();
        if self.at == self.text.len() { Ok(()) } else { Err(self.fault("something after the value")) }
    }

    /// Goes to the next member or element of the outermost container; false when it has ended, and the text with it.
    fn enter(&mut self, state: &mut State, open: u8, close: u8) -> Result<bool, JsonError> {
        self.white();
        if *state == State::Before {
            if self.peek() != Some(open) {
                return Err(self.fault("not the container that was expected"));
            }
            if self.max_depth == 0 {
                return Err(JsonError { fault: Fault::TooDeep, what: "too many open brackets", at: self.at });
            }
            self.at += 1;
            self.white();
            *state = State::Within;
            if self.peek() != Some(close) {
                return Ok(true);
            }
        }
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.white();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                self.end().map(|()| false)
            }
            _ => Err(self.fault("expected a comma or the closing bracket")),
        }
    }

    /// Passes a key, its colon and the white space around; returns the key's inner text.
    #[inline]
    fn key(&mut self) -> Result<&'a str, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a key"));
        }
        let start = self.at + 1;
        self.string()?;
        let key = &self.text[start..self.at - 1];
        self.white();
        if self.peek() != Some(b':') {
            return Err(self.fault("expected a colon"));
        }
        self.at += 1;
        self.white();
        Ok(key)
    }

    /// Passes one value that lies inside `outside` open brackets.
    fn value(&mut self, outside: u32) -> Result<(), JsonError> {
        // Bit 0 is the innermost bracket: 1 for an object.
        let (mut depth, mut objects) = (outside, 0u128);
        loop {
            match self.peek() {
                Some(b'"') => self.string()?,
                Some(open @ (b'{' | b'[')) => {
                    if depth >= self.max_depth {
                        return Err(JsonError { fault: Fault::TooDeep, what: "too many open brackets", at: self.at });
                    }
                    self.at += 1;
                    self.white();
                    // `{` is 0x7b, `[` is 0x5b, and the closing one is two further.
                    if self.peek() != Some(open + 2) {
                        (depth, objects) = (depth + 1, objects << 1 | u128::from(open == b'{'));
                        if open == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                _ => return Err(self.fault("expected a value")),
            }
            loop {
                if depth == outside {
                    return Ok(());
                }
                self.white();
                let in_object = objects & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.white();
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if in_object => {}
                    Some(b']') if !in_object => {}
                    _ => return Err(self.fault("expected a comma or the closing bracket")),
                }
                self.at += 1;
                (depth, objects) = (depth - 1, objects >> 1);
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        // No leading zeros (RFC 8259 section 6).
        if self.peek() == Some(b'0') {
            self.at += 1
        } else {
            self.digits()?
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    /// Passes a string; `at` is on its opening quote.
    #[inline]
    fn string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            self.at = special::<true>(self.text.as_bytes(), self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.fault("a control character in a string")),
                None => return Err(self.fault("a string that does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let after = &self.text.as_bytes()[self.at + 1..];
        let lone = JsonError { fault: Fault::LoneSurrogate, what: "half of a surrogate pair", at: self.at };
        let not_hex = JsonError { what: "expected four hex digits", ..self.fault("") };
        self.at += match after.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => match after.get(1..5).and_then(hex4).ok_or(not_hex)? {
                0xd800..0xdc00 if after.get(5..7) == Some(br"\u") => match after.get(7..11).and_then(hex4).ok_or(not_hex)? {
                    0xdc00..0xe000 => 12,
                    _ => return Err(lone),
                },
                0xd800..0xe000 => return Err(lone),
                _ => 6,
            },
            _ => return Err(self.fault("not an escape")),
        };
        Ok(())
    }
}

/// Index of the first `"`, `\` or (with `CONTROL`) control character at or after `from`; the length when there is none.
///
/// Eight bytes a step, without intrinsics: `(x - 01…01) & !x & 80…80` has the high bit of each zero byte set, and of bytes
/// above a true one perhaps too (the borrow), so its lowest bit is always true. The same holds for `x < 20` and for their union.
#[inline]
pub(crate) fn special<const CONTROL: bool>(bytes: &[u8], from: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let zeros = |x: u64| x.wrapping_sub(ONES) & !x & HIGHS;
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let x = u64::from_le_bytes(*chunk);
        let mut hits = zeros(x ^ (ONES * b'"' as u64)) | zeros(x ^ (ONES * b'\\' as u64));
        if CONTROL {
            hits |= x.wrapping_sub(ONES * 0x20) & !x & HIGHS;
        }
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    let hit = rest.iter().position(|&b| b == b'"' || b == b'\\' || CONTROL && b < 0x20);
    at + hit.unwrap_or(rest.len())
}
