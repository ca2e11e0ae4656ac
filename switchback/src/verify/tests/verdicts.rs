//! The word at the end: what is called exact, what only incomplete, what damaged.

use super::*;
use std::os::unix::fs::symlink;

/// Good log files only, so that whatever is missing is what the test took away.
fn good() -> World {
    let world = World { dir: TempDir::new().unwrap() };
    for name in ["A", "B"] {
        world.put_source(&object(name), &log_file((0..9).map(record)));
    }
    world.ingest();
    world
}

#[track_caller]
fn expect(world: &World, against: bool, verdict: Verdict, notes: &[Note]) -> Report {
    let report = world.verify(against, false);
    let text = report.to_text(false);
    let found: Vec<Note> = report.notes.iter().map(|(note, _)| note).collect();
    assert_eq!((report.verdict(), &found[..]), (verdict, notes), "{text}");
    assert!(text.lines().last().unwrap().starts_with(verdict.as_str()), "{text}");
    assert_eq!(report.to_json()["verdict"], verdict.as_str());
    report
}

#[test]
fn a_quarantined_log_file_makes_a_table_incomplete() {
    let world = good();
    expect(&world, true, Verdict::Exact, &[]);
    world.put_source(&object("C"), b"not gzip");
    world.ingest();
    for against in [false, true] {
        let report = expect(&world, against, Verdict::Incomplete, &[Note::Quarantined]);
        assert!(report.to_text(false).contains("C.json.gz  (not_gzip)"));
        assert!(report.to_text(false).ends_with("incomplete: 1 quarantined log file\n"));
    }
}

#[test]
fn objects_that_hold_no_records_are_counted_and_one_that_may_hold_some_is_named() {
    let world = good();
    let account = "AWSLogs/111122223333";
    world.put_source(&format!("{account}/CloudTrail-Digest/eu-west-1/2023/07/10/x.json.gz"), b"x");
    world.put_source(&format!("{account}/Config/eu-west-1/x.json.gz"), b"x");
    world.put_source(&format!("{account}/CloudTrail/eu-west-1/2023/07/10/empty"), b"");
    world.put_source("truth.json", b"{}");
    let report = expect(&world, true, Verdict::Exact, &[]);
    let others = report.counts.source_others.unwrap();
    assert_eq!((others.digests, others.of_other_services, others.empty, others.generated_truth), (1, 1, 1, 1));
    world.put_source(&object("C").replace(".json.gz", ".json"), b"{}");
    let report = expect(&world, true, Verdict::Incomplete, &[Note::NotCompared]);
    let named = &report.notes.of(Note::NotCompared).first[0];
    assert!(named.source_object.ends_with("C.json") && named.why.contains("no kind of object that is known"), "{named:?}");
}

#[test]
fn what_cannot_be_looked_at_is_named_and_not_passed_over() {
    let world = good();
    symlink("ring.json.gz", world.path("source/ring.json.gz")).unwrap();
    symlink("/no/such/place", world.path("source/gone")).unwrap();
    let report = expect(&world, true, Verdict::Incomplete, &[Note::NotCompared]);
    assert_eq!(report.notes.of(Note::NotCompared).count, 2);
    let text = report.to_text(false);
    assert!(text.contains("ring.json.gz  (Too many levels of symbolic links") && text.contains("gone  (No such file"), "{text}");
    assert!(text.ends_with("incomplete: 2 objects of the source not compared\n"), "{text}");
}

#[test]
fn a_source_with_nothing_to_compare_shows_nothing() {
    let world = good();
    fs::remove_dir_all(world.path("source")).unwrap();
    fs::create_dir_all(world.path("source")).unwrap();
    let why = |report: &Report| report.notes.of(Note::NothingCompared).first[0].why.clone();
    let report = expect(&world, true, Verdict::Incomplete, &[Note::NothingCompared]);
    assert_eq!(why(&report), "it is empty");
    world.put_source("AWSLogs/111122223333/Config/x.json.gz", b"x");
    let report = expect(&world, true, Verdict::Incomplete, &[Note::NothingCompared]);
    assert_eq!(why(&report), "none of its objects is a log file");
    world.put_source("notes.txt", b"x");
    expect(&world, true, Verdict::Incomplete, &[Note::NotCompared, Note::NothingCompared]);
}

#[test]
fn of_an_empty_table_it_is_said_that_nothing_is_there() {
    let world = World { dir: TempDir::new().unwrap() };
    fs::create_dir_all(world.path("source")).unwrap();
    world.ingest();
    let report = expect(&world, false, Verdict::Exact, &[]);
    assert!(report.to_text(false).ends_with("exact: nothing is there: the table is empty\n"));
    let report = expect(&world, true, Verdict::Exact, &[]);
    assert!(report.to_text(false).contains("nothing is there: the table is empty, and no log file is in the source"));
    world.put_source("notes.txt", b"x");
    expect(&world, true, Verdict::Incomplete, &[Note::NotCompared]);
    world.put_source(&object("A"), &log_file([record(0)]));
    let report = expect(&world, true, Verdict::Incomplete, &[Note::NotCompared]);
    assert_eq!(wrong(&report), ["source"]);
}

#[test]
fn another_source_with_other_content_under_the_same_name_is_not_what_the_table_has() {
    let world = good();
    world.put_source(&object("A"), &log_file((10..19).map(record)));
    for is_known in [false, true] {
        let report = world.verify(true, false);
        assert_eq!((report.verdict(), wrong(&report)), (Verdict::Incomplete, vec!["source"]), "{}", report.to_text(false));
        assert_eq!(report.notes.of(Note::Altered).count, u64::from(is_known));
        world.ingest();
    }
}

#[test]
fn two_contents_under_one_name_must_both_be_in_the_table() {
    let world = good();
    world.put_source(&format!("copy/{}", object("A")), &log_file((0..9).map(record)));
    expect(&world, true, Verdict::Exact, &[]);
    // Listed before or after the first, it makes no difference.
    for folder in ["0", "z"] {
        world.put_source(&format!("{folder}/{}", object("A")), &log_file((0..5).map(record)));
    }
    let report = world.expect(true, Check::Source, &["5 records of another SHA-256"]);
    assert_eq!((report.verdict(), report.findings.total()), (Verdict::Incomplete, 2));
}

#[test]
fn a_table_of_which_nothing_was_shown_is_not_exact() {
    let world = World { dir: TempDir::new().unwrap() };
    world.put_source(&object("A"), &log_file((0..9).map(record)));
    world.ingest();
    fs::remove_file(world.table(&world.key("data", "-s0-"))).unwrap();
    for allow_in_flight in [false, true] {
        let report = world.verify(false, allow_in_flight);
        assert_eq!((report.verdict(), wrong(&report)), (Verdict::Incomplete, vec![]), "{}", report.to_text(false));
        assert_eq!(report.to_json()["on_its_way"], true);
    }
}

#[test]
fn a_table_without_its_chain_is_damaged() {
    let world = World::new();
    fs::remove_dir_all(world.table("_log")).unwrap();
    let report = world.expect(false, Check::Orphans, &["no batch names it"]);
    assert_eq!((report.verdict(), wrong(&report)), (Verdict::Damaged, vec!["chain", "orphans"]));
    fs::remove_dir_all(world.table("stream")).unwrap();
    let words = ["neither a stream record below stream/ nor a chain, and 15 files of a table"];
    let report = world.expect(false, Check::Stream, &words);
    assert_eq!((report.verdict(), wrong(&report)), (Verdict::Damaged, vec!["stream", "chain", "orphans"]));
}

#[test]
fn a_batch_that_was_removed_with_all_its_files_is_known_to_the_hint() {
    let world = World::new();
    for key in ["data", "rejected", "log_files"].iter().flat_map(|root| world.keys(root)).filter(|key| key.contains("-s3-")) {
        fs::remove_file(world.table(&key)).unwrap();
    }
    let record = world.key("_log", "00003.json");
    fs::remove_file(world.table(&record)).unwrap();
    let hint = world.key("_head", "");
    let report = world.expect(false, Check::Chain, &[&format!("{record}: missing at the end of its chain, and {hint} knows")]);
    assert_eq!((report.verdict(), report.findings.total()), (Verdict::Damaged, 1));
}
