//! One kind of damage after the other on a real table: each is named in words, by itself, and none hides another.

use super::*;

/// A kind of damage, and what the report says to it.
struct Damage {
    what: &'static str,
    /// Does it, and tells what must be in the words of `check`.
    harm: fn(&World) -> Vec<String>,
    check: Check,
    /// All checks that find anything: what follows from the damage, and nothing else.
    wrong: &'static [&'static str],
    /// Lines that tell of violations, at most.
    lines: usize,
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

const DAMAGES: &[Damage] = &[
    Damage {
        what: "a data file is deleted",
        harm: |world| {
            let key = world.key("data", "-s0-");
            fs::remove_file(world.table(&key)).unwrap();
            words([&format!("{key}: missing, and batch 0 of partition 0 names it and is not the newest")])
        },
        check: Check::Files,
        wrong: &["files", "dense"],
        lines: 3,
    },
    Damage {
        what: "a file of log file ends is deleted",
        harm: |world| {
            let key = world.key("log_files", "-s0-");
            fs::remove_file(world.table(&key)).unwrap();
            words([&format!("{key}: missing, and batch 0")])
        },
        check: Check::Files,
        wrong: &["files", "ledger"],
        lines: 2,
    },
    Damage {
        what: "a data file is cut",
        harm: |world| {
            let key = world.key("data", "-s2-");
            let bytes = fs::read(world.table(&key)).unwrap();
            fs::write(world.table(&key), &bytes[..100]).unwrap();
            words([&format!("{key}: cut or overwritten: its 100 bytes do not read")])
        },
        check: Check::Rows,
        wrong: &["rows", "dense"],
        lines: 3,
    },
    Damage {
        what: "a data file is empty",
        harm: |world| {
            let key = world.key("data", "-s2-");
            fs::write(world.table(&key), b"").unwrap();
            words([&format!("{key}: is empty (0 bytes)")])
        },
        check: Check::Rows,
        wrong: &["rows", "dense"],
        lines: 3,
    },
    Damage {
        what: "two data files change places",
        harm: |world| {
            let (a, b) = (world.key("data", "-s1-"), world.key("data", "-s2-"));
            let swapped = world.table("swapped");
            fs::rename(world.table(&a), &swapped).unwrap();
            fs::rename(world.table(&b), world.table(&a)).unwrap();
            fs::rename(&swapped, world.table(&b)).unwrap();
            let holds = "holds the rows of another file: its footer says batch";
            words([&format!("{a}: {holds} 2 instead of 1"), &format!("{b}: {holds} 1 instead of 2")])
        },
        check: Check::Rows,
        wrong: &["rows"],
        lines: 2,
    },
    Damage {
        what: "rows are replaced and the footer is kept",
        harm: |world| {
            let key = world.key("data", "-s1-");
            rewrite(&world.table(&key), RowKind::Data, |batch| {
                let rest = batch.slice(1, batch.num_rows() - 1);
                arrow_select::concat::concat_batches(&batch.schema(), [&rest, &rest.slice(0, 1)]).unwrap()
            });
            words([&format!("{key}: its rows are not those of its batch: their digest differs")])
        },
        check: Check::Rows,
        wrong: &["rows", "once", "dense"],
        lines: 4,
    },
    Damage {
        what: "a data file is copied under another name",
        harm: |world| {
            let key = world.key("data", "-s1-");
            let copy = key.replace(".parquet", "-copy.parquet");
            fs::copy(world.table(&key), world.table(&copy)).unwrap();
            words([&format!("{copy}: no batch names it"), &format!("its rows are those of {key}: they are read twice")])
        },
        check: Check::Orphans,
        wrong: &["orphans"],
        lines: 1,
    },
    Damage {
        what: "an empty file lies about",
        harm: |world| {
            fs::write(world.table("data/stray.parquet"), b"").unwrap();
            words(["data/stray.parquet: no batch names it", "it is empty (0 bytes)"])
        },
        check: Check::Orphans,
        wrong: &["orphans"],
        lines: 1,
    },
    Damage {
        what: "a byte of a chain record is altered, and it still reads",
        harm: |world| {
            let key = world.key("_log", "00001.json");
            let text = fs::read_to_string(world.table(&key)).unwrap();
            fs::write(world.table(&key), text.replacen("\"duplicate\":", "\"duplicate\":1", 1)).unwrap();
            words([&format!("00002.json: does not carry the hash of {key}: one of the two was altered")])
        },
        check: Check::Chain,
        wrong: &["chain", "once"],
        lines: 2,
    },
    Damage {
        what: "a byte of a chain record is altered, and it does not read any more",
        harm: |world| {
            let key = world.key("_log", "00001.json");
            let mut bytes = fs::read(world.table(&key)).unwrap();
            bytes[0] = b'[';
            fs::write(world.table(&key), bytes).unwrap();
            words([&format!("{key}: the chain record is damaged")])
        },
        check: Check::Chain,
        wrong: &["chain", "orphans"],
        lines: 5,
    },
    Damage {
        what: "a record in the middle of the chain is removed",
        harm: |world| {
            let key = world.key("_log", "00001.json");
            fs::remove_file(world.table(&key)).unwrap();
            words([&format!("{key} is missing: the chain continues with 2"), "are covered by no record"])
        },
        check: Check::Chain,
        wrong: &["chain", "orphans"],
        lines: 6,
    },
    Damage {
        what: "the newest record of the chain is removed",
        harm: |world| {
            let key = world.key("_log", "00003.json");
            fs::remove_file(world.table(&key)).unwrap();
            words([&format!("{key}: missing at the end of its chain, and 3 files say that they are of its batch")])
        },
        check: Check::Chain,
        wrong: &["chain", "orphans"],
        lines: 4,
    },
    Damage {
        what: "the stream record is removed",
        harm: |world| {
            fs::remove_file(world.table("stream/t/0/stream.json")).unwrap();
            words(["stream/t/0/stream.json: missing, and there is a chain in _log/t/0/p=00000/"])
        },
        check: Check::Stream,
        wrong: &["stream"],
        lines: 1,
    },
];

/// Lines that tell of violations.
fn lines(report: &Report) -> usize {
    Check::ALL.iter().map(|check| report.findings.of(*check).examples.len()).sum()
}

#[test]
fn each_kind_of_damage_is_named_and_nothing_else_is() {
    for damage in DAMAGES {
        let world = World::new();
        let words = (damage.harm)(&world);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let report = world.expect(false, damage.check, &words);
        let text = report.to_text(false);
        assert_eq!(wrong(&report), damage.wrong, "{}:\n{text}", damage.what);
        assert!(lines(&report) <= damage.lines, "{} is told in too many words:\n{text}", damage.what);
        assert!(text.contains(damage.check.remedy()), "{}:\n{text}", damage.what);
    }
}

#[test]
fn no_damage_hides_another() {
    let together = [
        "a data file is deleted",
        "a data file is cut",
        "a data file is copied under another name",
        "an empty file lies about",
        "the newest record of the chain is removed",
        "the stream record is removed",
    ];
    let world = World::new();
    let told: Vec<(Check, Vec<String>)> = DAMAGES
        .iter()
        .filter(|damage| together.contains(&damage.what))
        .map(|damage| (damage.check, (damage.harm)(&world)))
        .collect();
    assert_eq!(told.len(), together.len());
    let report = world.verify(false, false);
    for (check, words) in told {
        let found = report.findings.of(check).examples.join("\n");
        for word in &words {
            assert!(found.contains(word), "{word:?} is hidden:\n{}", report.to_text(false));
        }
    }
}

#[test]
fn a_lost_file_of_many_log_files_is_told_once_and_a_gap_of_another_origin_still_shows() {
    let world = World { dir: TempDir::new().unwrap() };
    for n in 0..60 {
        world.put_source(&object(&format!("A{n}")), &log_file((0..3).map(record)));
    }
    world.ingest();
    world.put_source(&object("B"), &log_file((0..9).map(record)));
    world.ingest();
    fs::remove_file(world.table(&world.key("data", "-s0-"))).unwrap();
    rewrite(&world.table(&world.key("data", "-s1-")), RowKind::Data, |batch| batch.slice(1, batch.num_rows() - 1));
    world.put_source(&object("C"), &log_file([record(0)]));
    world.ingest();
    let report = world.verify(false, false);
    let text = report.to_text(false);
    assert_eq!(wrong(&report), ["files", "rows", "dense"], "{text}");
    assert!(report.findings.of(Check::Dense).violations >= 61, "each is counted: {text}");
    assert!(lines(&report) <= 6, "{text}");
    assert!(text.contains("holds 2 rows, its batch says 3"), "{text}");
    assert!(text.contains("which follows from the damage to its batch"), "{text}");
}
