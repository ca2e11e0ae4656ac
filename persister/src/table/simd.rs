//! The one search that nearly every byte of a message goes through, sixteen bytes a step.
//!
//! The only `unsafe` of this crate: calls of SSE2 instructions on values. They touch no memory, and SSE2 is part of x86-64 (the `cfg`
//! asks the compiler, not the processor), so there is nothing that a caller could do wrong.

/// Index of the first `"`, `\` or control character at or after `from`; the length when there is none.
#[inline(always)]
pub(super) fn special(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let hits = hits(chunk);
        if hits != 0 {
            return at + hits.trailing_zeros() as usize;
        }
        at += 16;
    }
    slow(bytes, at)
}

/// The same, a byte at a time.
fn slow(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or(&[]);
    from + rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// A bit for each special byte, the first one's lowest.
#[cfg(target_feature = "sse2")]
#[inline(always)]
fn hits(chunk: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8};
    let word = u128::from_le_bytes(*chunk);
    let (low, high) = (word as i64, (word >> 64) as i64);
    // SAFETY: SSE2 is there (`cfg`), and none of these takes a pointer.
    let mask = unsafe {
        let chunk = _mm_set_epi64x(high, low);
        let quotes = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(b'"' as i8));
        let backslashes = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(b'\\' as i8));
        let controls = _mm_cmpeq_epi8(_mm_min_epu8(chunk, _mm_set1_epi8(0x1f)), chunk);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), controls))
    };
    mask.cast_unsigned()
}

#[cfg(not(target_feature = "sse2"))]
#[inline(always)]
fn hits(chunk: &[u8; 16]) -> u32 {
    chunk.iter().rev().fold(0, |hits, &byte| hits << 1 | u32::from(is_special(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place_is_told_apart() {
        for byte in 0..=u8::MAX {
            for at in 0..40 {
                let mut bytes = [b'x'; 40];
                bytes[at] = byte;
                assert_eq!(special(&bytes, 0), slow(&bytes, 0), "{byte} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn sixteen_at_a_time_finds_what_one_at_a_time_finds(bytes in prop::collection::vec(0x18..0x60u8, 0..64), from in 0..70usize) {
            prop_assert_eq!(special(&bytes, from), slow(&bytes, from));
        }
    }
}
