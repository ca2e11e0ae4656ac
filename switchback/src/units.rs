//! Sizes and durations as people type them: `128MiB`, `5m`.

use std::time::Duration;

/// Splits `128MiB` into `128` and `MiB`.
fn split(text: &str) -> Result<(u64, &str), String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..at].parse().map_err(|_| format!("{text:?} does not start with a whole number"))?;
    Ok((number, text[at..].trim()))
}

/// Reads bytes: a whole number with `B`, `KiB`, `MiB`, `GiB` (or `K`, `M`, `G`) or nothing behind it.
///
/// # Errors
/// A message for the person who typed it.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let shift = match unit {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        _ => return Err(format!("unknown unit {unit:?}: use KiB, MiB or GiB")),
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text:?} is too large"))
}

/// Reads a duration: a whole number with `ms`, `s`, `m`, `h` or `d` behind it.
///
/// # Errors
/// A message for the person who typed it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("unknown unit {unit:?}: use ms, s, m, h or d")),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(|| format!("{text:?} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_as_people_mean_them() {
        assert_eq!(size("128MiB"), Ok(128 << 20));
        assert_eq!(size("1G"), Ok(1 << 30));
        assert_eq!(size("42"), Ok(42));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn what_is_neither_is_refused_with_a_reason() {
        for bad in ["", "MiB", "1.5GiB", "-1", "12 parsecs", "99999999999999999999", "99999999999999999G"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        for bad in ["", "5", "m", "5 fortnights", "99999999999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
