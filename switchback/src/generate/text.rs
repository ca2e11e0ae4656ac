//! Small pieces of text, appended to a buffer: numbers, ids, times. No allocation per piece; this is the hot path.

use super::rng::Rng;
use common::time::Date;

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(crate) fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn push_all(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        push(out, part);
    }
}

/// A whole number, with leading zeros up to `width`.
pub(crate) fn number(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut at, mut rest) = (digits.len(), value);
    while rest > 0 || digits.len() - at < width.clamp(1, 20) {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// `len` symbols out of an alphabet whose length is a power of two.
fn symbols(out: &mut Vec<u8>, rng: &mut Rng, len: usize, alphabet: &[u8], bits: u32) {
    let mask = (1u64 << bits) - 1;
    let (mut pool, mut left) = (0u64, 0);
    for _ in 0..len {
        if left < bits {
            (pool, left) = (rng.next(), 64);
        }
        out.push(alphabet[(pool & mask) as usize]);
        pool >>= bits;
        left -= bits;
    }
}

pub(crate) fn hex(out: &mut Vec<u8>, rng: &mut Rng, len: usize) {
    symbols(out, rng, len, LOWER_HEX, 4);
}

/// The unique part of AWS's ids (`AKIA…`, `AROA…`).
pub(crate) fn base32(out: &mut Vec<u8>, rng: &mut Rng, len: usize) {
    symbols(out, rng, len, BASE32, 5);
}

pub(crate) fn base64(out: &mut Vec<u8>, rng: &mut Rng, len: usize) {
    symbols(out, rng, len, BASE64, 6);
}

/// Letters and digits only: the unique string in a log file's name.
pub(crate) fn alphanumeric(out: &mut Vec<u8>, rng: &mut Rng, len: usize) {
    for _ in 0..len {
        out.push(BASE64[rng.below(62) as usize]);
    }
}

/// A random UUID, version 4.
pub(crate) fn uuid(out: &mut Vec<u8>, rng: &mut Rng) {
    for (at, len) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if at > 0 {
            out.push(b'-');
        }
        let start = out.len();
        hex(out, rng, len);
        match at {
            2 => out[start] = b'4',
            3 => out[start] = b"89ab"[rng.below(4) as usize],
            _ => {}
        }
    }
}

/// `2026-11-22T10:00:00Z` from seconds since the epoch.
pub(crate) fn time(out: &mut Vec<u8>, seconds: i64) {
    date(out, seconds, "-");
    let in_day = seconds.rem_euclid(SECONDS_PER_DAY).unsigned_abs();
    for (sign, part) in [(b'T', in_day / 3600), (b':', in_day / 60 % 60), (b':', in_day % 60)] {
        out.push(sign);
        number(out, part, 2);
    }
    out.push(b'Z');
}

/// `2026-11-22` with any separator.
pub(crate) fn date(out: &mut Vec<u8>, seconds: i64, separator: &str) {
    let (year, month, day) = day_of(seconds).civil();
    number(out, u64::from(year.unsigned_abs()), 4);
    push(out, separator);
    number(out, u64::from(month), 2);
    push(out, separator);
    number(out, u64::from(day), 2);
}

/// `20261122T1005Z`, the stamp in a log file's name; with seconds in a digest file's.
pub(crate) fn stamp(out: &mut Vec<u8>, seconds: i64, with_seconds: bool) {
    date(out, seconds, "");
    out.push(b'T');
    let in_day = seconds.rem_euclid(SECONDS_PER_DAY).unsigned_abs();
    number(out, in_day / 3600, 2);
    number(out, in_day / 60 % 60, 2);
    if with_seconds {
        number(out, in_day % 60, 2);
    }
    out.push(b'Z');
}

/// `Nov 22, 2026, 6:30:22 PM`: how STS writes the expiry of credentials.
pub(crate) fn american_time(out: &mut Vec<u8>, seconds: i64) {
    let (year, month, day) = day_of(seconds).civil();
    let in_day = seconds.rem_euclid(SECONDS_PER_DAY).unsigned_abs();
    push(out, MONTHS[usize::from(month.saturating_sub(1)).min(11)]);
    out.push(b' ');
    number(out, u64::from(day), 1);
    push(out, ", ");
    number(out, u64::from(year.unsigned_abs()), 4);
    push(out, ", ");
    number(out, (in_day / 3600 + 11) % 12 + 1, 1);
    for part in [in_day / 60 % 60, in_day % 60] {
        out.push(b':');
        number(out, part, 2);
    }
    push(out, if in_day < 43_200 { " AM" } else { " PM" });
}

/// The UTC day of a point in time.
pub(crate) fn day_of(seconds: i64) -> Date {
    Date(i32::try_from(seconds.div_euclid(SECONDS_PER_DAY)).unwrap_or(i32::MAX))
}

/// What `write` appends, as a string of its own (for names that are made once).
pub(crate) fn string(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        // 2023-07-10T18:30:22Z
        let at = 1_689_013_822;
        assert_eq!(string(|out| time(out, at)), "2023-07-10T18:30:22Z");
        assert_eq!(string(|out| stamp(out, at, false)), "20230710T1830Z");
        assert_eq!(string(|out| stamp(out, at, true)), "20230710T183022Z");
        assert_eq!(string(|out| american_time(out, at)), "Jul 10, 2023, 6:30:22 PM");
        assert_eq!(string(|out| american_time(out, at - 18 * 3600)), "Jul 10, 2023, 12:30:22 AM");
    }

    #[test]
    fn numbers_are_padded() {
        assert_eq!(string(|out| number(out, 0, 1)), "0");
        assert_eq!(string(|out| number(out, 7, 3)), "007");
        assert_eq!(string(|out| number(out, u64::MAX, 0)), "18446744073709551615");
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        let id = string(|out| uuid(out, &mut Rng::new(1, 1)));
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}
