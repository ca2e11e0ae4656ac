//! The generator against an independent count of what it wrote: flate2, serde_json and a few lines of scanning.

#![expect(clippy::disallowed_types, reason = "the generator writes files of one member, and a second one must show")]

use super::*;
use flate2::bufread::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

fn settings(out: &Path, records: u64) -> Settings {
    Settings {
        out: out.to_owned(),
        records,
        seed: 7,
        accounts: 6,
        regions: 3,
        days: 2,
        start: 20_000 * 86_400,
        per_file: 60,
        late: 0.02,
        duplicate_files: 0.05,
        malformed_records: 0.01,
        undated: 0.0,
        malformed_files: 0.08,
        digests: false,
        bomb: false,
    }
}

fn made(change: impl FnOnce(&mut Settings)) -> (tempfile::TempDir, Truth) {
    let dir = tempfile::tempdir().expect("directory");
    let mut settings = settings(dir.path(), 4_000);
    change(&mut settings);
    let truth = generate(&settings, &|_| {}).expect("tree");
    (dir, truth)
}

/// Every file below `root`, by its path from there.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).expect("directory") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
                found.insert(name, fs::read(path).expect("file"));
            }
        }
    }
    found
}

/// The log files of a tree, without copies and digests.
fn log_files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let is_log = |name: &str| name.starts_with("AWSLogs/") && !name.contains("/CloudTrail-Digest/");
    files(root).into_iter().filter(|(name, _)| is_log(name)).collect()
}

/// The elements of `Records` as raw bytes, or why the log file cannot be read.
fn read(gz: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    if !gz.starts_with(&[0x1f, 0x8b]) {
        return Err("not_gzip");
    }
    let mut decoder = GzDecoder::new(gz);
    let mut raw = Vec::new();
    match decoder.read_to_end(&mut raw) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err("truncated"),
        Err(_) => return Err("corrupt"),
        Ok(_) if !decoder.into_inner().is_empty() => return Err("corrupt"),
        Ok(_) => {}
    }
    if raw.windows(10).filter(|window| window == b"\"Records\":").count() > 1 {
        return Err("repeated_records");
    }
    if !raw.starts_with(br#"{"Records":["#) {
        return Err(if serde_json::from_slice::<Value>(&raw).is_ok() { "no_records" } else { "not_json" });
    }
    Ok(split(&raw[12..raw.len() - 2]))
}

/// Splits at the commas that are in no string and no bracket.
fn split(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for &byte in text {
        match byte {
            b',' if depth == 0 && !quoted => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
        part.push(byte);
    }
    parts.push(part);
    parts
}

/// The event, or why it is none.
fn classify(record: &[u8]) -> Result<Value, &'static str> {
    if record.first() != Some(&b'{') {
        return Err("not_an_object");
    }
    if record.len() > 768 * 1024 {
        return Err("too_large");
    }
    let Ok(text) = std::str::from_utf8(record) else { return Err("invalid_utf8") };
    if text.contains(&"[".repeat(200)) {
        return Err("too_deep");
    }
    if text.matches(r#","awsRegion":"#).count() > 1 {
        return Err("repeated_key");
    }
    match serde_json::from_str(text) {
        Ok(event) => Ok(event),
        Err(_) if text.contains(r"\ud83d") => Err("lone_surrogate"),
        Err(error) => panic!("a record that should be good is not: {error}: {text}"),
    }
}

fn text<'a>(event: &'a Value, path: &str) -> &'a str {
    event.pointer(path).and_then(Value::as_str).unwrap_or("")
}

/// Counts a tree again.
fn count(root: &Path) -> (Truth, Vec<ObjectTruth>, Vec<Value>) {
    let (mut truth, mut objects, mut events) = (Truth::default(), Vec::new(), Vec::new());
    for (object, gz) in log_files(root) {
        truth.files += 1;
        let mut line = ObjectTruth { object, records: 0, rejected: 0, quarantined: None };
        match read(&gz) {
            Err(reason) => {
                *truth.quarantined.entry(reason.to_owned()).or_default() += 1;
                line.quarantined = Some(reason.to_owned());
            }
            Ok(records) => {
                truth.bytes_gz += gz.len() as u64;
                for record in records {
                    line.records += 1;
                    match classify(&record) {
                        Ok(event) => {
                            match text(&event, "/eventTime").get(..10) {
                                Some(date) => *truth.events_by_date.entry(date.to_owned()).or_default() += 1,
                                None => truth.undated += 1,
                            }
                            events.push(event);
                        }
                        Err(reason) => {
                            line.rejected += 1;
                            *truth.rejected.entry(reason.to_owned()).or_default() += 1;
                        }
                    }
                }
            }
        }
        truth.records += line.records;
        objects.push(line);
    }
    truth.events = events.len() as u64;
    (truth, objects, events)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let hash = |seed| {
        let (dir, _) = made(|settings| (settings.seed, settings.digests) = (seed, true));
        files(dir.path()).iter().fold(Sha256::new(), |hash, (name, bytes)| hash.chain_update(name).chain_update(bytes)).finalize()
    };
    let first = hash(1);
    assert_eq!(first, hash(1));
    assert_ne!(first, hash(2));
}

#[test]
fn the_truth_is_what_an_independent_count_finds() {
    let (dir, truth) = made(|_| {});
    let (counted, mut objects, events) = count(dir.path());
    assert_eq!(truth.records, 4_000);
    assert_eq!(counted.records, truth.records);
    assert_eq!(counted.events, truth.events);
    assert_eq!(counted.rejected, truth.rejected);
    assert_eq!(counted.quarantined, truth.quarantined);
    assert_eq!(counted.files, truth.files);
    assert_eq!(counted.events_by_date, truth.events_by_date);
    assert_eq!(counted.bytes_gz, truth.bytes_gz);
    assert_eq!(serde_json::from_slice::<Truth>(&fs::read(dir.path().join(TRUTH_FILE)).expect("truth")).expect("truth"), truth);
    let lines = fs::read_to_string(dir.path().join(OBJECTS_FILE)).expect("lines");
    let mut told: Vec<ObjectTruth> = lines.lines().map(|line| serde_json::from_str(line).expect("line")).collect();
    told.sort_by(|a, b| a.object.cmp(&b.object));
    objects.sort_by(|a, b| a.object.cmp(&b.object));
    assert_eq!(told, objects);
    let ids: BTreeSet<&str> = events.iter().map(|event| text(event, "/eventID")).collect();
    assert_eq!(ids.len(), events.len(), "every event has an id of its own");
}

#[test]
fn copies_have_the_path_and_the_bytes_of_their_originals() {
    let (dir, truth) = made(|_| {});
    let copies = files(&dir.path().join("redelivered"));
    assert!(truth.duplicate_files > 0);
    assert_eq!(copies.len() as u64, truth.duplicate_files);
    let originals = log_files(dir.path());
    assert!(copies.iter().all(|(name, bytes)| originals.get(name) == Some(bytes)));
}

#[test]
fn every_reason_turns_up_when_asked_for() {
    let (dir, truth) = made(|settings| (settings.malformed_records, settings.malformed_files) = (0.05, 0.3));
    let reasons = ["invalid_utf8", "lone_surrogate", "not_an_object", "repeated_key", "too_deep", "too_large"];
    assert!(truth.rejected.keys().map(String::as_str).eq(reasons), "{:?}", truth.rejected);
    let reasons = ["corrupt", "no_records", "not_gzip", "not_json", "repeated_records", "truncated"];
    assert!(truth.quarantined.keys().map(String::as_str).eq(reasons), "{:?}", truth.quarantined);
    let (counted, ..) = count(dir.path());
    assert_eq!((counted.rejected, counted.quarantined), (truth.rejected, truth.quarantined));
}

#[test]
fn events_without_a_time_are_events_all_the_same() {
    let (dir, truth) = made(|settings| (settings.undated, settings.malformed_files) = (0.2, 0.0));
    let (counted, _, events) = count(dir.path());
    assert!(truth.undated > 400, "{truth:?}");
    assert_eq!((counted.undated, counted.events), (truth.undated, truth.events));
    assert!(events.iter().all(|event| text(event, "/eventID").len() == 36), "nothing else goes with the time");
}

#[test]
fn every_knob_at_zero_removes_its_kind() {
    let (dir, truth) = made(|settings| {
        (settings.late, settings.duplicate_files) = (0.0, 0.0);
        (settings.malformed_records, settings.malformed_files) = (0.0, 0.0);
    });
    assert_eq!((truth.late_records, truth.duplicate_files, truth.digest_files), (0, 0, 0));
    assert!(truth.rejected.is_empty() && truth.quarantined.is_empty(), "{truth:?}");
    assert_eq!((truth.events, truth.records), (4_000, 4_000));
    let (counted, ..) = count(dir.path());
    assert!(counted.rejected.is_empty() && counted.quarantined.is_empty(), "{counted:?}");
    assert!(truth.events_by_date.len() <= 4, "two days and what spills over: {:?}", truth.events_by_date);
    assert!(!dir.path().join("redelivered").exists());
}

#[test]
fn late_events_are_a_day_or_more_older_than_their_file() {
    let (dir, truth) = made(|settings| settings.malformed_files = 0.0);
    let mut late = 0;
    for (object, gz) in log_files(dir.path()) {
        let stamp = object.rsplit('/').next().and_then(|name| name.split('_').nth(3)).expect("stamp");
        let delivered = format!("{}-{}-{}T{}:{}:00Z", &stamp[..4], &stamp[4..6], &stamp[6..8], &stamp[9..11], &stamp[11..13]);
        let delivered = common::time::parse_utc(&delivered).expect("time");
        for event in read(&gz).expect("readable").iter().filter_map(|record| classify(record).ok()) {
            let age = (delivered - common::time::parse_utc(text(&event, "/eventTime")).expect("time")) / 1_000_000;
            assert!((0..=600).contains(&age) || (86_400..=20 * 86_400).contains(&age), "{age}");
            late += u64::from(age >= 86_400);
        }
    }
    assert!(late > 0);
    assert_eq!(late, truth.late_records);
}

#[test]
fn the_attack_can_be_found_and_nobody_else_has_its_address() {
    let (dir, truth) = made(|_| {});
    let story = truth.story.expect("a story");
    let (_, _, events) = count(dir.path());
    let theirs: Vec<_> = events.iter().filter(|event| text(event, "/sourceIPAddress") == story.source_ip).collect();
    assert_eq!(theirs.len() as u64, story.events);
    assert!(theirs.iter().all(|event| text(event, "/userIdentity/accessKeyId") == story.access_key_id));
    assert!(theirs.iter().all(|event| text(event, "/recipientAccountId") == story.account));
    let named = |name: &str| theirs.iter().filter(|event| text(event, "/eventName") == name).count() as u64;
    assert_eq!((named("StopLogging"), named("CreateAccessKey"), named("AttachUserPolicy")), (1, 1, 1));
    assert_eq!(named("GetObject"), story.objects_read);
    assert_eq!(theirs.iter().filter(|event| event.get("errorCode").is_some()).count() as u64, story.denied);
    let mut times: Vec<_> = theirs.iter().map(|event| text(event, "/eventTime")).collect();
    times.sort_unstable();
    assert_eq!((times.first(), times.last()), (Some(&&*story.first_event_time), Some(&&*story.last_event_time)));
}

#[test]
fn a_digest_signs_what_its_log_files_hold() {
    let (dir, truth) = made(|settings| settings.digests = true);
    let all = files(dir.path());
    let inflate = |name: &str| {
        let mut raw = Vec::new();
        GzDecoder::new(all.get(name).expect("object").as_slice()).read_to_end(&mut raw).expect("gzip");
        raw
    };
    let (mut digests, mut listed) = (0, 0);
    for name in all.keys().filter(|name| name.contains("/CloudTrail-Digest/")) {
        digests += 1;
        let digest: Value = serde_json::from_slice(&inflate(name)).expect("digest");
        for file in digest["logFiles"].as_array().expect("list") {
            listed += 1;
            assert_eq!(text(file, "/hashValue"), digest::hash(&inflate(text(file, "/s3Object"))));
        }
    }
    assert_eq!(digests, truth.digest_files);
    assert_eq!(listed, truth.files - truth.quarantined_total());
}

#[test]
fn a_tree_of_any_size_has_exactly_the_records_asked_for() {
    for records in [1, 2, 999, 1_000, 1_777] {
        let (dir, truth) = made(|settings| settings.records = records);
        assert_eq!((truth.records, truth.story.is_some()), (records, records >= 1_000));
        assert_eq!(count(dir.path()).0.records, records);
    }
}

#[test]
fn a_bomb_is_small_and_inflates_beyond_the_limit() {
    let (dir, truth) = made(|settings| (settings.records, settings.malformed_files, settings.bomb) = (10, 0.0, true));
    assert_eq!(truth.quarantined, BTreeMap::from([("too_large".to_owned(), 1)]));
    let inflated = |gz: &[u8]| std::io::copy(&mut GzDecoder::new(gz), &mut std::io::sink()).expect("gzip");
    let sizes: Vec<(usize, u64)> = log_files(dir.path()).values().map(|gz| (gz.len(), inflated(gz))).collect();
    assert!(sizes.iter().any(|&(small, large)| small < 1 << 20 && large > 192 << 20), "{sizes:?}");
}

#[test]
fn a_directory_that_holds_a_tree_is_refused() {
    let (dir, _) = made(|settings| settings.records = 1);
    let error = generate(&settings(dir.path(), 1), &|_| {}).expect_err("refused");
    assert!(error.is::<ConfigError>(), "{error}");
}
