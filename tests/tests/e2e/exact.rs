//! Nothing goes wrong: every record once, whatever the layout, however small the batches, however often it is run.

use tests::case::{Case, deliver};

const LAYOUTS: [&str; 4] = ["date", "date-hour", "account-region-date", "security-lake"];

#[test]
fn a_second_run_adds_nothing_and_a_later_delivery_is_added() {
    let Some(case) = Case::local("again") else { return };
    let (first, second) = (case.tree("first", 1, 3_000), case.tree("second", 2, 2_000));
    let (source, table) = (case.path("source"), case.text("table"));
    let from = source.to_str().expect("UTF-8");
    deliver(&first, &source);
    case.run_once(from, &table, &[]).well();
    case.judge.exact(&table, &[&first]);

    let (files, batches) = (case.judge.files(&table), case.judge.batches(&table));
    case.run_once(from, &table, &[]).well();
    assert_eq!((case.judge.files(&table), case.judge.batches(&table)), (files, batches));

    deliver(&second, &source);
    case.run_once(from, &table, &[]).well();
    case.judge.exact(&table, &[&first, &second]);
}

#[test]
fn a_run_that_has_lost_its_index_of_processed_files_sends_everything_again_and_adds_no_row() {
    let Some(case) = Case::local("index") else { return };
    let (tree, table, state) = (case.tree("tree", 3, 2_000), case.text("table"), case.text("state"));
    let log = format!("embedded:{state}");
    let run = || case.run_once(tree.to_str().expect("UTF-8"), &table, &["--log", &log]).well();
    run();
    let files = case.judge.files(&table);
    std::fs::remove_file(case.path("state/processed.redb")).expect("the index is a file");
    run();
    case.judge.exact(&table, &[&tree]);
    assert_eq!(case.judge.files(&table), files);
}

#[test]
fn every_layout_holds_every_record_once() {
    let Some(case) = Case::local("layouts") else { return };
    let tree = case.tree("tree", 4, 2_000);
    for layout in LAYOUTS {
        let table = case.text(layout);
        case.run_once(tree.to_str().expect("UTF-8"), &table, &["--layout", layout]).well();
        case.judge.exact(&table, &[&tree]);
    }
}

#[test]
fn tiny_batches_are_exact() {
    let Some(case) = Case::local("tiny") else { return };
    let (tree, table) = (case.tree("tree", 5, 5_000), case.text("table"));
    case.run_once(tree.to_str().expect("UTF-8"), &table, &["--seal-bytes", "1KiB", "--seal-age", "1ms", "--partitions", "3"])
        .well();
    case.judge.exact(&table, &[&tree]);
    let batches = case.judge.batches(&table);
    assert!(batches > 6, "{batches} batches");
}
