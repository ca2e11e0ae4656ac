//! The fast pass over JSON that is expected to be good: it accepts or refuses, and does not say why.
//!
//! It accepts exactly what the scanner of [`json`](super) accepts. After a refusal the caller runs that scanner over the same text: it is
//! slower and says what is wrong where. So a fault slows down only the record that has it, and its description is made in one place.

use super::window::{BLOCK, Bits, bits_at};
use super::{MAX_DEPTH, hex4};

/// A place in a text. Small and by value, so that it lives in registers.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the block begins whose bits we have.
    block: usize,
    special: u64,
    /// Bits of all bytes seen in strings that are not ASCII, whichever block they were in.
    high: u64,
    escapes: bool,
}

/// Receives the keys of objects as they are passed.
pub trait Keys {
    /// An object opens.
    fn open(&mut self);
    /// A key as it is written, `bytes[start..end]`; `escaped` when it may hold a `\`.
    fn key(&mut self, bytes: &[u8], start: usize, end: usize, escaped: bool);
    /// The innermost object closes.
    fn close(&mut self);
}

/// Ignores them.
impl Keys for () {
    fn open(&mut self) {}
    fn key(&mut self, _: &[u8], _: usize, _: usize, _: bool) {}
    fn close(&mut self) {}
}

impl<'a> Pass<'a> {
    /// At the beginning of `bytes`, which need not be one value, nor UTF-8.
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Pass<'a> {
        // A block that no place is in: the first search loads one.
        Pass { bytes, at: 0, block: usize::MAX - BLOCK, special: 0, high: 0, escapes: false }
    }

    /// Where we are.
    #[inline(always)]
    pub fn at(&self) -> usize {
        self.at
    }

    /// False when every string so far is ASCII. Strings are the only place where other bytes are let by, so what was passed is then
    /// UTF-8; otherwise it has to be checked.
    #[inline(always)]
    pub fn may_hold_unicode(&self) -> bool {
        self.high != 0
    }

    /// The byte where we are.
    #[inline(always)]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes these bytes, which must be ASCII and no part of a string.
    #[inline(always)]
    pub fn literal(&mut self, word: &[u8]) -> Option<()> {
        let head = self.bytes.get(self.at..self.at + word.len())?;
        same(head, word).then(|| self.at += word.len())
    }

    /// Goes on by one byte.
    #[inline(always)]
    pub fn step(&mut self) {
        self.at += 1;
    }

    /// Passes white space; the byte that comes after it.
    #[inline(always)]
    pub fn token(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        if byte > b' ' {
            return Some(byte);
        }
        self.at = behind_white(self.bytes, self.at);
        self.bytes.get(self.at).copied()
    }

    /// Passes the byte `expected`, white space before it allowed.
    #[inline(always)]
    pub fn expect(&mut self, expected: u8) -> Option<()> {
        let found = self.token()?;
        self.at += 1;
        (found == expected).then_some(())
    }

    /// Passes a key with its quotes and its colon; the first and the last byte of what is between the quotes, and whether a `\` may be.
    #[inline(always)]
    pub fn key(&mut self) -> Option<(usize, usize, bool)> {
        self.token()?;
        let key = self.text()?;
        self.expect(b':')?;
        Some(key)
    }

    /// Passes a string that begins where we are; the first and the last byte of what is between its quotes, and whether a `\` may be.
    #[inline(always)]
    pub fn text(&mut self) -> Option<(usize, usize, bool)> {
        if self.peek()? != b'"' {
            return None;
        }
        self.escapes = false;
        let start = self.at + 1;
        self.string()?;
        Some((start, self.at - 1, self.escapes))
    }

    /// Passes a string; we are on its opening quote.
    #[inline(always)]
    pub fn string(&mut self) -> Option<()> {
        let mut from = self.at + 1;
        loop {
            from = self.special(from)?;
            match self.bytes.get(from)? {
                b'"' => {
                    self.at = from + 1;
                    return Some(());
                }
                b'\\' => {
                    self.escapes = true;
                    from = behind_escape(self.bytes, from)?;
                }
                _ => return None,
            }
        }
    }

    /// The first special byte at or after `from`.
    #[inline(always)]
    fn special(&mut self, mut from: usize) -> Option<usize> {
        loop {
            let offset = from.wrapping_sub(self.block);
            if offset < BLOCK {
                let left = self.special >> offset;
                if left != 0 {
                    return Some(from + left.trailing_zeros() as usize);
                }
                from = self.block + BLOCK;
            }
            if from >= self.bytes.len() {
                return None;
            }
            self.block = from & !(BLOCK - 1);
            let Bits { special, high } = bits_at(self.bytes, self.block);
            self.special = special;
            self.high |= high;
        }
    }

    /// Passes a value; `first` is its first byte, where we are, and it lies inside `outside` open brackets of at most `max_depth`.
    #[inline(always)]
    pub fn value(&mut self, first: u8, outside: u32, max_depth: u32, keys: &mut impl Keys) -> Option<()> {
        match first {
            b'"' => self.string(),
            b'{' | b'[' => {
                *self = container(*self, outside, max_depth, keys)?;
                Some(())
            }
            _ => self.scalar(first),
        }
    }

    #[inline(always)]
    fn scalar(&mut self, first: u8) -> Option<()> {
        let word: &[u8] = match first {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => {
                self.at = behind_number(self.bytes, self.at)?;
                return Some(());
            }
        };
        self.literal(word)
    }
}

/// Whether two pieces of text of a few words are the same: for these, calling the C library to compare memory takes longer.
#[inline(always)]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    const WORD: usize = size_of::<u64>();
    if one.len() != other.len() {
        return false;
    }
    match (one.last_chunk::<WORD>(), other.last_chunk::<WORD>()) {
        // The last word of both overlaps the one before it, unless they end together.
        (Some(last), Some(other_last)) => {
            last == other_last
                && one.as_chunks::<WORD>().0.iter().zip(other.as_chunks::<WORD>().0).all(|(one, other)| one == other)
        }
        _ => one.iter().zip(other).all(|(one, other)| one == other),
    }
}

/// Passes the object or array that begins where `pass` is. Goes no deeper on the stack than one call, however deep the text is.
#[inline(never)]
fn container<'a>(mut pass: Pass<'a>, outside: u32, max_depth: u32, keys: &mut impl Keys) -> Option<Pass<'a>> {
    // Bit 0 of `objects` is the innermost bracket: 1 for an object. The bound on depth keeps them all in it.
    let (mut depth, mut objects, max_depth) = (outside, 0u128, max_depth.min(MAX_DEPTH));
    loop {
        match pass.token()? {
            b'"' => pass.string()?,
            open @ (b'{' | b'[') => {
                if depth >= max_depth {
                    return None;
                }
                pass.step();
                // `{` is 0x7b, `[` is 0x5b, and the closing one is two further.
                if pass.token()? != open + 2 {
                    depth += 1;
                    objects = objects << 1 | u128::from(open == b'{');
                    if open == b'{' {
                        keys.open();
                        let (start, end, escaped) = pass.key()?;
                        keys.key(pass.bytes, start, end, escaped);
                    }
                    continue;
                }
                pass.step();
            }
            first => pass.scalar(first)?,
        }
        loop {
            if depth == outside {
                return Some(pass);
            }
            let is_object = objects & 1 == 1;
            match pass.token()? {
                b',' => {
                    pass.step();
                    if is_object {
                        let (start, end, escaped) = pass.key()?;
                        keys.key(pass.bytes, start, end, escaped);
                    }
                    break;
                }
                b'}' if is_object => keys.close(),
                b']' if !is_object => {}
                _ => return None,
            }
            pass.step();
            (depth, objects) = (depth - 1, objects >> 1);
        }
    }
}

#[cold]
fn behind_white(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The place behind the escape at `at`; `None` for what is no escape, or half of a surrogate pair.
#[inline(never)]
fn behind_escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => match hex4(bytes.get(at + 2..at + 6)?)? {
            0xd800..0xdc00 => {
                let is_low =
                    bytes.get(at + 6..at + 8)? == br"\u" && (0xdc00..0xe000).contains(&hex4(bytes.get(at + 8..at + 12)?)?);
                is_low.then_some(at + 12)
            }
            0xdc00..0xe000 => None,
            _ => Some(at + 6),
        },
        _ => None,
    }
}

/// The place behind the number at `at` (RFC 8259 section 6).
#[inline(never)]
fn behind_number(bytes: &[u8], mut at: usize) -> Option<usize> {
    let is = |at: usize, set: &[u8]| bytes.get(at).is_some_and(|byte| set.contains(byte));
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    };
    at += usize::from(is(at, b"-"));
    at = if is(at, b"0") { at + 1 } else { digits(at)? };
    if is(at, b".") {
        at = digits(at + 1)?;
    }
    if is(at, b"eE") {
        at += 1;
        at = digits(at + usize::from(is(at, b"+-")))?;
    }
    Some(at)
}
