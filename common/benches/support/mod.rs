//! What the benches of the aggregator's side share: log files to work on, and a clock that other processes do not disturb.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::time::{ClockId, clock_gettime};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A tree of log files to measure on; without it they are made here.
const TREE: &str = "SWITCHBACK_BENCH_TREE";
/// Compressed bytes taken of a tree.
const ENOUGH: usize = 16 << 20;

/// One log file.
pub(crate) struct File {
    pub(crate) gz: Vec<u8>,
    pub(crate) content: Vec<u8>,
    /// Records in it.
    pub(crate) records: u64,
}

/// Log files of about `per_file` records, however many there are in the tree.
pub(crate) fn files(per_file: u64) -> Vec<File> {
    let Some(tree) = std::env::var_os(TREE) else {
        return (0..4.max(64 / per_file)).map(|seed| made(seed, per_file)).collect();
    };
    let (mut files, mut bytes, mut folders) = (Vec::new(), 0, vec![PathBuf::from(tree)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the tree can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "gz") && bytes < ENOUGH {
                files.push(read(&path));
                bytes += files.last().map_or(0, |file| file.gz.len());
            }
        }
    }
    files
}

fn read(path: &Path) -> File {
    let gz = std::fs::read(path).expect("a log file can be read");
    let mut content = Vec::new();
    common::cloudtrail::inflate(&gz, usize::MAX / 2, &mut content).expect("a log file inflates");
    let mut records = 0;
    common::cloudtrail::records(&content, |_| {
        records += 1;
        Ok(())
    })
    .expect("a log file has records");
    File { gz, content, records }
}

fn made(seed: u64, records: u64) -> File {
    let mut random = Random(seed + 1);
    let all: Vec<String> = (0..records).map(|_| record(&mut random)).collect();
    let content = format!("{{\"Records\":[{}]}}", all.join(",")).into_bytes();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&content).expect("a Vec takes everything");
    File { gz: encoder.finish().expect("a Vec takes everything"), content, records }
}

/// Of the shape and size of what AWS writes, ids and all.
fn record(random: &mut Random) -> String {
    let account = 100_000_000_000 + random.next() % 20;
    let (service, name, parameters, answer) = [
        (
            "ec2",
            "DescribeRouteTables",
            r#"{"routeTableIdSet":{"items":[{"routeTableId":"rtb-026f5220869c79072"}]},"filterSet":{}}"#,
            "null",
        ),
        (
            "kms",
            "Decrypt",
            r#"{"encryptionContext":{"aws:lambda:FunctionArn":"arn:aws:lambda:eu-west-1:100000000000:function:orders"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
            "null",
        ),
        (
            "iam",
            "CreatePolicy",
            r#"{"policyName":"read","policyDocument":"{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"s3:GetObject\"], \"Resource\": \"*\"}]}"}"#,
            r#"{"policy":{"arn":"arn:aws:iam::100000000000:policy/read","attachmentCount":0,"isAttachable":true,"createDate":"Mar 1, 2026 9:08:38 AM"}}"#,
        ),
        (
            "sts",
            "AssumeRole",
            r#"{"roleArn":"arn:aws:iam::100000000000:role/deploy","roleSessionName":"ci","durationSeconds":3600}"#,
            r#"{"credentials":{"accessKeyId":"ASIA4IOUYGMZRDMYHCBU","sessionToken":"IQoJb3JpZ2luX2VjEJf//////////wEaCXVzLWVhc3QtMSJGMEQCIBq","expiration":"Mar 1, 2026 10:08:38 AM"},"assumedRoleUser":{"assumedRoleId":"AROATFQR7NSC5AU2ZV3IE:ci","arn":"arn:aws:sts::100000000000:assumed-role/deploy/ci"}}"#,
        ),
    ][(random.next() % 4) as usize];
    let (hour, minute, second) = (random.next() % 24, random.next() % 60, random.next() % 60);
    let (key, request, event) = (random.hex(16), random.uuid(), random.uuid());
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"AssumedRole","principalId":"AROATFQR7NSC5AU2ZV3IE:session","arn":"arn:aws:sts::{account}:assumed-role/worker/session","accountId":"{account}","accessKeyId":"ASIA{key}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROATFQR7NSC5AU2ZV3IE","arn":"arn:aws:iam::{account}:role/worker","accountId":"{account}","userName":"worker"}},"webIdFederationData":{{}},"attributes":{{"creationDate":"2026-03-01T08:55:42Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2026-03-01T{hour:02}:{minute:02}:{second:02}Z","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"192.168.10.20","userAgent":"APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) aws-sdk-go/1.44.157 (go1.19.3; linux; amd64)","requestParameters":{parameters},"responseElements":{answer},"requestID":"{request}","eventID":"{event}","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.2","cipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","clientProvidedHostHeader":"{service}.eu-west-1.amazonaws.com"}}}}"#
    )
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn hex(&mut self, digits: usize) -> String {
        format!("{:016X}", self.next())[..digits].to_owned()
    }

    fn uuid(&mut self) -> String {
        let hex = format!("{:016x}{:016x}", self.next(), self.next());
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// A group whose times are nanoseconds of this thread's processor time a record (or a file, if that is what is counted).
pub(crate) fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4)).sample_size(20);
    group
}

/// Measures one `pass` over something that has `count` records in it.
pub(crate) fn step(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, count: u64, mut pass: impl FnMut()) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let start = processor_time();
            for _ in 0..times {
                pass();
            }
            let took = processor_time() - start;
            Duration::from_nanos((took.as_nanos() / u128::from(count)) as u64)
        });
    });
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
