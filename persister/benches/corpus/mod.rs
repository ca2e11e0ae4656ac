//! What the benches run on, and the clock they go by.
//!
//! `SWITCHBACK_CORPUS` names a tree of log files (recorded ones, or what `switchback generate` makes); they go through the real
//! transform. Without it a small made-up corpus is used, so that the benches run anywhere; its figures are not for publishing.

use aggregator::transform::{Scratch, transform};
use criterion::{BenchmarkGroup, measurement::WallTime};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::Duration;

/// More would only make the benches slower.
const MAX_RECORDS: usize = 20_000;

/// Messages in the order of their offsets: key and value.
pub(crate) struct Corpus {
    pub(crate) messages: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) records: usize,
}

impl Corpus {
    pub(crate) fn load() -> Corpus {
        let mut corpus = Corpus { messages: Vec::new(), records: 0 };
        match std::env::var("SWITCHBACK_CORPUS") {
            Ok(tree) => corpus.read(Path::new(&tree), ""),
            Err(_) => (0..14).for_each(|file| corpus.made_up(file)),
        }
        corpus
    }

    fn read(&mut self, directory: &Path, below: &str) {
        let mut names: Vec<_> = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("entry")).collect();
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names {
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.read(&entry.path(), &format!("{name}/"));
            } else if name.ends_with(".json.gz") && self.records < MAX_RECORDS {
                self.take(&name, &std::fs::read(entry.path()).expect("a file"));
            }
        }
    }

    /// Records of a few shapes, with what varies in real ones varied.
    fn made_up(&mut self, file: u64) {
        use std::io::Write as _;
        let account = 111_122_220_000 + file % 5;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"{\"Records\":[").expect("memory");
        for index in 0..1_500u64 {
            let unique = (file * 1_500 + index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let id = format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", unique >> 32, index, file, index % 4096, unique >> 16);
            let comma = if index == 0 { "" } else { "," };
            let (name, body, answer) = match index % 3 {
                0 => ("GetObject", format!(r#"{{"bucketName":"logs-{account}","key":"a/b/{unique}.gz"}}"#), "null".to_owned()),
                1 => (
                    "DescribeInstances",
                    format!(r#"{{"maxResults":{},"filterSet":{{"items":[{{"name":"vpc-id"}}]}}}}"#, index % 100),
                    "null".to_owned(),
                ),
                _ => (
                    "AssumeRole",
                    format!(
                        r#"{{"roleArn":"arn:aws:iam::{account}:role/ci","roleSessionName":"s-{unique}","durationSeconds":3600}}"#
                    ),
                    format!(r#"{{"credentials":{{"accessKeyId":"ASIA{unique:016X}","expiration":"Jul 10, 2023 1:00:00 PM"}}}}"#),
                ),
            };
            let record = format!(
                r#"{comma}{{"eventVersion":"1.08","userIdentity":{{"type":"AssumedRole","principalId":"AROA2X:ci-{}","arn":"arn:aws:sts::{account}:assumed-role/ci/s-{}","accountId":"{account}","accessKeyId":"ASIA{:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROA2X","arn":"arn:aws:iam::{account}:role/ci","accountId":"{account}","userName":"ci"}},"webIdFederationData":{{}},"attributes":{{"creationDate":"2023-07-10T11:00:00Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2023-07-10T12:{:02}:{:02}Z","eventSource":"{}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"10.0.{}.7","userAgent":"aws-sdk-go/1.44.{} (go1.19; linux; amd64)","requestParameters":{body},"responseElements":{answer},"requestID":"{id}","eventID":"{id}","readOnly":{},"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.2","cipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","clientProvidedHostHeader":"x.eu-west-1.amazonaws.com"}}}}"#,
                index % 40,
                index % 40,
                index % 40,
                index % 10,
                unique % 60,
                ["s3", "ec2", "sts"][index as usize % 3],
                index % 200,
                index % 30,
                index % 3 != 2,
            );
            gz.write_all(record.as_bytes()).expect("memory");
        }
        gz.write_all(b"]}").expect("memory");
        let object = format!(
            "AWSLogs/{account}/CloudTrail/eu-west-1/2023/07/10/{account}_CloudTrail_eu-west-1_20230710T1215Z_{file:016}.json.gz"
        );
        self.take(&object, &gz.finish().expect("memory"));
    }

    fn take(&mut self, path: &str, gz: &[u8]) {
        let object = common::cloudtrail::source_object(path);
        let transformed = transform(object, "etag", gz, &mut Scratch::default());
        self.records += transformed.tally.records as usize;
        self.messages.extend(transformed.run.messages.iter().map(|(key, value)| (key.to_vec(), value.to_vec())));
    }
}

/// What this thread has run so far: neighbours on a shared machine do not count.
pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below a second"))
}

/// Benches one pass over the corpus; the time shown is per record. `pass` says how long what counts of it took.
pub(crate) fn per_record(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    corpus: &Corpus,
    mut pass: impl FnMut() -> Duration,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|passes| {
            let total: Duration = (0..passes).map(|_| pass()).sum();
            Duration::from_nanos(u64::try_from(total.as_nanos() / corpus.records as u128).expect("a short time"))
        });
    });
}

/// [`per_record`] of all that `pass` does.
pub(crate) fn all_of(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, corpus: &Corpus, mut pass: impl FnMut()) {
    per_record(group, name, corpus, || {
        let started = cpu();
        pass();
        cpu() - started
    });
}
