//! The bytes of a log file: gzip members back to back, inflated whole or not at all, never past a cap.
//!
//! RFC 1952 lets a gzip file have several members; a reader that stops after the first loses records without a word.
//! The cap is checked while inflating, because the size in the trailer is the sender's claim and wraps at 4 GiB.
//!
//! Two decoders: [`Inflater`] is fast and takes ordinary files only; everything else it leaves to [`inflate`], which says what is wrong.

#![expect(clippy::disallowed_types, reason = "this is the loop over all members")]

mod whole;

use super::Unreadable;
use flate2::bufread::GzDecoder;
use std::io::{ErrorKind, Read as _};
use whole::Decompressor;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// The flag in the header that says that a file name follows.
const FNAME: u8 = 8;
/// First size of the buffer: more than most log files need.
const FIRST: usize = 64 * 1024;
/// Deflate cannot do better (1032:1), so a trailer that claims more is not believed.
const MAX_RATIO: usize = 1032;

/// Inflates every member of `gz` into `out`, which is cleared first and never grows past `limit` bytes (and one more).
///
/// # Errors
/// [`Unreadable`]; what `out` holds then means nothing.
pub fn inflate(gz: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    out.clear();
    let mut filled = 0;
    let mut rest = gz;
    grow(out, claimed_size(gz), limit);
    loop {
        if !MAGIC.starts_with(&rest[..rest.len().min(MAGIC.len())]) {
            return Err(match rest.len() == gz.len() {
                true => Unreadable::NotGzip,
                false => Unreadable::Corrupt(format!("{} bytes after the last member", rest.len())),
            });
        }
        let mut member = GzDecoder::new(rest);
        loop {
            if filled > limit {
                return Err(Unreadable::TooLarge { what: "after inflating", limit });
            }
            if filled == out.len() {
                grow(out, filled.saturating_mul(2), limit);
            }
            match member.read(&mut out[filled..]) {
                Ok(0) => break,
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(Unreadable::Truncated(gz.len())),
                Err(error) => return Err(Unreadable::Corrupt(error.to_string())),
            }
        }
        rest = member.into_inner();
        if rest.is_empty() {
            out.truncate(filled);
            return Ok(());
        }
    }
}

/// What inflates one file after another quickly, and otherwise is [`inflate`].
#[derive(Debug, Default)]
pub struct Inflater {
    decompressor: Option<Decompressor>,
}

impl Inflater {
    /// As [`inflate`]: a file of one member, which is what CloudTrail writes, goes the fast way; whatever is not as its trailer says, or is
    /// refused there, goes the careful one, which has the last word.
    ///
    /// # Errors
    /// Those of [`inflate`].
    pub fn inflate(&mut self, gz: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        // No other flag than that of a name: of a checksum over the header libdeflate checks nothing (RFC 1952, FHCRC).
        let is_plain = gz.starts_with(&MAGIC) && gz.get(3).is_some_and(|flags| flags & !FNAME == 0);
        let size = claimed_size(gz) - 1;
        if is_plain && size <= limit {
            if self.decompressor.is_none() {
                self.decompressor = Decompressor::new();
            }
            if let Some(decompressor) = &mut self.decompressor
                && decompressor.member(gz, size, out)
            {
                return Ok(());
            }
        }
        inflate(gz, limit, out)
    }
}

/// Makes `out` at least [`FIRST`] and at most one byte more than `limit` long, the byte by which an overflow shows.
fn grow(out: &mut Vec<u8>, wanted: usize, limit: usize) {
    let len = wanted.max(FIRST).min(limit.saturating_add(1)).max(out.len());
    out.reserve_exact(len - out.len());
    out.resize(len, 0);
}

/// ISIZE, the last four bytes of a gzip file, and one more, so that the last read finds room.
fn claimed_size(gz: &[u8]) -> usize {
    let claim = gz.last_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    claim.min(gz.len().saturating_mul(MAX_RATIO)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write as _;

    fn gz(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn check(bytes: &[u8], limit: usize, expect: Result<&[u8], &str>) {
        let mut out = b"left over".to_vec();
        let got = inflate(bytes, limit, &mut out).map(|()| &out[..]).map_err(|why| why.reason());
        assert_eq!(got, expect);
        let mut fast = b"left over".to_vec();
        let got = Inflater::default().inflate(bytes, limit, &mut fast).map(|()| &fast[..]).map_err(|why| why.reason());
        assert_eq!(got, expect);
    }

    /// `gz` with other flags and what they announce.
    fn headed(flags: u8, announced: &[u8], gz: &[u8]) -> Vec<u8> {
        [&gz[..3], &[flags], &gz[4..10], announced, &gz[10..]].concat()
    }

    #[test]
    fn one_plain_member_goes_the_fast_way_and_nothing_else_does() {
        let fast = |gz: &[u8]| Decompressor::new().unwrap().member(gz, claimed_size(gz) - 1, &mut Vec::new());
        let one = gz(&b"some content ".repeat(1000));
        assert!(fast(&one) && fast(&gz(b"")) && fast(&headed(8, b"x\0", &one)));
        assert!(!fast(&one.repeat(2)) && !fast(&[&one[..], b"\0"].concat()) && !fast(&one[..one.len() - 1]) && !fast(b""));
    }

    #[test]
    fn whole_files_inflate_and_damaged_ones_say_why() {
        let one = gz(b"{\"Records\":[]}");
        let two = [gz(b"{\"Rec"), gz(b""), gz(b"ords\":[]}")].concat();
        check(&one, 100, Ok(b"{\"Records\":[]}"));
        check(&headed(8, b"a name\0", &one), 100, Ok(b"{\"Records\":[]}"));
        check(&headed(2, b"\xff\xff", &one), 100, Err("corrupt"));
        check(&headed(0x20, b"", &one), 100, Err("corrupt"));
        check(&two, 100, Ok(b"{\"Records\":[]}"));
        check(&gz(b""), 0, Ok(b""));
        check(b"{\"Records\":[]}", 100, Err("not_gzip"));
        check(b"\x1f\x8b\x07aaaa", 100, Err("not_gzip"));
        check(b"\0", 100, Err("not_gzip"));
        check(&[&one[..], b"\0\0"].concat(), 100, Err("corrupt"));
        check(&[&one[..], b"{}"].concat(), 100, Err("corrupt"));
        let mut wrong_crc = one.clone();
        let crc = wrong_crc.len() - 8;
        wrong_crc[crc] ^= 1;
        check(&wrong_crc, 100, Err("corrupt"));
        let mut wrong_size = one.clone();
        *wrong_size.last_mut().unwrap() ^= 0x80;
        check(&wrong_size, 100, Err("corrupt"));
        let mut bad_block = one;
        bad_block[10] = 0x07;
        check(&bad_block, 100, Err("corrupt"));
    }

    #[test]
    fn the_cap_is_exact() {
        let content = [b'x'; 1000];
        check(&gz(&content), 1000, Ok(&content));
        check(&gz(&content), 999, Err("too_large"));
        check(&[gz(&content), gz(b"y")].concat(), 1000, Err("too_large"));
    }

    #[test]
    fn every_beginning_of_a_gzip_file_is_truncated() {
        let one = gz(b"some content that is long enough to be worth a block");
        for cut in 0..one.len() {
            check(&one[..cut], 100, Err("truncated"));
        }
        let two = [one.clone(), one.clone()].concat();
        for cut in one.len() + 1..two.len() {
            check(&two[..cut], 200, Err("truncated"));
        }
    }

    #[test]
    fn ten_gibibytes_of_zeros_cost_no_more_than_the_cap() {
        // 160 members of 64 MiB each: 10 GiB in 10 MiB.
        let bomb = gz(&vec![0; 64 << 20]).repeat(160);
        assert!(bomb.len() < 11 << 20, "{}", bomb.len());
        let limit = crate::limits::MAX_INFLATED_BYTES;
        let mut out = Vec::new();
        assert_eq!(inflate(&bomb, limit, &mut out).unwrap_err().reason(), "too_large");
        assert!(out.capacity() <= limit + 1);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_stay_below_the_cap(bytes: Vec<u8>, headed: bool) {
            let bytes = if headed { [&MAGIC[..], &bytes[..]].concat() } else { bytes };
            let (mut out, mut fast) = (Vec::new(), Vec::new());
            let careful = inflate(&bytes, 1 << 20, &mut out);
            prop_assert!(out.capacity() <= (1 << 20) + 1);
            prop_assert_eq!(Inflater::default().inflate(&bytes, 1 << 20, &mut fast), careful);
            prop_assert!(fast.capacity() <= (1 << 20) + 1);
        }

        #[test]
        fn a_flipped_bit_never_goes_through(content: Vec<u8>, at: prop::sample::Index, bit in 0..8u32) {
            let mut bytes = gz(&content);
            // Header bytes 4 to 9 (time, flags of the compressor, system) carry no content and no check.
            let at = at.index(bytes.len());
            prop_assume!(!(3..10).contains(&at));
            bytes[at] ^= 1 << bit;
            let mut out = Vec::new();
            let careful = inflate(&bytes, 1 << 20, &mut out);
            let mut fast = Vec::new();
            prop_assert_eq!(&Inflater::default().inflate(&bytes, 1 << 20, &mut fast), &careful);
            if careful.is_ok() {
                prop_assert_eq!(&out, &content);
                prop_assert_eq!(fast, content);
            }
        }
    }
}
