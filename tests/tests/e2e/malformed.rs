//! Everything that can be wrong with a log file or a record, among good ones: work goes on, and every piece is accounted for.

use tests::case::Case;

/// What a process may take, whatever it is given to read.
const MEMORY: u64 = 512 << 20;

#[test]
fn malformed_input_is_rejected_or_quarantined_piece_by_piece_in_bounded_memory() {
    let Some(case) = Case::local("malformed") else { return };
    let (tree, table) = (case.path("tree"), case.text("table"));
    let from = tree.to_str().expect("UTF-8");
    case.judge.run("malformed.py", &[from]);
    let ended = case.run_once(from, &table, &["--seal-bytes", "64KiB"]).well();
    case.judge.exact(&table, &[&tree]);
    assert!(ended.peak_rss > 0 && ended.peak_rss < MEMORY, "{} MiB", ended.peak_rss >> 20);
}
