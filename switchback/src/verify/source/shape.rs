//! What an object of the source is, by its name: read from "Finding your CloudTrail log files" of the CloudTrail User Guide and not with
//! the aggregator's code.

use crate::generate::{OBJECTS_FILE, TRUTH_FILE};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    LogFile,
    /// CloudTrail's signatures over log files.
    Digest,
    /// Another service's logs in the same tree.
    OtherService,
    /// What `switchback generate` writes beside its log files.
    Truth,
    /// Anything else: nothing says that it holds no records.
    Unknown,
}

/// The path from the folder `AWSLogs` on, where it leads through one.
pub(super) fn from_tree(path: &str) -> Option<&str> {
    let mut at = 0;
    for segment in path.split('/') {
        let end = at + segment.len();
        if segment == "AWSLogs" && end < path.len() {
            return path.get(at..);
        }
        at = end + 1;
    }
    None
}

impl Shape {
    /// The shape of an object by its name in the table: `AWSLogs/[O-ID/]ACCOUNT/FOLDER/…`, or any path outside such a tree.
    pub(crate) fn of(name: &str) -> Shape {
        let log_file = if name.ends_with(".json.gz") { Shape::LogFile } else { Shape::Unknown };
        let Some(below) = name.strip_prefix("AWSLogs/") else {
            let last = name.rsplit('/').next().unwrap_or(name);
            return if [TRUTH_FILE, OBJECTS_FILE].contains(&last) { Shape::Truth } else { log_file };
        };
        let mut parts = below.split('/').peekable();
        parts.next_if(|part| part.starts_with("o-"));
        let (account, folder, is_inside) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().is_some());
        match folder {
            "CloudTrail" | "CloudTrail-Insight" | "CloudTrail-NetworkActivity" | "CloudTrail-Aggregated" => log_file,
            "CloudTrail-Digest" => Shape::Digest,
            // A folder of CloudTrail's that is not known here may hold records.
            _ if folder.starts_with("CloudTrail") => Shape::Unknown,
            _ if is_inside && account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) => Shape::OtherService,
            _ => Shape::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shape, from_tree};

    #[test]
    fn each_name_has_its_shape() {
        for (name, shape) in [
            ("AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/10/a.json.gz", Shape::LogFile),
            ("AWSLogs/o-abc/111122223333/CloudTrail-Insight/eu-west-1/2023/07/10/a.json.gz", Shape::LogFile),
            ("AWSLogs/111122223333/CloudTrail-NetworkActivity/x.json.gz", Shape::LogFile),
            ("AWSLogs/111122223333/CloudTrail-Aggregated/x.json.gz", Shape::LogFile),
            ("copied/b.json.gz", Shape::LogFile),
            ("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/x.json.gz", Shape::Digest),
            ("AWSLogs/111122223333/Config/eu-west-1/x.json.gz", Shape::OtherService),
            ("AWSLogs/o-abc/111122223333/vpcflowlogs/x.log.gz", Shape::OtherService),
            ("truth.json", Shape::Truth),
            ("AWSLogs/111122223333/CloudTrail/eu-west-1/a.json", Shape::Unknown),
            ("AWSLogs/111122223333/CloudTrail-Lake/eu-west-1/a.json.gz", Shape::Unknown),
            ("AWSLogs/111122223333/notes.txt", Shape::Unknown),
            ("AWSLogs/elb/x/y.json.gz", Shape::Unknown),
            ("README.md", Shape::Unknown),
            ("b.json", Shape::Unknown),
            ("", Shape::Unknown),
        ] {
            assert_eq!(Shape::of(name), shape, "{name}");
        }
    }

    #[test]
    fn a_name_starts_at_the_first_folder_of_that_name() {
        for (path, expect) in [
            ("AWSLogs/1/x", Some("AWSLogs/1/x")),
            ("a/b/AWSLogs/1/AWSLogs/2", Some("AWSLogs/1/AWSLogs/2")),
            ("AWSLogs/", Some("AWSLogs/")),
            ("x/AWSLogs", None),
            ("xAWSLogs/1", None),
            ("AWSLogs2/1", None),
            ("", None),
        ] {
            assert_eq!(from_tree(path), expect, "{path}");
            let theirs = common::cloudtrail::source_object(path);
            assert_eq!(from_tree(path).unwrap_or(path), theirs, "{path}");
        }
    }
}
