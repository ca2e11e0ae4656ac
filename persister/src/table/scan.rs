//! Passes over JSON text at full speed, for the decoder that knows what comes next. It has no words for what is wrong: where the text is
//! not plainly what is expected the answer is `None`, and `common`'s scanner is asked, which knows everything.
//!
//! What is passed is as strict as there: RFC 8259's grammar, no lone surrogates, and fewer open brackets than allowed there.

use super::simd::special;

/// Text that is passed from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a> {
    /// All of it; UTF-8.
    pub(super) bytes: &'a [u8],
    /// Index of the next byte.
    pub(super) at: usize,
}

/// A JSON string's content: where it lies, and whether there are escapes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

impl<'a> Scanner<'a> {
    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes one byte if it is this one.
    #[inline(always)]
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline(always)]
    pub(super) fn white(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Passes these bytes.
    #[inline(always)]
    pub(super) fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// Passes a string.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Option<Text> {
        self.take(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at = special(self.bytes, self.at);
            match self.peek()? {
                b'"' => {
                    let end = self.at;
                    self.at += 1;
                    return Some(Text { start, end, escaped });
                }
                b'\\' => {
                    escaped = true;
                    self.at += escape(&self.bytes[self.at + 1..])?;
                }
                _ => return None,
            }
        }
    }

    /// Passes a key, its colon and the white space around it.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Option<&'a [u8]> {
        let Text { start, end, .. } = self.string()?;
        self.white();
        self.take(b':')?;
        self.white();
        Some(&self.bytes[start..end])
    }

    /// Passes any value.
    pub(super) fn value(&mut self) -> Option<()> {
        // One bit a level, the innermost lowest, 1 for an object; above them all a 1 that marks the end.
        let mut open = 1u64;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    self.white();
                    // `{` is 0x7b, `[` is 0x5b, and the closing one is two further.
                    if self.peek()? != bracket + 2 {
                        if open >> 62 != 0 {
                            return None;
                        }
                        open = open << 1 | u64::from(bracket == b'{');
                        if bracket == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                    self.at += 1;
                }
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => return None,
            }
            loop {
                if open == 1 {
                    return Some(());
                }
                self.white();
                let in_object = open & 1 == 1;
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.white();
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    b'}' if in_object => {}
                    b']' if !in_object => {}
                    _ => return None,
                }
                self.at += 1;
                open >>= 1;
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        // No leading zeros (RFC 8259 section 6).
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
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
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Length of an escape, its backslash included; `after` is what stands behind that.
#[cold]
fn escape(after: &[u8]) -> Option<usize> {
    match after.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match hex4(after.get(1..5)?)? {
            0xd800..0xdc00 if after.get(5..7)? == br"\u" => match hex4(after.get(7..11)?)? {
                0xdc00..0xe000 => Some(12),
                _ => None,
            },
            0xd800..0xe000 => None,
            _ => Some(6),
        },
        _ => None,
    }
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::cloudtrail::json::check;
    use proptest::prelude::*;

    /// Whether one value and nothing else is passed.
    fn passes(text: &str) -> bool {
        let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
        scanner.white();
        if scanner.value().is_none() {
            return false;
        }
        scanner.white();
        scanner.at == text.len()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Pieces of JSON in any order are mostly no JSON, and now and then are.
        #[test]
        fn what_is_passed_is_what_the_strict_scanner_takes(pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\\"", "\\u00e9", "\\ud83d", "\\ude00", "\u{1f}", "é", "😀", " ", "\n", "0", "-1.5e+7",
            "01", "1.", "true", "false", "null", "nul", "\"key\":", "\"0123456789abcdef0123456789\"", "{\"a\":", "[1,", "}}", "\u{7f}",
        ]), 0..12)) {
            let text = pieces.concat();
            prop_assert_eq!(passes(&text), check(&text).is_ok(), "{}", text);
        }

        #[test]
        fn good_text_with_one_byte_changed_is_taken_by_both_or_by_none(
            value in super::super::decode::tests::any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()
        ) {
            prop_assert!(passes(&value));
            let mut bytes = value.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(passes(text), check(text).is_ok(), "{}", text);
            }
        }
    }

    #[test]
    fn deep_text_is_left_to_the_strict_scanner() {
        let nested = |depth: usize| "[".repeat(depth) + "1" + &"]".repeat(depth);
        assert!(passes(&nested(62)));
        assert!(!passes(&nested(63)) && check(&nested(63)).is_ok());
        assert!(!passes(&nested(100_000)));
    }
}
