//! Durations and sizes as people write them in a configuration: `10s`, `1h30m`, `128MiB`. A bare number is refused:
//! nobody can tell from it whether seconds or milliseconds were meant.
//!
//! `humantime` and `bytesize` read them, but only what is written in our units reaches them: both take a good deal more, and some of it
//! is not what its writer meant. `1M` is a month to the one and a million bytes to the other, months have 30.44 days, `0` needs
//! no unit, `10Mb` is megabytes, and what does not fit 64 bits becomes the largest number that does.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration: whole numbers with a unit (`ms`, `s`, `m`, `h`, `d`), the larger units first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DurationSetting(pub Duration);

/// A size in bytes: a whole number with a unit (`B`, `KiB`, `MiB`, `GiB`, `TiB`, or the powers of ten `kB`, `MB`, `GB`, `TB`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SizeSetting(pub u64);

/// Milliseconds of each unit, the largest first.
const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Bytes of each unit that we print, the largest first.
const SIZE_UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Units that are only read.
const DECIMAL_SIZE_UNITS: [&str; 4] = ["TB", "GB", "MB", "kB"];

/// Digits of a number in a duration. `humantime` panics where the sum of a duration's parts overflows; this many never do, and 30 days
/// in milliseconds still fit.
const MAX_DIGITS: usize = 10;

/// True when `text` is a number for each unit and the units are ours, the larger first.
fn is_in_our_units(text: &str) -> bool {
    let numbers: Vec<_> = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    let units = text.split(|c: char| !c.is_alphabetic()).filter(|run| !run.is_empty());
    let ranks: Option<Vec<_>> = units.map(|unit| DURATION_UNITS.iter().position(|(name, _)| *name == unit)).collect();
    numbers.iter().all(|number| number.len() <= MAX_DIGITS)
        && ranks.is_some_and(|ranks| ranks.len() == numbers.len() && ranks.is_sorted_by(|before, after| before < after))
}

impl FromStr for DurationSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<DurationSetting, String> {
        let duration = Some(text).filter(|text| is_in_our_units(text)).and_then(|text| humantime::parse_duration(text).ok());
        duration.map(DurationSetting).ok_or_else(|| format!("{text:?} is not a duration like \"10s\", \"5m\" or \"1h30m\""))
    }
}

impl FromStr for SizeSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<SizeSetting, String> {
        let unit = text.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let is_ours = SIZE_UNITS.iter().map(|(name, _)| name).chain(&DECIMAL_SIZE_UNITS).any(|name| *name == unit);
        // What overflows is read as the largest number.
        let size: Option<ByteSize> = text.trim().parse().ok().filter(|size| is_ours && *size < ByteSize(u64::MAX));
        size.map(|size| SizeSetting(size.0))
            .ok_or_else(|| format!("{text:?} is not a size like \"64KiB\", \"128MiB\" or \"2GB\""))
    }
}

impl fmt::Display for DurationSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `humantime` prints months, which are not read back.
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, millis) in DURATION_UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SizeSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `bytesize` rounds to a decimal place.
        let is_exact = |(_, factor): &&(&str, u64)| self.0 >= *factor && self.0.is_multiple_of(*factor);
        let (unit, factor) = SIZE_UNITS.iter().find(is_exact).copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl TryFrom<String> for DurationSetting {
    type Error = String;

    fn try_from(text: String) -> Result<DurationSetting, String> {
        text.parse()
    }
}

impl TryFrom<String> for SizeSetting {
    type Error = String;

    fn try_from(text: String) -> Result<SizeSetting, String> {
        text.parse()
    }
}

impl From<DurationSetting> for String {
    fn from(setting: DurationSetting) -> String {
        setting.to_string()
    }
}

impl From<SizeSetting> for String {
    fn from(setting: SizeSetting) -> String {
        setting.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_and_printed_alike() {
        for (text, millis) in [
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("7d", 604_800_000),
            ("365d", 31_536_000_000),
            ("0s", 0),
        ] {
            let setting: DurationSetting = text.parse().unwrap();
            assert_eq!((setting.0, setting.to_string().as_str()), (Duration::from_millis(millis), text));
        }
        for (text, printed) in [(" 1h 30m ", "1h30m"), ("90s", "1m30s"), ("2592000000ms", "30d"), ("0d0s", "0s")] {
            assert_eq!(text.parse::<DurationSetting>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn sizes_are_read_and_printed_alike() {
        for (text, bytes) in [("128MiB", 128 << 20), ("0B", 0), ("1500B", 1500), ("64KiB", 65536), ("3TiB", 3 << 40)] {
            let setting: SizeSetting = text.parse().unwrap();
            assert_eq!((setting.0, setting.to_string().as_str()), (bytes, text));
        }
        for (text, bytes) in
            [("2 GB", 2_000_000_000), ("1kB", 1000), ("1MB", 1_000_000), ("9007199254740993B", 9_007_199_254_740_993)]
        {
            assert_eq!(text.parse(), Ok(SizeSetting(bytes)));
        }
    }

    #[test]
    fn what_is_no_duration_or_may_be_another_is_refused() {
        let bare = ["", " ", "0", "10", "s", "5m10"];
        let unlike_ours = ["10x", "-1s", "1.5s", "1.5h", "5m1h", "1s1s", "1 0s", "1h 2", "١s", "1_000s"];
        let of_humantime = ["1M", "1month", "2y", "1w", "5min", "3sec", "10us", "1ns", "1 hour", "1S"];
        let too_large = ["99999999999999999999s", "99999999999999999d", "18446744073709551615s1000ms"];
        for bad in [&bare[..], &unlike_ours, &of_humantime, &too_large].concat() {
            let error = bad.parse::<DurationSetting>().unwrap_err();
            assert_eq!(error, format!("{bad:?} is not a duration like \"10s\", \"5m\" or \"1h30m\""));
        }
    }

    #[test]
    fn what_is_no_size_or_may_be_another_is_refused() {
        let bare = ["", " ", "0", "10", "MiB"];
        let unlike_ours = ["1MiB2MiB", "-1B", "1.5GiB", ".5GiB", "1e3B", "1 0B", "10MiB/s", "١B"];
        let of_bytesize = ["10mib", "10Mb", "10KB", "1K", "1k", "1M", "1Gi", "1PiB", "1EB", "1b"];
        let too_large = ["99999999999TiB", "16777216TiB", "18446744073709551616B", "99999999999999999999999B"];
        for bad in [&bare[..], &unlike_ours, &of_bytesize, &too_large].concat() {
            let error = bad.parse::<SizeSetting>().unwrap_err();
            assert_eq!(error, format!("{bad:?} is not a size like \"64KiB\", \"128MiB\" or \"2GB\""));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_again_as_it_is_printed(text in "[0-9dhmskKMGTiB. ]{0,24}") {
            if let Ok(setting) = text.parse::<DurationSetting>() {
                prop_assert_eq!(setting.to_string().parse(), Ok(setting));
            }
            if let Ok(setting) = text.parse::<SizeSetting>() {
                prop_assert_eq!(setting.to_string().parse(), Ok(setting));
            }
        }

        #[test]
        fn the_parts_of_a_duration_add_up(numbers: [u32; 5], spaced: bool) {
            let space = if spaced { " " } else { "" };
            let parts = numbers.iter().zip(DURATION_UNITS);
            let text: String = parts.clone().map(|(number, (unit, _))| format!("{number}{unit}{space}")).collect();
            let millis: u64 = parts.map(|(number, (_, millis))| u64::from(*number) * millis).sum();
            prop_assert_eq!(text.parse(), Ok(DurationSetting(Duration::from_millis(millis))));
        }

        #[test]
        fn every_size_is_read_as_it_is_printed(bytes: u64, shift in 0..64u32) {
            let setting = SizeSetting((bytes >> shift).min(u64::MAX - 1));
            prop_assert_eq!(setting.to_string().parse(), Ok(setting));
        }
    }
}
