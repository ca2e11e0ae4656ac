//! Event times as the topic contract has them: the shape by its words, the moment by jiff. The stages' own time code is what is checked, so
//! none of it is used here.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// Moments are counted from here. Civil times, because the years that the contract allows go beyond those of jiff's timestamps.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The shape of a time, a `0` standing for any digit; up to six digits of a fraction and a `Z` follow.
const SHAPE: &[u8] = b"0000-00-00T00:00:00";

/// Where the seconds stand in it.
const SECONDS: std::ops::Range<usize> = 17..19;

/// The moment that a text names, in microseconds since 1970: `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`, a leap second counting as the first of the
/// next minute. `None` for anything else, and for what [`written`] cannot write.
pub(crate) fn read(text: &str) -> Option<i64> {
    let civil = text.strip_suffix('Z').filter(|civil| has_shape(civil.as_bytes()))?;
    let leap = &civil[SECONDS] == "60";
    let time: DateTime = if leap {
        format!("{}59{}", &civil[..SECONDS.start], &civil[SECONDS.end..]).parse().ok()?
    } else {
        civil.parse().ok()?
    };
    let time = time.checked_add(SignedDuration::from_secs(i64::from(leap))).ok()?;
    i64::try_from(time.duration_since(EPOCH).as_micros()).ok()
}

/// A moment in the contract's form: a fraction only where there is one, without zeros at its end. `None` outside the years 0 to 9999.
pub(crate) fn written(micros: i64) -> Option<String> {
    let time = EPOCH.checked_add(SignedDuration::from_micros(micros)).ok()?;
    (time.year() >= 0).then(|| format!("{time}Z"))
}

fn has_shape(civil: &[u8]) -> bool {
    let Some((whole, fraction)) = civil.split_at_checked(SHAPE.len()) else { return false };
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    let is_fraction = match fraction {
        [] => true,
        [b'.', digits @ ..] => (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_fraction && whole.iter().zip(SHAPE).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::time::{format_utc, parse_utc};
    use proptest::prelude::*;

    /// What the stages make of a text: they take it for a time when it reads back from their own form.
    fn by_the_stages(text: &str) -> Option<i64> {
        parse_utc(text).filter(|micros| parse_utc(&format_utc(*micros)) == Some(*micros))
    }

    #[track_caller]
    fn agree(text: &str) {
        assert_eq!(read(text), by_the_stages(text), "{text}");
    }

    #[test]
    fn both_readers_agree_at_the_edges() {
        assert_eq!(read("2023-07-10T12:34:56.5Z"), Some(1_688_992_496_500_000));
        for text in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "2000-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "2016-12-31T23:59:60.25Z",
            "2016-12-31T23:59:61Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "9999-12-31T23:59:60Z",
            "2023-07-10T24:00:00Z",
            "2023-07-10T12:60:00Z",
            "2023-00-10T12:00:00Z",
            "2023-07-00T12:00:00Z",
            "2023-07-10T12:34:56",
            "2023-07-10 12:34:56Z",
            "2023-07-10T12:34:56z",
            "2023-07-10T12:34:56+00:00",
            "2023-07-10T12:34:56.Z",
            "2023-07-10T12:34:56,5Z",
            "2023-07-10T12:34:56.1234567Z",
            "2023-07-10T12:34:56Z[UTC]",
            "2023-07-10T12:34Z",
            "+002023-07-10T12:34:56Z",
            "２023-07-10T12:34:56Z",
            "2023-07-10T12:34:5\u{e9}Z",
            "",
            "Z",
        ] {
            agree(text);
        }
    }

    proptest! {
        #[test]
        fn both_readers_agree_on_what_looks_like_a_time(text in r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,7})?Z") {
            agree(&text);
        }

        #[test]
        fn both_writers_agree_and_what_is_written_reads_back(micros in -62_167_219_200_000_000i64..253_402_300_800_000_000) {
            prop_assert_eq!(written(micros), Some(format_utc(micros)));
            prop_assert_eq!(read(&format_utc(micros)), Some(micros));
        }
    }
}
