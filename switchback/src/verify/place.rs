//! Which directory a row belongs in: written from the documented layouts, with the days of jiff. The persister's own layouts are what is
//! checked, so none of their code is used here.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

/// Event times count from here.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Hive's word for no value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// What of an event decides its directory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Event<'a> {
    /// Microseconds since 1970.
    pub(crate) time: Option<i64>,
    pub(crate) account: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    /// Name of the log file.
    pub(crate) object: &'a str,
}

/// The directory of an event in a table of this layout; `None` when there is no such layout.
pub(crate) fn of_event(layout: &str, event: &Event<'_>) -> Option<String> {
    let moment = event.time.and_then(moment);
    let day = |form| moment.map_or(NO_VALUE.to_owned(), |moment| moment.strftime(form).to_string());
    let named = || Folders::of(event.object);
    let account = || event.account.filter(|text| is_account(text)).or_else(|| named().account).unwrap_or(NO_VALUE);
    let region = || event.region.filter(|text| is_region(text)).or_else(|| named().region).unwrap_or(NO_VALUE);
    Some(match layout {
        "date" => format!("data/event_date={}", day("%Y-%m-%d")),
        "date-hour" => format!("data/event_date={}/event_hour={}", day("%Y-%m-%d"), day("%H")),
        "account-region-date" => format!("data/account_id={}/region={}/event_date={}", account(), region(), day("%Y-%m-%d")),
        "security-lake" => format!("data/region={}/accountId={}/eventDay={}", region(), account(), day("%Y%m%d")),
        _ => return None,
    })
}

/// The directory of a rejected record, which goes by the day its log file was delivered.
pub(crate) fn of_rejected(object: Option<&str>) -> String {
    let day = object.and_then(|object| stamped(object).or_else(|| Folders::of(object).day));
    format!("rejected/delivery_date={}", day.map_or(NO_VALUE.to_owned(), |day| day.strftime("%Y-%m-%d").to_string()))
}

/// The civil time of a moment from 1970 to 9999: what is outside has no date.
fn moment(micros: i64) -> Option<DateTime> {
    let moment = EPOCH.checked_add(SignedDuration::from_micros(micros)).ok()?;
    (moment.year() >= 1970).then_some(moment)
}

/// What the folders of a name tell: `AWSLogs/[O-ID/]ACCOUNT/FOLDER/REGION/YYYY/MM/DD/`.
#[derive(Debug, Default)]
struct Folders<'a> {
    account: Option<&'a str>,
    region: Option<&'a str>,
    day: Option<Date>,
}

impl<'a> Folders<'a> {
    fn of(object: &'a str) -> Folders<'a> {
        let mut parts: Vec<&str> = object.split('/').collect();
        if parts.first() != Some(&"AWSLogs") {
            return Folders::default();
        }
        if parts.get(1).is_some_and(|part| part.starts_with("o-")) {
            parts.remove(1);
        }
        let number = |at: usize| parts.get(at).and_then(|part| part.parse::<i16>().ok());
        let day = || day(number(4)?, number(5)?, number(6)?);
        Folders {
            account: parts.get(1).copied().filter(|text| is_account(text)),
            region: parts.get(3).copied().filter(|text| is_region(text)),
            day: day(),
        }
    }
}

/// The day in the `_YYYYMMDDTHHmmZ` of a log file's own name.
fn stamped(object: &str) -> Option<Date> {
    let name = object.rsplit('/').next()?;
    name.split('_').find_map(|part| {
        let stamp = part.get(..13)?;
        let is_stamp = stamp.bytes().enumerate().all(|(at, byte)| if at == 8 { byte == b'T' } else { byte.is_ascii_digit() });
        let number = |range: std::ops::Range<usize>| stamp[range].parse::<i16>().ok();
        if is_stamp { day(number(0..4)?, number(4..6)?, number(6..8)?) } else { None }
    })
}

fn day(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().filter(|date| date.year() >= 0)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use persister::sink::parquet::layout::{Layout, Place, rejected_dir};
    use proptest::prelude::*;

    const LAYOUTS: [&str; 4] = ["date", "date-hour", "account-region-date", "security-lake"];
    const OBJECT: &str =
        "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/11/111122223333_CloudTrail_eu-west-1_20230712T0005Z_A.json.gz";

    #[track_caller]
    fn agree(event: &Event<'_>) {
        let place = Place { event_time: event.time, account: event.account, region: event.region, source_object: event.object };
        for layout in LAYOUTS {
            let mut theirs = String::new();
            layout.parse::<Layout>().unwrap().data_dir(&place, &mut theirs);
            assert_eq!(of_event(layout, event), Some(theirs), "{layout} {event:?}");
        }
        let mut theirs = String::new();
        rejected_dir(Some(event.object), &mut theirs);
        assert_eq!(of_rejected(Some(event.object)), theirs, "{event:?}");
    }

    #[test]
    fn each_layout_has_its_directories() {
        let event = Event { time: Some(1_688_992_496_000_000), account: None, region: Some("us-east-1"), object: OBJECT };
        let ours = LAYOUTS.map(|layout| of_event(layout, &event).unwrap());
        let expect = [
            "data/event_date=2023-07-10",
            "data/event_date=2023-07-10/event_hour=12",
            "data/account_id=111122223333/region=us-east-1/event_date=2023-07-10",
            "data/region=us-east-1/accountId=111122223333/eventDay=20230710",
        ];
        assert_eq!(ours, expect);
        assert_eq!(of_rejected(Some(OBJECT)), "rejected/delivery_date=2023-07-12");
        assert_eq!(of_event("by-mood", &event), None);
    }

    #[test]
    fn both_agree_on_names_and_values_that_are_odd() {
        for object in [
            OBJECT,
            "AWSLogs/o-abc/111122223333/CloudTrail/us-east-2/2014/03/06/odd.json.gz",
            "AWSLogs/1/CloudTrail/../x/y",
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/02/29/x_20230229T0000Z_.json.gz",
            "AWSLogs/111122223333/CloudTrail/eu-west-1/-5/1/1/x",
            "AWSLogs",
            "x_20230710T0005Z",
            "x_2023071\u{e9}T0005Z",
            "",
        ] {
            for time in [None, Some(0), Some(-1), Some(i64::MAX), Some(i64::MIN), Some(253_402_300_799_999_999)] {
                agree(&Event { time, account: Some("../../etc"), region: Some("EU=1/"), object });
                agree(&Event { time, account: Some("444455556666"), region: None, object });
            }
        }
    }

    proptest! {
        #[test]
        fn both_agree_on_any_time(micros in any::<i64>(), near in -4_000_000_000_000_000i64..260_000_000_000_000_000) {
            for time in [micros, near] {
                agree(&Event { time: Some(time), object: OBJECT, ..Event::default() });
            }
        }
    }
}
