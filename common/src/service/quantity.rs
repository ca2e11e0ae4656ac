//! Durations and sizes as people write them in a configuration: `10s`, `1h30m`, `128MiB`. A bare number is refused:
//! nobody can tell from it whether seconds or milliseconds were meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration: whole numbers with a unit (`ms`, `s`, `m`, `h`, `d`), the larger units first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A size in bytes: a whole number with a unit (`B`, `KiB`, `MiB`, `GiB`, `TiB`, or the powers of ten `kB`, `MB`, `GB`, `TB`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

/// Milliseconds of each unit, the largest first.
const SPANS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Bytes of each unit; the ones we print ourselves (powers of two) first, the largest first.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
];

/// Splits `12ms…` into 12, `ms`, and the rest.
fn take_term(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let after = &text[digits..];
    let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
    Some((text[..digits].parse().ok()?, after[..unit].trim(), &after[unit..]))
}

fn parse_span(text: &str) -> Option<Duration> {
    let (mut total, mut rest, mut allowed) = (0u64, text.trim(), &SPANS[..]);
    while !rest.is_empty() {
        let (number, unit, after) = take_term(rest)?;
        let at = allowed.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(allowed[at].1)?)?;
        allowed = &allowed[at + 1..];
        rest = after;
    }
    (!text.trim().is_empty()).then(|| Duration::from_millis(total))
}

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit, rest) = take_term(text.trim())?;
    let factor = SIZES.iter().find(|(name, _)| *name == unit)?.1;
    number.checked_mul(factor).filter(|_| rest.is_empty())
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        parse_span(text).map(Span).ok_or_else(|| format!("{text:?} is not a duration like \"10s\", \"5m\" or \"1h30m\""))
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        parse_size(text).map(Size).ok_or_else(|| format!("{text:?} is not a size like \"64KiB\", \"128MiB\" or \"2GB\""))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, millis) in SPANS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = SIZES[..4]
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .copied()
            .unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        text.parse()
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Size, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed_alike() {
        for (text, millis) in
            [("10s", 10_000), ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("7d", 604_800_000), ("0s", 0)]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.0, span.to_string().as_str()), (Duration::from_millis(millis), text));
        }
    }

    #[test]
    fn sizes_are_read_and_printed_alike() {
        for (text, bytes) in [("128MiB", 128 << 20), ("0B", 0), ("1500B", 1500), ("64KiB", 65536), ("3TiB", 3 << 40)] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, text));
        }
        assert_eq!("2 GB".parse(), Ok(Size(2_000_000_000)));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for bad in ["", " ", "10", "s", "10x", "-1s", "1.5s", "5m1h", "1s1s", "99999999999999999999s", "99999999999999999d", "١s"]
        {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
        for bad in ["", "10", "MiB", "1MiB2MiB", "-1B", "1.5GiB", "99999999999TiB", "10mib"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?}");
        }
    }
}
