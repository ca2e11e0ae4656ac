//! Digest files: hourly, per account and region, with the SHA-256 of each log file's content. They are no log files and
//! must be skipped; a tree of a real trail is full of them. The signature in them is made up.

use super::rng::Rng;
use super::text::{self, push, push_all, string};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const TRAIL: &str = "org-trail";
const BUCKET: &str = "corp-cloudtrail";
const HOUR: i64 = 3_600;

/// A log file as a digest lists it.
#[derive(Debug)]
struct Listed {
    object: String,
    hash: String,
    span: (i64, i64),
}

/// Collects the log files of the hour at hand.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    hour: i64,
    listed: BTreeMap<(String, String), Vec<Listed>>,
    /// Object and hash of the digest before, which makes them a chain.
    previous: BTreeMap<(String, String), (String, String)>,
}

/// The SHA-256 of a log file's content, as digests have it.
pub(crate) fn hash(raw: &[u8]) -> String {
    hex::encode(Sha256::digest(raw))
}

impl Digests {
    /// Adds a log file delivered at `delivered`; returns the digests (object, content) of an hour that has passed.
    pub(crate) fn add(
        &mut self,
        (account, region): (&str, &str),
        delivered: i64,
        object: &str,
        hash: String,
        span: (i64, i64),
    ) -> Vec<(String, Vec<u8>)> {
        let hour = delivered.div_euclid(HOUR);
        let closed = if hour == self.hour { Vec::new() } else { self.close() };
        self.hour = hour;
        let listed = Listed { object: object.to_owned(), hash, span };
        self.listed.entry((account.to_owned(), region.to_owned())).or_default().push(listed);
        closed
    }

    /// The digests of what has been added since the last call.
    pub(crate) fn close(&mut self) -> Vec<(String, Vec<u8>)> {
        let end = (self.hour + 1) * HOUR;
        let mut closed = Vec::new();
        for ((account, region), files) in std::mem::take(&mut self.listed) {
            let object = object(&account, &region, end);
            let place = (account, region);
            let content = content(&place.0, &object, end, &files, self.previous.get(&place));
            self.previous.insert(place, (object.clone(), hash(&content)));
            closed.push((object, content));
        }
        closed
    }
}

fn object(account: &str, region: &str, end: i64) -> String {
    string(|out| {
        push_all(out, &["AWSLogs/", account, "/CloudTrail-Digest/", region, "/"]);
        text::date(out, end, "/");
        push_all(out, &["/", account, "_CloudTrail-Digest_", region, "_", TRAIL, "_", region, "_"]);
        text::stamp(out, end, true);
        push(out, ".json.gz");
    })
}

fn content(account: &str, object: &str, end: i64, files: &[Listed], previous: Option<&(String, String)>) -> Vec<u8> {
    let mut out = Vec::new();
    push_all(&mut out, &[r#"{"awsAccountId":""#, account, r#"","digestStartTime":""#]);
    text::time(&mut out, end - HOUR);
    push(&mut out, r#"","digestEndTime":""#);
    text::time(&mut out, end);
    push_all(&mut out, &[r#"","digestS3Bucket":""#, BUCKET, r#"","digestS3Object":""#, object]);
    push(
        &mut out,
        r#"","digestPublicKeyFingerprint":"00000000000000000000000000000000","digestSignatureAlgorithm":"SHA256withRSA""#,
    );
    match previous {
        Some((object, hash)) => {
            push_all(&mut out, &[r#","previousDigestS3Bucket":""#, BUCKET, r#"","previousDigestS3Object":""#, object]);
            push_all(&mut out, &[r#"","previousDigestHashValue":""#, hash, r#"","previousDigestHashAlgorithm":"SHA-256""#]);
            push(&mut out, r#","previousDigestSignature":""#);
            text::hex(&mut out, &mut Rng::new(end.unsigned_abs(), 0), 512);
            push(&mut out, r#"""#);
        }
        None => push(&mut out, r#","previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null"#),
    }
    push(&mut out, r#","logFiles":["#);
    for (at, file) in files.iter().enumerate() {
        push_all(&mut out, &[if at > 0 { "," } else { "" }, r#"{"s3Bucket":""#, BUCKET, r#"","s3Object":""#, &file.object]);
        push_all(&mut out, &[r#"","hashValue":""#, &file.hash, r#"","hashAlgorithm":"SHA-256","newestEventTime":""#]);
        text::time(&mut out, file.span.1);
        push(&mut out, r#"","oldestEventTime":""#);
        text::time(&mut out, file.span.0);
        push(&mut out, r#""}"#);
    }
    push(&mut out, "]}");
    out
}
