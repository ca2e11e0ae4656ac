//! What the name of an object tells: whether it is a log file, whose, from where, delivered when.
//!
//! Source: "Finding your CloudTrail log files" of the CloudTrail User Guide:
//! `[prefix/]AWSLogs/[O-ID/]ACCOUNT/FOLDER/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz`.
//! The date is the one of delivery. Names are read leniently: what cannot be told is `None`, never an error.

use crate::message::FileId;
use crate::time::Date;
use sha2::{Digest, Sha256};

/// Which of CloudTrail's folders an object lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Folder {
    /// `CloudTrail`: management and data events.
    Events,
    /// `CloudTrail-Insight`.
    Insight,
    /// `CloudTrail-NetworkActivity`.
    NetworkActivity,
    /// `CloudTrail-Aggregated`.
    Aggregated,
    /// `CloudTrail-Digest`: signatures over log files, no log files themselves.
    Digest,
    /// An object below `AWSLogs/` in a folder we do not know: another service's logs.
    Other,
    /// Not below `AWSLogs/`: taken as a log file if it ends in `.json.gz`.
    Loose,
}

/// What a name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// The folder.
    pub folder: Folder,
    /// The account that the trail delivers for: twelve digits.
    pub account: Option<&'a str>,
    /// The region folder.
    pub region: Option<&'a str>,
    /// UTC date of delivery, from the stamp in the file name, else from the folders.
    pub delivery: Option<Date>,
}

/// The object path from `AWSLogs/` on, so that the same file in a copied bucket or under another prefix is the same file;
/// a path outside such a tree stays as it is.
pub fn source_object(path: &str) -> &str {
    if path.starts_with("AWSLogs/") {
        return path;
    }
    path.find("/AWSLogs/").map_or(path, |at| &path[at + 1..])
}

/// The identity of a log file, from its [`source_object`].
pub fn file_id(source_object: &str) -> FileId {
    let digest = Sha256::digest(source_object.as_bytes());
    let mut first = [0u8; 16];
    first.copy_from_slice(&digest[..16]);
    FileId(u128::from_be_bytes(first))
}

impl<'a> Name<'a> {
    /// Reads a [`source_object`].
    pub fn parse(source_object: &'a str) -> Name<'a> {
        let delivery = stamp(source_object);
        let Some(below) = source_object.strip_prefix("AWSLogs/") else {
            return Name { folder: Folder::Loose, account: None, region: None, delivery };
        };
        let mut parts = below.split('/');
        let mut account = parts.next().unwrap_or("");
        if account.starts_with("o-") {
            account = parts.next().unwrap_or("");
        }
        let folder = match parts.next().unwrap_or("") {
            "CloudTrail" => Folder::Events,
            "CloudTrail-Insight" => Folder::Insight,
            "CloudTrail-NetworkActivity" => Folder::NetworkActivity,
            "CloudTrail-Aggregated" => Folder::Aggregated,
            "CloudTrail-Digest" => Folder::Digest,
            _ => Folder::Other,
        };
        let region = parts.next();
        let delivery = delivery.or_else(|| {
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        });
        Name {
            folder,
            account: Some(account).filter(|text| is_account(text)),
            region: region.filter(|text| is_region(text)),
            delivery,
        }
    }

    /// True for what the aggregator reads: log files, not digests or other services' objects.
    pub fn is_log_file(&self, source_object: &str) -> bool {
        !matches!(self.folder, Folder::Digest | Folder::Other) && source_object.ends_with(".json.gz")
    }
}

/// Twelve digits; anything else is not fit for a directory name.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Lower-case letters, digits and hyphens; anything else is not fit for a directory name.
pub fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The date in `…_YYYYMMDDTHHmmZ…` of the file name.
fn stamp(source_object: &str) -> Option<Date> {
    let file = source_object.rsplit('/').next()?;
    file.split('_').find_map(|part| {
        let bytes = part.as_bytes();
        let digits = |range: std::ops::Range<usize>| -> Option<u32> {
            let text = part.get(range)?;
            text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
        };
        (bytes.get(8) == Some(&b'T') && digits(9..13).is_some()).then_some(())?;
        Date::new(i32::try_from(digits(0..4)?).ok()?, u8::try_from(digits(4..6)?).ok()?, u8::try_from(digits(6..8)?).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_trail_under_a_prefix_is_read() {
        let path = "corp/logs/AWSLogs/o-abc123/111122223333/CloudTrail/eu-west-1/2023/07/10/111122223333_CloudTrail_eu-west-1_20230711T0005Z_AbCd.json.gz";
        let object = source_object(path);
        assert!(object.starts_with("AWSLogs/o-abc123/"));
        let name = Name::parse(object);
        assert_eq!(
            name,
            Name {
                folder: Folder::Events,
                account: Some("111122223333"),
                region: Some("eu-west-1"),
                delivery: Date::new(2023, 7, 11)
            }
        );
        assert!(name.is_log_file(object));
    }

    #[test]
    fn digests_and_other_services_are_not_log_files() {
        for object in [
            "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2023/07/10/x.json.gz",
            "AWSLogs/111122223333/Config/eu-west-1/x.json.gz",
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/10/x.txt",
            "manifest.json",
        ] {
            assert!(!Name::parse(object).is_log_file(object), "{object}");
        }
        assert!(Name::parse("a/b.json.gz").is_log_file("a/b.json.gz"));
    }

    #[test]
    fn a_stamp_without_the_underscore_falls_back_to_the_folders() {
        let name = Name::parse("AWSLogs/111122223333/CloudTrail/us-east-2/2014/03/06/odd.json.gz");
        assert_eq!(name.delivery, Date::new(2014, 3, 6));
        assert_eq!(Name::parse("AWSLogs/1/CloudTrail/../x/y").region, None);
    }

    #[test]
    fn the_file_id_is_the_head_of_sha_256() {
        // printf 'AWSLogs/x' | sha256sum
        assert_eq!(
            file_id("AWSLogs/x").to_string(),
            &format!("{:x}", Sha256::digest(b"AWSLogs/x").iter().take(16).fold(0u128, |n, b| n << 8 | u128::from(*b)))[..]
        );
    }
}
