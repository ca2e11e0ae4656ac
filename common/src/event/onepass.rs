//! The fast way from an event record to its message: one pass checks the record, finds where it ends and where its fields are, and one
//! copies them out in contract order.
//!
//! Only ordinary records go this way. One with anything unusual in it (a fault, a key that may be repeated, a time to rewrite, an escaped
//! key) is left to [`normalize`](super::normalize()), which writes the same message, and knows the reason when there is none.

use super::normalize::MAX_RECORD_DEPTH;
use super::origin::Origin;
use super::places::{self, Place};
use super::{FIELDS, Kind};
use crate::cloudtrail::json::pass::{Keys, Pass};
use crate::limits::{MAX_MESSAGE_BYTES, MAX_RECORD_BYTES};

/// Members without a field that the fast way keeps; AWS adds a few in a year.
const MAX_EXTRA: usize = 16;

/// Copies of this many bytes have a fixed length, so that most are two loads and two stores: what is too much is written over.
const STRIDE: usize = 32;

/// From one byte of the document up to another.
type ByteRange = (u32, u32);

/// Where the parts of one record lie. Kept from record to record, because clearing it would cost more than filling it.
#[derive(Debug)]
pub struct OnePass<'o> {
    origin: &'o Origin,
    /// Bytes of the record.
    len: usize,
    /// Places in [`FIELDS`] that have a value.
    present: u64,
    /// By place; what it holds for places that are not present means nothing.
    fields: [ByteRange; FIELDS.len()],
    extra: [Extra; MAX_EXTRA],
    extras: usize,
}

/// A member that has no field, or does not fit the one it has.
#[derive(Debug, Default, Clone, Copy)]
struct Extra {
    key: ByteRange,
    value: ByteRange,
    is_unknown: bool,
    is_null: bool,
}

impl<'o> OnePass<'o> {
    /// For the records of one log file.
    pub fn new(origin: &'o Origin) -> OnePass<'o> {
        let (fields, extra) = ([(0, 0); FIELDS.len()], [Extra::default(); MAX_EXTRA]);
        OnePass { origin, len: 0, present: 0, fields, extra, extras: 0 }
    }

    /// Reads the record at the beginning of `document`, which may go on behind it. False when this is not a record for the fast way.
    pub fn read(&mut self, document: &[u8]) -> bool {
        self.len = self.pass(document).unwrap_or(0);
        self.len > 0 && self.bound() <= MAX_MESSAGE_BYTES
    }

    /// More bytes than the message value can have.
    fn bound(&self) -> usize {
        self.origin.event().len() + self.len + places::ALL_KEYS + 64 + 2 * STRIDE
    }

    /// Bytes of the record that was read.
    pub fn record_bytes(&self) -> usize {
        self.len
    }

    fn pass(&mut self, document: &[u8]) -> Option<usize> {
        // So that every place in a record, and the one behind it, fits in a `ByteRange`.
        let document = &document[..document.len().min(u32::MAX as usize)];
        let mut pass = Pass::new(document);
        let mut seen = 0u64;
        (self.present, self.extras) = (0, 0);
        if document.first() != Some(&b'{') {
            return None;
        }
        pass.step();
        if pass.token()? == b'}' {
            pass.step();
        } else {
            loop {
                let (key_start, key_end, escaped) = pass.key()?;
                let first = pass.token()?;
                let start = pass.at();
                let place = places::find(document, key_start, key_end);
                let kind = place.map(|place| FIELDS[place].kind);
                if kind == Some(Kind::Struct) && first == b'{' {
                    let mut twice = Twice::default();
                    pass.value(first, 1, MAX_RECORD_DEPTH, &mut twice)?;
                    if twice.suspected {
                        return None;
                    }
                } else {
                    pass.value(first, 1, MAX_RECORD_DEPTH, &mut ())?;
                }
                let value = (start as u32, pass.at() as u32);
                match place {
                    Some(place) if seen & 1 << place == 0 => {
                        seen |= 1 << place;
                        if fits(FIELDS[place].kind, first, &document[start..pass.at()])? {
                            self.present |= 1 << place;
                            self.fields[place] = value;
                        } else {
                            self.keep(document, (key_start as u32, key_end as u32), value, false, first == b'n')?;
                        }
                    }
                    None if !escaped => {
                        self.keep(document, (key_start as u32, key_end as u32), value, true, first == b'n')?;
                    }
                    _ => return None,
                }
                let next = pass.token()?;
                pass.step();
                match next {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        let len = pass.at();
        let is_text = !pass.may_hold_unicode() || std::str::from_utf8(&document[..len]).is_ok();
        (is_text && len <= MAX_RECORD_BYTES).then_some(len)
    }

    /// Keeps a member for `extra`; `None` when there is no more room, or its key stood there before.
    #[inline(never)]
    fn keep(&mut self, document: &[u8], key: ByteRange, value: ByteRange, is_unknown: bool, is_null: bool) -> Option<()> {
        let of = |range: ByteRange| &document[range.0 as usize..range.1 as usize];
        let before = &self.extra[..self.extras];
        if is_unknown && before.iter().any(|extra| extra.is_unknown && of(extra.key) == of(key)) {
            return None;
        }
        // A null is the same as nothing, but its key may not stand twice.
        *self.extra.get_mut(self.extras)? = Extra { key, value, is_unknown, is_null };
        self.extras += 1;
        Some(())
    }

    /// Appends the message value of the record that was last read, which was from `document`.
    pub fn write(&self, document: &[u8], index: u32, out: &mut Vec<u8>) {
        let (start, head) = (out.len(), self.origin.event());
        out.resize(start + self.bound(), 0);
        let mut sink = Sink { into: &mut out[start..], at: 0 };
        sink.put(head, 0, head.len());
        sink.put_number(index);
        let mut left = self.present;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= left - 1;
            let Place { written, written_len, .. } = &places::PLACES[place];
            sink.put(written, 0, *written_len);
            let (from, to) = self.fields[place];
            sink.put(document, from as usize, to as usize);
        }
        let mut before: &[u8] = b",\"extra\":{\"";
        for extra in self.extra[..self.extras].iter().filter(|extra| !extra.is_null) {
            sink.put(before, 0, before.len());
            before = b",\"";
            sink.put(document, extra.key.0 as usize, extra.key.1 as usize);
            sink.put(b"\":", 0, 2);
            sink.put(document, extra.value.0 as usize, extra.value.1 as usize);
        }
        if before.len() == 2 {
            sink.put(b"}", 0, 1);
        }
        sink.put(b"}", 0, 1);
        let len = sink.at;
        out.truncate(start + len);
    }
}

/// Whether a value is of its field's kind; `None` when the careful way must see it.
#[inline(always)]
fn fits(kind: Kind, first: u8, value: &[u8]) -> Option<bool> {
    match kind {
        _ if first == b'n' => Some(false),
        Kind::Time if first == b'"' => is_plain_time(value).then_some(true),
        Kind::Time => Some(false),
        Kind::Text => Some(first == b'"'),
        Kind::Flag => Some(first == b't' || first == b'f'),
        Kind::Body => Some(true),
        Kind::Struct => Some(first == b'{'),
    }
}

/// Days of each month; the leap day is left to the careful way, which knows years.
const DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// True for what AWS writes, `"2026-03-01T09:08:38Z"`, but not on a leap day.
fn is_plain_time(value: &[u8]) -> bool {
    let Ok(value) = <&[u8; 22]>::try_from(value) else { return false };
    let marks = [(0, b'"'), (5, b'-'), (8, b'-'), (11, b'T'), (14, b':'), (17, b':'), (20, b'Z')];
    let digits = [1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19];
    let number = |at: usize| (value[at] & 15) * 10 + (value[at + 1] & 15);
    marks.iter().fold(true, |all, &(at, mark)| all & (value[at] == mark))
        & digits.iter().fold(true, |all, &at| all & value[at].is_ascii_digit())
        & (1..=DAYS.get(usize::from(number(6))).copied().unwrap_or(0)).contains(&number(9))
        & (number(12) < 24)
        & (number(15) < 60)
        & (number(18) < 60)
}

/// Suspects a key of standing twice in its object: one bit for each key by a hash of its beginning and length, so that it never
/// misses one and is seldom wrong.
#[derive(Debug, Default)]
struct Twice {
    /// For each open object.
    seen: [u64; LEVELS],
    open: usize,
    suspected: bool,
}

/// Objects within each other that are followed; `userIdentity` has three.
const LEVELS: usize = 8;

impl Keys for Twice {
    #[inline(always)]
    fn open(&mut self) {
        match self.seen.get_mut(self.open) {
            Some(seen) => *seen = 0,
            None => self.suspected = true,
        }
        self.open += 1;
    }

    #[inline(always)]
    fn key(&mut self, bytes: &[u8], start: usize, end: usize, escaped: bool) {
        let bit = places::beginning(bytes, start, end).map(|word| 1u64 << (places::mix(word, end - start) >> 58));
        match (bit, self.seen.get_mut(self.open.wrapping_sub(1))) {
            (Some(bit), Some(seen)) => {
                self.suspected |= escaped || *seen & bit != 0;
                *seen |= bit;
            }
            _ => self.suspected = true,
        }
    }

    #[inline(always)]
    fn close(&mut self) {
        self.open -= 1;
    }
}

/// Writes to a slice that is long enough, with [`STRIDE`] to spare.
struct Sink<'a> {
    into: &'a mut [u8],
    at: usize,
}

impl Sink<'_> {
    #[inline(always)]
    fn put(&mut self, from: &[u8], start: usize, end: usize) {
        let len = end - start;
        if len <= STRIDE
            && let Some(source) = from.get(start..).and_then(|rest| rest.first_chunk::<STRIDE>())
            && let Some(target) = self.into.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut::<STRIDE>())
        {
            *target = *source;
        } else {
            self.into[self.at..self.at + len].copy_from_slice(&from[start..end]);
        }
        self.at += len;
    }

    fn put_number(&mut self, mut number: u32) {
        let mut digits = [0; 10];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.put(&digits, first, digits.len());
    }
}

#[cfg(test)]
mod tests;
