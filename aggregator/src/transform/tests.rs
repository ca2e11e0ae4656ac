//! The transform on log files that are well formed, broken in every way, and made up by proptest.

use super::*;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;

const OBJECT: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2023/07/10/x.json.gz";

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn run(bytes: &[u8]) -> Transformed {
    let mut scratch = Scratch::default();
    let transformed = transform(OBJECT, "tag", bytes, &mut scratch);
    assert!(scratch.inflated.capacity() <= MAX_KEPT_BUFFER_BYTES);
    uphold_contract(OBJECT, &transformed);
    transformed
}

/// What must be true of the messages of any input whatever.
fn uphold_contract(object: &str, transformed: &Transformed) {
    let Transformed { run, tally } = transformed;
    assert_eq!(run.file, cloudtrail::file_id(object));
    assert_eq!(run.messages.len() as u64, u64::from(tally.records) + 1);
    let mut rejected = 0;
    for (at, (key, value)) in run.messages.iter().enumerate() {
        let is_end = at as u32 == tally.records;
        let slot = if is_end { Slot::End } else { Slot::Record(at as u32) };
        assert_eq!(Key::parse(key), Some(Key { file: run.file, slot }));
        assert!(value.len() <= common::limits::MAX_MESSAGE_BYTES);
        cloudtrail::json::check(std::str::from_utf8(value).unwrap()).unwrap();
        if is_end {
            let end = EndOfFile::parse(value).unwrap();
            assert_eq!((end.records, end.etag.as_str(), end.source_object.as_str()), (tally.records, "tag", object));
            assert_eq!((end.reason.as_deref(), end.sha256), (tally.quarantined, tally.sha256.clone()));
            assert_eq!(end.detail.is_some(), tally.quarantined.is_some());
            assert_eq!(end.inflated_bytes, tally.quarantined.is_none().then_some(tally.inflated_bytes));
        } else {
            rejected += u32::from(value.starts_with(br#"{"v":1,"kind":"rejection","#));
        }
    }
    assert_eq!(rejected, tally.rejected_total());
}

/// `expect` has the reason of each record, `""` for an event; or the reason of the quarantine.
fn check(bytes: &[u8], expect: Result<&[&str], &str>) {
    let transformed = run(bytes);
    let got = match transformed.tally.quarantined {
        Some(reason) => Err(reason),
        None => {
            let values: Vec<Value> = transformed.run.messages.iter().map(|(_, v)| serde_json::from_slice(v).unwrap()).collect();
            let records = &values[..values.len() - 1];
            Ok(records.iter().map(|v| v["reason"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>())
        }
    };
    let expect = expect.map(|all| all.iter().map(|r| (*r).to_owned()).collect());
    assert_eq!(got, expect, "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(100)]));
}

#[test]
fn a_good_file_becomes_its_events_and_an_end() {
    let content = br#"{"Records":[{"eventName":"a"},{"eventName":"b"}]}"#;
    let transformed = run(&gz(content));
    let file = cloudtrail::file_id(OBJECT);
    let messages: Vec<_> = transformed
        .run
        .messages
        .iter()
        .map(|(k, v)| (std::str::from_utf8(k).unwrap(), std::str::from_utf8(v).unwrap()))
        .collect();
    // The digest is what sha256sum says of the content.
    let value = |n: u32, name: &str| {
        format!(r#"{{"v":1,"kind":"event","source_object":"{OBJECT}","source_index":{n},"event_name":"{name}"}}"#)
    };
    let end = format!(
        r#"{{"v":1,"kind":"end","source_object":"{OBJECT}","status":"complete","records":2,"etag":"tag","inflated_bytes":49,"sha256":"610d294871984de1b9971de93f5817f0123f57a349160c7fc2afd1eaed6cdea4"}}"#
    );
    assert_eq!(
        messages,
        [(&*format!("{file}/0"), &*value(0, "a")), (&*format!("{file}/1"), &*value(1, "b")), (&*format!("{file}/end"), &*end)]
    );
}

#[test]
fn whole_files_in_every_packing_are_read() {
    let content = r#"{"Records":[{"eventName":"a"},{"eventName":"b"}]}"#.as_bytes();
    check(&gz(content), Ok(&["", ""]));
    check(&[gz(&content[..9]), gz(&content[9..30]), gz(&content[30..])].concat(), Ok(&["", ""]));
    check(&gz(&[b"\xef\xbb\xbf", content].concat()), Ok(&["", ""]));
    check(&gz(br#"{"z":{"Records":[1]},"Records":[{}],"a":null}"#), Ok(&[""]));
    check(&gz(br#"{"Records":[]}"#), Ok(&[]));
}

#[test]
fn unreadable_files_are_put_aside_with_their_reason() {
    let good = gz(br#"{"Records":[{"eventName":"a"}]}"#);
    check(b"", Err("truncated"));
    check(&good[..good.len() - 1], Err("truncated"));
    check(&good[..7], Err("truncated"));
    check(br#"{"Records":[]}"#, Err("not_gzip"));
    check(&[&good[..], b"garbage"].concat(), Err("corrupt"));
    for (content, reason) in [
        ("", "not_json"),
        (r#"{"Records":[{"eventName":"a"}"#, "not_json"),
        (r#"{"Records":[{"eventName":"a"}]"#, "not_json"),
        ("{\"Records\":[]}\n{\"Records\":[]}", "not_json"),
        ("{}", "no_records"),
        (r#"{"Records":null}"#, "no_records"),
        (r#"{"Records":{}}"#, "no_records"),
        (r#"{"digestS3Object":"x","logFiles":[{}]}"#, "no_records"),
        ("[]", "no_records"),
        (r#"{"Records":[{}],"Records":[]}"#, "repeated_records"),
    ] {
        check(&gz(content.as_bytes()), Err(reason));
    }
    uphold_contract(OBJECT, &unreadable(OBJECT, "tag", "too_large", &"é".repeat(1000)));
}

#[test]
fn one_bad_record_costs_that_record_only() {
    let records: Vec<(Vec<u8>, &str)> = vec![
        (b"{\"eventName\":\"a\"}".to_vec(), ""),
        (b"\"text\"".to_vec(), "not_an_object"),
        (b"7".to_vec(), "not_an_object"),
        (b"null".to_vec(), "not_an_object"),
        (b"".to_vec(), "invalid_json"),
        (b"{\"a\" 1}".to_vec(), "invalid_json"),
        ([&b"[".repeat(300)[..], &b"]".repeat(300)].concat(), "too_deep"),
        ([&b"{\"a\":".repeat(300)[..], b"1", &b"}".repeat(300)].concat(), "too_deep"),
        ([b"{\"a\":\"", &vec![b'x'; 1 << 20][..], b"\"}"].concat(), "too_large"),
        (b"{\"a\":\"\xc3\x28\"}".to_vec(), "invalid_utf8"),
        (br#"{"a":"\ud800"}"#.to_vec(), "lone_surrogate"),
        (br#"{"eventID":"a","eventID":"b"}"#.to_vec(), "repeated_key"),
        (br#"{"userIdentity":{"arn":"a","arn":"b"}}"#.to_vec(), "repeated_key"),
        (b"{\"eventName\":\"z\"}".to_vec(), ""),
    ];
    let raw: Vec<&[u8]> = records.iter().map(|(raw, _)| &raw[..]).collect();
    let expect: Vec<&str> = records.iter().map(|(_, reason)| *reason).collect();
    check(&gz(&[&b"{\"Records\":["[..], &raw.join(&b','), b"]}"].concat()), Ok(&expect));
}

#[test]
fn ten_gibibytes_of_zeros_are_put_aside() {
    check(&gz(&vec![0; 64 << 20]).repeat(160), Err("too_large"));
}

#[test]
fn a_file_of_tiny_elements_cannot_make_a_huge_run() {
    let content = [b"{\"Records\":[0", &b",0".repeat(4 << 20)[..], b"]}"].concat();
    check(&gz(&content), Err("too_large"));
}

#[test]
fn buffers_are_kept_between_files_but_not_huge_ones() {
    let mut scratch = Scratch::default();
    transform(OBJECT, "", &gz(br#"{"Records":[]}"#), &mut scratch);
    let kept = scratch.inflated.capacity();
    assert!(kept > 0);
    transform(OBJECT, "", &gz(&vec![b' '; 9 << 20]), &mut scratch);
    assert_eq!(scratch.inflated.capacity(), 0);
}

#[test]
fn the_same_bytes_make_the_same_run() {
    let bytes = gz(br#"{"Records":[{"b":1,"a":2},7]}"#);
    let mut scratch = Scratch::default();
    let first = transform(OBJECT, "tag", &bytes, &mut scratch);
    transform(OBJECT, "tag", &gz(br#"{"Records":[{"longer":"than the first one by some"}]}"#), &mut scratch);
    assert_eq!(transform(OBJECT, "tag", &bytes, &mut scratch), first);
}

/// Recorded log files are not part of the project; the test is for where they are at hand.
#[test]
fn recorded_log_files_are_read_without_a_rejection() {
    let Some(tree) = recorded() else { return };
    let manifest: Value = serde_json::from_slice(&std::fs::read(tree.join("manifest.json")).unwrap()).unwrap();
    let mut files = Vec::new();
    list(&tree.join("AWSLogs"), &mut files);
    let mut scratch = Scratch::default();
    let (mut records, mut bytes, mut digests) = (0, 0, 0);
    for path in &files {
        let name = path.strip_prefix(&tree).unwrap().to_str().unwrap();
        let transformed = transform(name, "tag", &std::fs::read(path).unwrap(), &mut scratch);
        uphold_contract(name, &transformed);
        let tally = transformed.tally;
        assert_eq!(tally.rejected_total(), 0, "{name}");
        match tally.quarantined {
            None => bytes += tally.inflated_bytes,
            Some("no_records") if name.contains("CloudTrail-Digest") => digests += 1,
            Some(reason) => panic!("{name}: {reason}"),
        }
        records += u64::from(tally.records);
    }
    println!("{} files, {records} records, {bytes} bytes, {digests} digests", files.len());
    assert_eq!(files.len() as u64, manifest["files"].as_u64().unwrap());
    assert_eq!(records, manifest["records"].as_u64().unwrap());
    assert_eq!(digests, manifest["digests"].as_u64().unwrap());
}

fn recorded() -> Option<PathBuf> {
    let above = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    above.ancestors().map(|dir| dir.join("shared/data/cloudtrail")).find(|tree| tree.join("manifest.json").exists())
}

fn list(dir: &std::path::Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            list(&entry, files);
        } else {
            files.push(entry);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, content: Vec<u8>, likely in "\\{\"Records\":\\[(\\{(\"eventName\":\"?[a\\\\]{0,3}\"?,?){0,3}\\}|,|1| ){0,6}\\]?\\}?") {
        run(&bytes);
        run(&gz(&content));
        run(&gz(likely.as_bytes()));
        let records = [b"{\"Records\":[", &content[..], b"]}"].concat();
        run(&gz(&records));
    }

    #[test]
    fn any_cut_of_a_file_is_put_aside_whole(at: prop::sample::Index) {
        let bytes = gz(br#"{"Records":[{"eventName":"a"},{"eventName":"b"},{"eventName":"c"}]}"#);
        let cut = at.index(bytes.len());
        let transformed = run(&bytes[..cut]);
        prop_assert_eq!((transformed.tally.quarantined, transformed.tally.records), (Some("truncated"), 0));
    }
}
