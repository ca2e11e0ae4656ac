//! The log files of a world: real bytes as CloudTrail delivers them, good and bad, and what must become of every record of them.

use crate::chance::Chance;
use common::cloudtrail::file_id;
use common::message::FileId;
use flate2::Compression;
use flate2::write::GzEncoder;
use persister::sink::parquet::Layout;
use std::fmt::Write as _;
use std::io::Write as _;

/// A log file through its life: its content may change once.
#[derive(Debug)]
pub struct LogFile {
    /// Object path from `AWSLogs/` on.
    pub object: String,
    /// Its identity.
    pub id: FileId,
    /// Its contents, one after the other.
    pub versions: Vec<Version>,
    /// The content that lies in the bucket now.
    pub current: usize,
}

/// One content.
#[derive(Debug)]
pub struct Version {
    /// The bytes of the object.
    pub gz: Vec<u8>,
    /// The directory of each record's row; `None` when the file cannot be read at all.
    pub rows: Option<Vec<String>>,
}

impl LogFile {
    /// Log file number `n` of a world.
    pub fn make(n: u64, layout: Layout, chance: &mut Chance) -> LogFile {
        // Few days, so that they share ledger buckets; several, so that some are evicted.
        let day = chance.between(1, 5);
        let object = format!(
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/{day:02}/111122223333_CloudTrail_eu-west-1_202307{day:02}T0005Z_{n}.json.gz"
        );
        let good = |chance: &mut Chance, salt: u64| {
            let records = if chance.per_mille(30) { chance.between(10, 30) } else { chance.below(6) };
            readable(n, salt, records, day, layout, chance)
        };
        let versions = match chance.below(10) {
            0 => vec![unreadable(chance)],
            1 => vec![unreadable(chance), good(chance, 0)],
            2 | 3 => vec![good(chance, 0), good(chance, 1)],
            4 => vec![good(chance, 0), unreadable(chance)],
            _ => vec![good(chance, 0)],
        };
        LogFile { id: file_id(&object), object, versions, current: 0 }
    }

    /// What must be in the table in the end: the rows of the first content that could be read and was delivered.
    pub fn truth(&self) -> Option<&[String]> {
        self.versions[..=self.current].iter().find_map(|version| version.rows.as_deref())
    }
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a Vec cannot fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

fn unreadable(chance: &mut Chance) -> Version {
    let gz = match chance.below(3) {
        0 => b"not a gzip stream".to_vec(),
        1 => {
            let mut cut = gz(br#"{"Records":[{"eventName":"a"}]}"#);
            cut.truncate(cut.len() - 9);
            cut
        }
        _ => gz(br#"{"Other":[]}"#),
    };
    Version { gz, rows: None }
}

fn readable(n: u64, salt: u64, records: u64, delivered: u64, layout: Layout, chance: &mut Chance) -> Version {
    let mut content = r#"{"Records":["#.to_owned();
    let mut rows = Vec::new();
    for index in 0..records {
        if index > 0 {
            content.push(',');
        }
        rows.push(record(&mut content, n, salt, index, delivered, layout, chance));
    }
    content.push_str("]}");
    // A file without records must differ from another one all the same.
    let _ = write!(content, "{:1$}", "", salt as usize);
    Version { gz: gz(content.as_bytes()), rows: Some(rows) }
}

/// Writes one element of `Records` and says where its row belongs.
fn record(content: &mut String, n: u64, salt: u64, index: u64, delivered: u64, layout: Layout, chance: &mut Chance) -> String {
    let rejected = format!("rejected/delivery_date=2023-07-{delivered:02}");
    let hour = chance.below(2) * 12;
    let time = match chance.below(8) {
        // Late events, from the month before.
        0 => format!("2023-06-{:02}T{hour:02}:59:59Z", chance.between(1, 30)),
        1 | 2 => format!("2023-07-{:02}T{hour:02}:00:00Z", (delivered - 1).max(1)),
        _ => format!("2023-07-{delivered:02}T{hour:02}:10:00Z"),
    };
    match chance.below(20) {
        0 => {
            content.push_str("17");
            return rejected;
        }
        1 => {
            content.push_str(r#"{"eventName":"x","eventName":"y"}"#);
            return rejected;
        }
        2 => {
            let _ = write!(content, r#"{{"eventName":"timeless","eventID":"{n}-{salt}-{index}"}}"#);
            let none = "__HIVE_DEFAULT_PARTITION__";
            return match layout {
                Layout::DateHour => format!("data/event_date={none}/event_hour={none}"),
                _ => format!("data/event_date={none}"),
            };
        }
        _ => {}
    }
    let _ = write!(
        content,
        r#"{{"eventVersion":"1.08","eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","userIdentity":{{"type":"AWSAccount","accountId":"111122223333"}},"requestParameters":{{"key":"k{index}"}},"readOnly":true,"eventID":"{n}-{salt}-{index}"}}"#
    );
    let date = &time[..10];
    match layout {
        Layout::DateHour => format!("data/event_date={date}/event_hour={hour:02}"),
        _ => format!("data/event_date={date}"),
    }
}
