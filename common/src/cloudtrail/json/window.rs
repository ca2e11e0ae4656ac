//! Where strings end: 64 bytes of a text at a time, one bit for each byte that ends or changes a string.
//!
//! Half of a record's bytes lie in strings of a dozen bytes. Searching each one on its own waits for memory, compare and count
//! every time; with the bits of a whole block at hand the next end is a shift and a count away.

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// The bits of one block, the lowest for its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    /// `"`, `\` and control characters.
    pub(super) special: u64,
    /// Bytes that are not ASCII.
    pub(super) high: u64,
}

/// The bits of the block of `bytes` at `start`, which lies within; what is past the end has none.
#[inline(never)]
pub(super) fn bits_at(bytes: &[u8], start: usize) -> Bits {
    match bytes[start..].first_chunk::<BLOCK>() {
        Some(block) => bits(block),
        None => {
            let mut block = [b' '; BLOCK];
            block[..bytes.len() - start].copy_from_slice(&bytes[start..]);
            bits(&block)
        }
    }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
fn bits(block: &[u8; BLOCK]) -> Bits {
    // SAFETY: the function is safe but for needing SSE2, and this is only compiled where the target has it (every x86-64
    // processor does), so that there is nothing to ask at run time.
    unsafe { sse2(block) }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[target_feature(enable = "sse2")]
#[inline]
fn sse2(block: &[u8; BLOCK]) -> Bits {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8};
    let (mut special, mut high) = (0, 0);
    for (at, chunk) in block.chunks_exact(16).enumerate() {
        let word = |from: usize| chunk[from..].first_chunk::<8>().map_or(0, |word| i64::from_le_bytes(*word));
        let x = _mm_set_epi64x(word(8), word(0));
        let quote = _mm_cmpeq_epi8(x, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(x, _mm_set1_epi8(b'\\' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
        let hits = _mm_or_si128(_mm_or_si128(quote, backslash), control);
        special |= u64::from(_mm_movemask_epi8(hits) as u16) << (at * 16);
        high |= u64::from(_mm_movemask_epi8(x) as u16) << (at * 16);
    }
    Bits { special, high }
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use portable as bits;

/// The same eight bytes at a time, in ordinary registers.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
fn portable(block: &[u8; BLOCK]) -> Bits {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // The high bit of each byte that is zero, and no other: the sum of seven-bit numbers cannot carry into the next byte.
    let zeros = |x: u64| !(((x & !HIGHS) + !HIGHS) | x) & HIGHS;
    // Gathers the high bits, the first byte's lowest.
    let gather = |highs: u64| (highs >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let (mut special, mut high) = (0, 0);
    for (at, chunk) in block.chunks_exact(8).enumerate() {
        let x = chunk.first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word));
        let hits = zeros(x ^ (ONES * b'"' as u64)) | zeros(x ^ (ONES * b'\\' as u64)) | zeros(x & (ONES * 0xe0));
        special |= gather(hits) << (at * 8);
        high |= gather(x & HIGHS) << (at * 8);
    }
    Bits { special, high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(bytes: &[u8]) -> Bits {
        let pick = |is: fn(u8) -> bool| bytes.iter().enumerate().fold(0, |bits, (at, b)| bits | u64::from(is(*b)) << at);
        Bits { special: pick(|b| matches!(b, b'"' | b'\\' | 0..0x20)), high: pick(|b| b >= 0x80) }
    }

    #[test]
    fn every_byte_is_classed_at_every_place() {
        for byte in 0..=255 {
            for at in 0..BLOCK {
                for filler in [b'a', b'!', b'#', 0xff, byte] {
                    let mut block = [filler; BLOCK];
                    block[at] = byte;
                    assert_eq!(bits(&block), slow(&block), "{byte} at {at}");
                    assert_eq!(portable(&block), slow(&block), "{byte} at {at}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_block_is_cut_at_the_end(bytes in prop::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index) {
            let start = at.index(bytes.len());
            let end = bytes.len().min(start + BLOCK);
            prop_assert_eq!(bits_at(&bytes, start), slow(&bytes[start..end]));
        }
    }
}
