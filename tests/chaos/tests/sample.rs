//! A short sample of the chaos, so that the harness cannot rot, and proof that its judge sees what must not be.

use std::path::{Path, PathBuf};
use std::process::Command;
use tests::case::Case;
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

fn a_file(dir: &Path) -> PathBuf {
    let entry = std::fs::read_dir(dir).expect("a directory").next().expect("something in it").expect("an entry").path();
    if entry.is_dir() { a_file(&entry) } else { entry }
}
