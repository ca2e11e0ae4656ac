//! A short sample of the chaos, so that the harness cannot rot, and proof that its judge detects what must not happen.

use std::path::{Path, PathBuf};
use std::process::Command;
use tests::case::{Case, Deliveries, deliver};
use tests::services::Services;
use tests::watch::Watch;

/// Plays scenarios on the services that all tests share; returns the figures.
fn chaos(arguments: &[&str]) -> Option<serde_json::Value> {
    Services::shared()?;
    let dir = tempfile::tempdir().expect("a directory");
    let json = dir.path().join("figures.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    let output = command.args(arguments).arg("--shared").arg("--json").arg(&json).output().expect("chaos runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let figures = std::fs::read(&json).expect("the figures");
    Some(serde_json::from_slice(&figures).expect("figures are JSON"))
}

#[test]
fn a_sample_of_kills_loses_and_repeats_nothing() {
    let Some(figures) = chaos(&["kills", "--kills", "20", "--seed", "5"]) else { return };
    let kills = &figures["scenarios"][0];
    assert_eq!((&kills["kills"], &kills["missing"], &kills["duplicates"]), (&20.into(), &0.into(), &0.into()), "{figures:#}");
    assert!(kills["records"].as_u64() > Some(0) && kills["checks"].as_u64() > Some(0), "{figures:#}");
}

#[test]
fn a_sample_of_zombies_loses_and_repeats_nothing() {
    let Some(figures) = chaos(&["zombies", "--zombies", "2", "--seed", "6"]) else { return };
    let zombies = &figures["scenarios"][0];
    assert!(zombies["zombies"].as_u64() >= Some(2) && zombies["double_owners"].as_u64() >= Some(1), "{figures:#}");
    assert_eq!((&zombies["missing"], &zombies["duplicates"]), (&0.into(), &0.into()), "{figures:#}");
}

#[test]
fn the_bystander_sees_rows_that_stand_twice_and_files_that_go_away() {
    let Some(case) = Case::local("bystander") else { return };
    let (tree, table) = (case.tree("tree", 91, 400), case.text("table"));
    let mut watch = Watch::start(&case.judge, &table, &case.path("seen"), &[&tree]);
    let nothing = watch.look();
    assert!(nothing.missing > 400 && nothing.problems.is_empty(), "{nothing:?}");
    case.run_once(tree.to_str().expect("UTF-8"), &table, &[]).well();
    let all = watch.look();
    assert!((all.missing, all.twice) == (0, 0) && all.rows > 0 && all.problems.is_empty(), "{all:?}");

    let file = a_file(&case.path("table/data"));
    let again = file.with_file_name("again.parquet");
    std::fs::copy(&file, &again).expect("a copy");
    let twice = watch.look();
    assert!(twice.twice > 0 && twice.problems[0].contains("more than once"), "{twice:?}");
    std::fs::remove_file(&again).expect("our own file");
    let gone = watch.look();
    assert!(gone.problems[0].contains("is gone"), "{gone:?}");
}

/// A table of many batches: each run makes one at least.
fn table_of_many(case: &Case, tree: &Path) -> PathBuf {
    let (source, table) = (case.path("source"), case.path("table"));
    let mut deliveries = Deliveries::of(tree, 4);
    for _ in 0..4 {
        deliveries.next(&source);
        case.run_once(source.to_str().expect("UTF-8"), table.to_str().expect("UTF-8"), &[]).well();
    }
    table
}

/// What a bystander says, at his first two looks, who comes to a table after such damage.
fn seen_after(case: &Case, tree: &Path, damage: &str, harm: impl FnOnce(&Path)) -> String {
    let table = case.path(damage);
    deliver(&case.path("table"), &table);
    harm(&table);
    let mut watch = Watch::start(&case.judge, table.to_str().expect("UTF-8"), &case.path("seen"), &[tree]);
    let (first, second) = (watch.look(), watch.look());
    [first.problems, second.problems].concat().join("\n")
}

#[test]
fn the_bystander_sees_chains_that_do_not_hold_and_files_that_are_not_theirs() {
    let Some(case) = Case::local("bystander-chains") else { return };
    let tree = case.tree("tree", 92, 1_500);
    assert!(std::fs::read_dir(longest_chain(&table_of_many(&case, &tree))).expect("a directory").count() > 2);
    let record = |table: &Path, number: u64| longest_chain(table).join(format!("{number:020}.json"));
    assert_eq!(seen_after(&case, &tree, "nothing", |_| ()), "", "nothing is wrong with a table that nobody touched");
    let altered = seen_after(&case, &tree, "altered", |table| {
        let mut bytes = std::fs::read(record(table, 1)).expect("a record");
        bytes.push(b' ');
        std::fs::write(record(table, 1), bytes).expect("our own file");
    });
    assert!(altered.contains("C1: ") && altered.contains("2.json follows"), "{altered}");
    let removed = seen_after(&case, &tree, "removed", |table| std::fs::remove_file(record(table, 1)).expect("our own file"));
    assert!(removed.contains("is there, and record 1 is not"), "{removed}");
    let file = |table: &Path| {
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(record(table, 0)).expect("a record")).expect("JSON");
        let key = record["files"][0]["key"].as_str().expect("a key").to_owned();
        table.join(key)
    };
    let missing = seen_after(&case, &tree, "missing", |table| std::fs::remove_file(file(table)).expect("our own file"));
    assert!(missing.contains("C2: a record follows 0 of") && missing.contains("C6: "), "{missing}");
    let moved = seen_after(&case, &tree, "moved", |table| {
        let elsewhere = table.join("data/event_date=1999-12-31");
        std::fs::create_dir(&elsewhere).expect("a directory");
        std::fs::rename(file(table), elsewhere.join("x.parquet")).expect("our own file");
    });
    assert!(moved.contains("C3: event") && moved.contains("no record names it"), "{moved}");
}

/// The partition with the longest chain.
fn longest_chain(table: &Path) -> PathBuf {
    let below = |dir: PathBuf| {
        let entries = std::fs::read_dir(dir).expect("a directory");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let stream = (0..2).fold(table.join("_log"), |dir, _| below(dir).pop().expect("a directory"));
    below(stream).into_iter().max_by_key(|chain| below(chain.clone()).len()).expect("a chain")
}

fn a_file(dir: &Path) -> PathBuf {
    let entry = std::fs::read_dir(dir).expect("a directory").next().expect("something in it").expect("an entry").path();
    if entry.is_dir() { a_file(&entry) } else { entry }
}
