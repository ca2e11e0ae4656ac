//! Whose message this is: its key, and the delivery day that its ledger entry is kept under.
//!
//! A redo must come to the same answer as the first reading, so the answer is a function of the message alone; what is
//! remembered between messages only saves time.

use super::ledger::Day;
use common::cloudtrail::{Name, file_id};
use common::message::{EndOfFile, FileId, Key, Slot};
use std::collections::HashMap;

/// Log files remembered, so that a name is hashed and read once per file and not once per record.
const REMEMBERED: usize = 16_384;

/// A message, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Not one of ours: no such key, or a value that does not belong to it.
    Foreign,
    /// A record of a log file.
    Record(Key, Day),
    /// The end message of a log file.
    End(Key, Day, Box<EndOfFile>),
}

/// Looks at messages.
#[derive(Debug, Default)]
pub struct Identifier {
    /// The raw `source_object` token that was found to hash to the file, and the day it tells.
    known: HashMap<FileId, (Box<[u8]>, Day)>,
    /// The last of them: records of a log file come one behind the other.
    last: Option<(FileId, Box<[u8]>, Day)>,
}

impl Identifier {
    /// Looks at one message.
    pub fn identify(&mut self, key: &[u8], value: &[u8]) -> Identity {
        let Some(key) = Key::parse(key) else { return Identity::Foreign };
        if key.slot == Slot::End {
            return match EndOfFile::parse(value) {
                Some(end) if file_id(&end.source_object) == key.file => {
                    let day = Name::parse(&end.source_object).delivery.into();
                    Identity::End(key, day, Box::new(end))
                }
                _ => Identity::Foreign,
            };
        }
        let Some(rest) = behind_head(value) else { return Identity::Foreign };
        if let Some((file, token, day)) = &self.last
            && *file == key.file
            && rest.starts_with(token)
        {
            // A string that begins as this whole string does, closing quote and all, is this one.
            return Identity::Record(key, *day);
        }
        match string_token(rest).and_then(|token| self.day(key.file, token)) {
            Some(day) => Identity::Record(key, day),
            None => Identity::Foreign,
        }
    }

    fn day(&mut self, file: FileId, token: &[u8]) -> Option<Day> {
        let day = self.known_day(file, token)?;
        self.last = Some((file, token.into(), day));
        Some(day)
    }

    fn known_day(&mut self, file: FileId, token: &[u8]) -> Option<Day> {
        if let Some((known, day)) = self.known.get(&file)
            && **known == *token
        {
            return Some(*day);
        }
        let name: String = serde_json::from_slice(token).ok()?;
        if file_id(&name) != file {
            return None;
        }
        let day = Name::parse(&name).delivery.into();
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(file, (token.into(), day));
        Some(day)
    }
}

/// What stands behind `"source_object":` at the head of a record message: the contract fixes the keys before it.
fn behind_head(value: &[u8]) -> Option<&[u8]> {
    let rest = value.strip_prefix(b"{\"v\":1,\"kind\":\"")?;
    let rest = rest.strip_prefix(b"event").or_else(|| rest.strip_prefix(b"rejection"))?;
    rest.strip_prefix(b"\",\"source_object\":")
}

/// The JSON string (quotes included) that `text` begins with.
fn string_token(text: &[u8]) -> Option<&[u8]> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return Some(&text[..=at]),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::time::Date;

    const OBJECT: &str =
        "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/10/111122223333_CloudTrail_eu-west-1_20230711T0005Z_AbCd.json.gz";

    fn record(index: u32) -> (Vec<u8>, Vec<u8>) {
        let key = Key { file: file_id(OBJECT), slot: Slot::Record(index) };
        (key.to_string().into(), format!(r#"{{"v":1,"kind":"event","source_object":"{OBJECT}","source_index":{index}}}"#).into())
    }

    #[test]
    fn a_record_tells_its_delivery_day() {
        let (key, value) = record(3);
        let day = Day::from(Date::new(2023, 7, 11));
        let expect = Identity::Record(Key { file: file_id(OBJECT), slot: Slot::Record(3) }, day);
        let mut identifier = Identifier::default();
        assert_eq!(identifier.identify(&key, &value), expect);
        assert_eq!(identifier.identify(&key, &value), expect, "remembered");
    }

    #[test]
    fn memory_does_not_change_the_answer() {
        let (key, value) = record(0);
        let forged = String::from_utf8_lossy(&value).replace("eu-west-1_", "eu-west-2_").into_bytes();
        let cases: [(&[u8], &[u8]); 5] = [
            (b"", &value),
            (b"x/1", &value),
            (&key, b"{}"),
            (&key, &forged),
            (&key, b"{\"v\":1,\"kind\":\"event\",\"source_object\":\"a\\"),
        ];
        let mut warm = Identifier::default();
        warm.identify(&key, &value);
        for (key, value) in cases {
            assert_eq!(warm.identify(key, value), Identity::Foreign, "{}", String::from_utf8_lossy(value));
            assert_eq!(Identifier::default().identify(key, value), Identity::Foreign);
        }
    }

    /// What is remembered must not be taken for a longer or another name.
    #[test]
    fn names_that_begin_alike_are_told_apart() {
        let mut warm = Identifier::default();
        let objects = ["a.json.gz", "a.json.gz.json.gz", "b.json.gz", "a.json.gz", "a"];
        let day = Day::from(None);
        for object in objects {
            let value = format!(r#"{{"v":1,"kind":"event","source_object":"{object}","source_index":0}}"#);
            for other in objects {
                let key = Key { file: file_id(other), slot: Slot::Record(0) };
                let expect = if object == other { Identity::Record(key, day) } else { Identity::Foreign };
                assert_eq!(
                    warm.identify(key.to_string().as_bytes(), value.as_bytes()),
                    expect,
                    "{object} under the key of {other}"
                );
            }
        }
    }

    #[test]
    fn an_end_message_must_belong_to_its_key() {
        let value = format!(r#"{{"v":1,"kind":"end","source_object":"{OBJECT}","status":"complete","records":0}}"#);
        let key = Key { file: file_id(OBJECT), slot: Slot::End };
        assert!(matches!(Identifier::default().identify(key.to_string().as_bytes(), value.as_bytes()), Identity::End(..)));
        let other = Key { file: FileId(1), slot: Slot::End };
        assert_eq!(Identifier::default().identify(other.to_string().as_bytes(), value.as_bytes()), Identity::Foreign);
    }
}
