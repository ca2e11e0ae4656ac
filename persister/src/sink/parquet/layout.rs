//! Which directory a row belongs to. Hive style, `key=value/`, because every reader of Parquet trees knows it.
//!
//! Values come from what AWS wrote, and in the end from whoever made the call; only values of a known shape become part of a key,
//! everything else goes to Hive's own name for "no value".

use super::schema::SCHEMA_VERSION;
use crate::protocol::TableFormat;
use common::cloudtrail::Name;
use common::cloudtrail::name::{is_account, is_region};
use common::time::Date;
use std::fmt;
use std::str::FromStr;

/// Version of the rules below: another version may send the same row to another directory. Part of every chain.
pub const LAYOUT_VERSION: u32 = 1;

/// Hive's name for a partition without a value; readers take it as NULL.
pub const DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// How `data/` is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// `event_date=YYYY-MM-DD`.
    #[default]
    Date,
    /// `event_date=YYYY-MM-DD/event_hour=HH`.
    DateHour,
    /// `account_id=…/region=…/event_date=YYYY-MM-DD`.
    AccountRegionDate,
    /// `region=…/accountId=…/eventDay=YYYYMMDD`, as Amazon Security Lake does.
    SecurityLake,
}

/// A name that is no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown layout {0:?}: one of date, date-hour, account-region-date, security-lake")]
pub struct UnknownLayout(String);

/// What of a row decides its directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// Microseconds since the epoch.
    pub event_time: Option<i64>,
    /// `recipientAccountId`.
    pub account: Option<&'a str>,
    /// `awsRegion`.
    pub region: Option<&'a str>,
    /// The log file, whose name fills in for account and region.
    pub source_object: &'a str,
}

impl Layout {
    /// True when nothing but the time of an event decides where it goes.
    pub(super) fn goes_by_time_alone(self) -> bool {
        matches!(self, Layout::Date | Layout::DateHour)
    }

    /// What a table of this layout is pinned to.
    pub fn format(self) -> TableFormat {
        TableFormat { layout: self.to_string(), layout_version: LAYOUT_VERSION, schema_version: SCHEMA_VERSION }
    }

    /// Writes the directory of an event, `data/…`, without a slash at the end.
    pub fn data_dir(self, place: &Place<'_>, dir: &mut String) {
        dir.push_str("data/");
        match self {
            Layout::Date => date(dir, "event_date", place.event_time),
            Layout::DateHour => {
                date(dir, "event_date", place.event_time);
                dir.push_str("/event_hour=");
                match usable(place.event_time) {
                    Some((_, hour)) => two(dir, hour),
                    None => dir.push_str(DEFAULT_PARTITION),
                }
            }
            Layout::AccountRegionDate => {
                pair(dir, "account_id", account(place));
                dir.push('/');
                pair(dir, "region", region(place));
                dir.push('/');
                date(dir, "event_date", place.event_time);
            }
            Layout::SecurityLake => {
                pair(dir, "region", region(place));
                dir.push('/');
                pair(dir, "accountId", account(place));
                dir.push_str("/eventDay=");
                match usable(place.event_time) {
                    Some((day, _)) => civil(dir, day, ""),
                    None => dir.push_str(DEFAULT_PARTITION),
                }
            }
        }
    }
}

/// Writes the directory of a rejected row: by the date of delivery, which is known from the name alone.
pub fn rejected_dir(source_object: Option<&str>, dir: &mut String) {
    dir.push_str("rejected/delivery_date=");
    match source_object.and_then(|object| Name::parse(object).delivery) {
        Some(day) => civil(dir, day, "-"),
        None => dir.push_str(DEFAULT_PARTITION),
    }
}

fn account<'a>(place: &Place<'a>) -> Option<&'a str> {
    place.account.filter(|text| is_account(text)).or_else(|| Name::parse(place.source_object).account)
}

fn region<'a>(place: &Place<'a>) -> Option<&'a str> {
    place.region.filter(|text| is_region(text)).or_else(|| Name::parse(place.source_object).region)
}

/// Day and hour. Years before the epoch are no event times, and year 0 is no date to many readers.
fn usable(event_time: Option<i64>) -> Option<(Date, u32)> {
    const MICROS_PER_HOUR: i64 = 3_600_000_000;
    let micros = event_time.filter(|&micros| (0..253_402_300_800_000_000).contains(&micros))?;
    Some((Date::of_micros(micros), u32::try_from(micros / MICROS_PER_HOUR % 24).ok()?))
}

fn date(dir: &mut String, key: &str, event_time: Option<i64>) {
    dir.push_str(key);
    dir.push('=');
    match usable(event_time) {
        Some((day, _)) => civil(dir, day, "-"),
        None => dir.push_str(DEFAULT_PARTITION),
    }
}

fn pair(dir: &mut String, key: &str, value: Option<&str>) {
    dir.push_str(key);
    dir.push('=');
    dir.push_str(value.unwrap_or(DEFAULT_PARTITION));
}

/// Once per row, so not through `format!`.
fn civil(dir: &mut String, day: Date, between: &str) {
    let (year, month, day) = day.civil();
    let year = year.unsigned_abs();
    two(dir, year / 100);
    two(dir, year % 100);
    dir.push_str(between);
    two(dir, u32::from(month));
    dir.push_str(between);
    two(dir, u32::from(day));
}

fn two(dir: &mut String, number: u32) {
    for digit in [number / 10 % 10, number % 10] {
        dir.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(name: &str) -> Result<Layout, UnknownLayout> {
        match name {
            "date" => Ok(Layout::Date),
            "date-hour" => Ok(Layout::DateHour),
            "account-region-date" => Ok(Layout::AccountRegionDate),
            "security-lake" => Ok(Layout::SecurityLake),
            _ => Err(UnknownLayout(name.to_owned())),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Date => "date",
            Layout::DateHour => "date-hour",
            Layout::AccountRegionDate => "account-region-date",
            Layout::SecurityLake => "security-lake",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Layout; 4] = [Layout::Date, Layout::DateHour, Layout::AccountRegionDate, Layout::SecurityLake];
    const OBJECT: &str =
        "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/11/111122223333_CloudTrail_eu-west-1_20230711T0005Z_A.json.gz";

    fn dir(layout: Layout, place: Place<'_>) -> String {
        let mut dir = String::new();
        layout.data_dir(&place, &mut dir);
        dir
    }

    #[test]
    fn each_layout_has_its_directories() {
        let place = Place {
            event_time: common::time::parse_utc("2023-07-10T09:59:59Z"),
            account: Some("444455556666"),
            region: Some("us-east-1"),
            source_object: OBJECT,
        };
        assert_eq!(
            ALL.map(|layout| dir(layout, place)),
            [
                "data/event_date=2023-07-10",
                "data/event_date=2023-07-10/event_hour=09",
                "data/account_id=444455556666/region=us-east-1/event_date=2023-07-10",
                "data/region=us-east-1/accountId=444455556666/eventDay=20230710",
            ]
        );
    }

    #[test]
    fn the_name_of_the_log_file_fills_in_and_what_is_unfit_becomes_no_value() {
        let place = Place { account: Some("../../etc"), region: Some("EU=1/"), source_object: OBJECT, event_time: Some(-1) };
        let none = DEFAULT_PARTITION;
        assert_eq!(
            dir(Layout::AccountRegionDate, place),
            format!("data/account_id=111122223333/region=eu-west-1/event_date={none}")
        );
        let place = Place { source_object: "x", ..place };
        assert_eq!(dir(Layout::SecurityLake, place), format!("data/region={none}/accountId={none}/eventDay={none}"));
        assert_eq!(dir(Layout::DateHour, place), format!("data/event_date={none}/event_hour={none}"));
    }

    #[test]
    fn a_rejected_row_goes_to_its_day_of_delivery() {
        let mut dirs = [String::new(), String::new()];
        rejected_dir(Some(OBJECT), &mut dirs[0]);
        rejected_dir(None, &mut dirs[1]);
        assert_eq!(dirs, ["rejected/delivery_date=2023-07-11", "rejected/delivery_date=__HIVE_DEFAULT_PARTITION__"]);
    }

    #[test]
    fn a_layout_reads_back_by_its_name() {
        for layout in ALL {
            assert_eq!(layout.to_string().parse(), Ok(layout));
        }
        assert!("Date".parse::<Layout>().is_err());
    }
}
