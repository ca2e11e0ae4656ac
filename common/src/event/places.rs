//! Finds a field by its key in a record, and holds the key that it is written under; both tables are made at compile time.

use super::FIELDS;

/// Bytes that are compared at once; the longest name of a field fits.
const WIDTH: usize = 32;
const WORDS: usize = WIDTH / 8;
/// The longest key as it is written, `,"session_credential_from_console":`.
const WRITTEN: usize = 64;

/// One field's names in the form that they are used in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// AWS's name, eight bytes to a word, and the bits of the words that belong to it.
    words: [u64; WORDS],
    mask: [u64; WORDS],
    len: usize,
    /// `,"event_time":`, and its length.
    pub(super) written: [u8; WRITTEN],
    pub(super) written_len: usize,
}

/// By place in [`FIELDS`].
pub(super) static PLACES: [Place; FIELDS.len()] = {
    const NONE: Place = Place { words: [0; WORDS], mask: [0; WORDS], len: 0, written: [0; WRITTEN], written_len: 0 };
    let mut places = [NONE; FIELDS.len()];
    let mut place = 0;
    while place < FIELDS.len() {
        let (source, name) = (FIELDS[place].source.as_bytes(), FIELDS[place].name.as_bytes());
        let this = &mut places[place];
        let mut at = 0;
        while at < source.len() {
            this.words[at / 8] |= (source[at] as u64) << (at % 8 * 8);
            this.mask[at / 8] |= 0xff << (at % 8 * 8);
            at += 1;
        }
        this.len = source.len();
        (this.written[0], this.written[1]) = (b',', b'"');
        at = 0;
        while at < name.len() {
            this.written[at + 2] = name[at];
            at += 1;
        }
        (this.written[at + 2], this.written[at + 3]) = (b'"', b':');
        this.written_len = at + 4;
        place += 1;
    }
    places
};

/// Bytes of all keys as they are written.
pub(super) const ALL_KEYS: usize = {
    let (mut place, mut bytes) = (0, 0);
    while place < FIELDS.len() {
        bytes += FIELDS[place].name.len() + 4;
        place += 1;
    }
    bytes
};

const SLOTS: usize = 128;
const EMPTY: u8 = u8::MAX;

/// Places by hash, each in a slot of its own: compiling fails when a new field takes another's, and wants another multiplier.
static TABLE: [u8; SLOTS] = {
    let mut table = [EMPTY; SLOTS];
    let mut place = 0;
    while place < FIELDS.len() {
        let source = FIELDS[place].source.as_bytes();
        let (mut word, mut at) = (0, 0);
        while at < source.len() && at < 8 {
            word |= (source[at] as u64) << (at * 8);
            at += 1;
        }
        let slot = slot(word, source.len());
        assert!(table[slot] == EMPTY && source.len() <= WIDTH); // at compile time
        table[slot] = place as u8;
        place += 1;
    }
    table
};

/// A hash of a key by its first bytes and its length; its upper bits are the good ones.
#[inline(always)]
pub(super) const fn mix(word: u64, len: usize) -> u64 {
    // Found by trying odd numbers until no two fields met.
    (word ^ len as u64).wrapping_mul(0xee52_bdb6_d102_0a15)
}

const fn slot(word: u64, len: usize) -> usize {
    (mix(word, len) >> 57) as usize
}

/// The first eight bytes of a key, the ones behind its end as zeros; `None` when the text ends so soon that they cannot be read at once.
#[inline(always)]
pub(super) fn beginning(bytes: &[u8], start: usize, end: usize) -> Option<u64> {
    let word = u64::from_le_bytes(*bytes.get(start..)?.first_chunk::<8>()?);
    let len = end - start;
    Some(if len < 8 { word & !(u64::MAX << (len * 8)) } else { word })
}

/// The place of the field whose name is `bytes[start..end]`, character by character.
#[inline(always)]
pub(super) fn find(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let Some(window) = bytes.get(start..).and_then(|rest| rest.first_chunk::<WIDTH>()) else {
        return find_near_end(&bytes[start..end]);
    };
    let word = |at: usize| window[at * 8..].first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word));
    let len = end - start;
    let first = if len < 8 { word(0) & !(u64::MAX << (len * 8)) } else { word(0) };
    let place = usize::from(TABLE[slot(first, len)]);
    let this = PLACES.get(place)?;
    let differs = |at: usize| (word(at) ^ this.words[at]) & this.mask[at];
    (this.len == len && differs(0) | differs(1) | differs(2) | differs(3) == 0).then_some(place)
}

#[inline(never)]
fn find_near_end(key: &[u8]) -> Option<usize> {
    FIELDS.iter().position(|field| field.source.as_bytes() == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(key: &str, behind: &str) {
        let text = format!("{{\"{key}{behind}");
        let expect = FIELDS.iter().position(|field| field.source == key);
        assert_eq!(find(text.as_bytes(), 2, 2 + key.len()), expect, "{key} {behind:?}");
    }

    #[test]
    fn every_field_is_found_and_nothing_else_is() {
        for field in FIELDS {
            let source = field.source;
            for key in
                [source, field.name, &source[1..], &source[..source.len() - 1], &source.to_uppercase(), &format!("{source}x")]
            {
                for behind in ["", "\"", "\":1}", "\":\"something that is longer than any key can be\"}"] {
                    check(key, behind);
                }
            }
        }
        check("", "\":\"something that is longer than any key can be\"}");
    }

    proptest! {
        #[test]
        fn a_key_with_one_byte_changed_is_another(field in prop::sample::select(FIELDS.to_vec()), at: prop::sample::Index, byte in b'0'..b'{') {
            let mut key = field.source.as_bytes().to_vec();
            let at = at.index(key.len());
            key[at] = byte;
            check(std::str::from_utf8(&key).unwrap(), "\":\"something that is longer than any key can be\"}");
        }
    }
}
