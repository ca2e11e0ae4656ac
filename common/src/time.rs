//! Points in time and days, as plain numbers: parsed from AWS's text, never read from a clock here.

use std::fmt;

/// A UTC day of the proleptic Gregorian calendar, as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(pub i32);

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Date {
    /// `None` unless year (0 to 9999), month and day name a day that exists.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Date> {
        if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return None;
        }
        // Days from civil: counts from March so that the leap day is the year's last (Howard Hinnant's public algorithm).
        let (y, m) = if month > 2 { (year, i32::from(month) - 3) } else { (year - 1, i32::from(month) + 9) };
        let era = y.div_euclid(400);
        let year_of_era = y.rem_euclid(400);
        let day_of_year = (153 * m + 2) / 5 + i32::from(day) - 1;
        Some(Date(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468))
    }

    /// The day that holds a point in time.
    pub fn of_micros(micros: i64) -> Date {
        Date(i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// `(year, month, day)`.
    pub fn civil(self) -> (i32, u8, u8) {
        let z = i64::from(self.0) + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let m = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * m + 2) / 5 + 1;
        let month = if m < 10 { m + 3 } else { m - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year as i32, month as u8, day as u8)
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Date> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        Date::new(digits(bytes, 0, 4)? as i32, digits(bytes, 5, 2)? as u8, digits(bytes, 8, 2)? as u8)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn digits(bytes: &[u8], at: usize, len: usize) -> Option<u32> {
    bytes.get(at..at + len)?.iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

/// A UTC time in the form AWS writes it, `YYYY-MM-DDTHH:MM:SSZ`, with up to six digits of a fraction: microseconds since the epoch.
/// A leap second (`:60`) counts as the first of the next minute. `None` for anything else.
pub fn parse_utc(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let date = Date::parse(text.get(..10)?)?;
    if bytes.get(10) != Some(&b'T') || bytes.get(13) != Some(&b':') || bytes.get(16) != Some(&b':') || bytes.last() != Some(&b'Z')
    {
        return None;
    }
    let (hour, minute, second) = (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?, digits(bytes, 17, 2)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let fraction = match &bytes[19..bytes.len() - 1] {
        [] => 0,
        [b'.', rest @ ..] if (1..=6).contains(&rest.len()) => {
            i64::from(digits(rest, 0, rest.len())?) * 10i64.pow(6 - rest.len() as u32)
        }
        _ => return None,
    };
    Some(i64::from(date.0) * MICROS_PER_DAY + i64::from(hour * 3600 + minute * 60 + second) * 1_000_000 + fraction)
}

/// Writes a point in time as [`parse_utc`] reads it; the fraction only where there is one, without trailing zeros.
pub fn format_utc(micros: i64) -> String {
    let date = Date::of_micros(micros);
    let in_day = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (in_day / 1_000_000, in_day % 1_000_000);
    let mut text = format!("{date}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days_and_times() {
        assert_eq!(Date::new(1970, 1, 1), Some(Date(0)));
        assert_eq!(Date::new(2000, 2, 29), Some(Date(11_016)));
        assert_eq!(parse_utc("2023-07-10T12:34:56Z"), Some(1_688_992_496_000_000));
        assert_eq!(parse_utc("2023-07-10T12:34:56.5Z"), Some(1_688_992_496_500_000));
    }

    #[test]
    fn what_is_no_utc_time_is_refused() {
        for bad in [
            "",
            "2023-07-10",
            "2023-02-29T00:00:00Z",
            "2023-07-10T24:00:00Z",
            "2023-07-10T12:34:56",
            "2023-07-10T12:34:56+00:00",
            "2023-07-10T12:34:56.Z",
            "2023-07-10T12:34:56.1234567Z",
            "20230710T123456Z",
            "２023-07-10T12:34:56Z",
            "2023-07-10T12:34:5\u{e9}Z",
        ] {
            assert_eq!(parse_utc(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_day_reads_back(days in -719_528i32..2_932_897) {
            let (y, m, d) = Date(days).civil();
            prop_assert_eq!(Date::new(y, m, d), Some(Date(days)));
            prop_assert_eq!(Date::parse(&Date(days).to_string()), Some(Date(days)));
        }

        #[test]
        fn a_time_reads_back(micros in -62_167_219_200_000_000i64..253_402_300_800_000_000) {
            prop_assert_eq!(parse_utc(&format_utc(micros)), Some(micros));
        }
    }
}
