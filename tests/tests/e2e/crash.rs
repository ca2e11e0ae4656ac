//! The persister dies before and after every effect of a batch, or the effect fails there, and it is started again. The points are
//! `persister/src/failpoint.rs`'s.

use std::path::{Path, PathBuf};
use tests::case::{Case, PARTITIONS};
use tests::process::Ended;

const VARIABLE: &str = "SWITCHBACK_FAILPOINT";
const EFFECTS: [&str; 5] = ["encode", "intent", "file", "hint", "mirror"];

/// One run over the embedded log into a directory, which dies at the point.
fn dies(case: &Case, tree: &Path, table: &str, point: &str) {
    let from = tree.to_str().expect("UTF-8");
    let arguments = ["run", "--once", "--from", from, "--to", table, "--seal-bytes", "1KiB", "--seal-age", "1ms"];
    let ended = case.switchback(&point.replace(':', "-"), &arguments, &[(VARIABLE, point)]).wait();
    assert!(ended.was_killed(), "never came to {point}: {ended:?}");
}

fn at_every_effect(moment: &str, seed: u64) {
    let Some(case) = Case::local(moment) else { return };
    let tree = case.tree("tree", seed, 600);
    for effect in EFFECTS {
        for hit in [1, 2] {
            let point = format!("{effect}.{moment}:{hit}");
            let table = case.text(&format!("{effect}-{hit}"));
            dies(&case, &tree, &table, &point);
            case.judge.no_row_twice(&table, &[&tree]);
            case.run_once(tree.to_str().expect("UTF-8"), &table, &[]).well();
            eprintln!("after {point}");
            case.judge.exact(&table, &[&tree]);
        }
    }
}

#[test]
fn a_crash_before_any_effect_loses_and_repeats_nothing() {
    at_every_effect("before", 31);
}

#[test]
fn a_crash_after_any_effect_loses_and_repeats_nothing() {
    at_every_effect("after", 32);
}

#[test]
fn crashes_while_an_unfinished_batch_is_finished_are_survived() {
    let Some(case) = Case::local("redo") else { return };
    let points =
        ["intent.after:1", "encode.before:1", "encode.after:1", "file.before:1", "file.after:1", "file.after:1", "hint.after:1"];
    let table = case.text("table");
    // Each run finds log files of its own: whatever was finished before, there is a batch to come to the point with.
    let trees: Vec<PathBuf> = (0..points.len()).map(|n| case.tree(&format!("tree-{n}"), 330 + n as u64, 200)).collect();
    let trees: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
    for (n, point) in points.into_iter().enumerate() {
        dies(&case, trees[n], &table, point);
        case.judge.no_row_twice(&table, &trees[..=n]);
    }
    for tree in &trees {
        case.run_once(tree.to_str().expect("UTF-8"), &table, &[]).well();
    }
    case.judge.exact(&table, &trees);
}

/// One effect fails at the point. Only what nobody tries again ends the run; either way the next one finds nothing that is not right.
fn fails(case: &Case, tree: &Path, point: &str, gives_up: bool) {
    let table = case.text(&point.replace([':', '.'], "-"));
    let from = tree.to_str().expect("UTF-8");
    let arguments = ["run", "--once", "--from", from, "--to", &table, "--seal-bytes", "1KiB", "--seal-age", "1ms"];
    let ended = case.switchback("fails", &arguments, &[(VARIABLE, point)]).wait().saying(VARIABLE);
    assert_eq!(ended.status.success(), !gives_up, "{point}: {ended:?}");
    case.judge.no_row_twice(&table, &[tree]);
    case.run_once(from, &table, &[]).well();
    eprintln!("after {point}");
    case.judge.exact(&table, &[tree]);
}

#[test]
fn an_effect_that_fails_for_a_while_loses_and_repeats_nothing() {
    let Some(case) = Case::local("errors") else { return };
    let tree = case.tree("tree", 34, 300);
    for effect in EFFECTS {
        for moment in ["before", "after"] {
            // What does not encode would not encode the next time either.
            fails(&case, &tree, &format!("{effect}.{moment}:2:error"), effect == "encode");
        }
    }
}

#[test]
fn an_effect_that_is_refused_loses_and_repeats_nothing() {
    let Some(case) = Case::local("refusals") else { return };
    let tree = case.tree("tree", 35, 300);
    for (point, gives_up) in [
        ("intent.before:1", true),
        ("intent.after:1", true),
        ("file.before:2", true),
        ("file.after:1", true),
        ("hint.before:1", false),
    ] {
        fails(&case, &tree, &format!("{point}:refusal"), gives_up);
    }
}

#[test]
fn a_persister_on_kafka_and_s3_survives_a_crash_at_any_step() {
    let Some(case) = Case::shared("crash") else { return };
    let (table, topic) = (case.s3("table"), case.topic());
    let points = [
        "intent.before:1",
        "intent.after:1",
        "file.before:1",
        "file.after:2",
        "mirror.before:1",
        "mirror.after:2",
        "hint.before:2",
    ];
    let mut trees = Vec::new();
    for (at, point) in (0..).zip(points) {
        let tree = case.tree(&format!("tree-{at}"), 40 + at, 300);
        case.aggregate(&format!("aggregator-{at}"), tree.to_str().expect("UTF-8")).wait().well();
        trees.push(tree);
        let ended: Ended = case.persist(&format!("persister-{at}"), &table, &[(VARIABLE, point)]).wait();
        assert!(ended.was_killed(), "never came to {point}: {ended:?}");
        let trees: Vec<&Path> = trees.iter().map(AsRef::as_ref).collect();
        case.judge.no_row_twice(&table, &trees);
    }
    let persister = case.persist("persister", &table, &[]);
    topic.drained(PARTITIONS);
    persister.term().well();
    let trees: Vec<&Path> = trees.iter().map(AsRef::as_ref).collect();
    case.judge.exact(&table, &trees);
}
