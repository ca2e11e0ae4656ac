//! `kill -9` at random moments, over and over, while log files keep coming.

use std::path::Path;
use std::time::Duration;
use tests::case::{Case, Deliveries, PARTITIONS};
use tests::chance::{Chance, kills};
use tests::process::Process;

/// Checks for duplicates at every so many kills: the judge is slower than the product.
const CHECK_EVERY: usize = 5;

/// Lets it work for a random while. Not a synchronisation: any moment is as good as any other.
fn a_moment(chance: &mut Chance, longest: u64) {
    std::thread::sleep(Duration::from_millis(chance.below(longest)));
}

#[test]
fn one_process_killed_at_random_makes_an_exact_table() {
    let Some(case) = Case::local("kill") else { return };
    let (tree, table, mut chance) = (case.tree("tree", 51, 6_000), case.text("table"), Chance::new());
    let (source, rounds) = (case.path("source"), kills());
    let from = source.to_str().expect("UTF-8");
    let mut deliveries = Deliveries::of(&tree, rounds);
    for round in 0..rounds {
        deliveries.next(&source);
        let arguments = ["run", "--once", "--from", from, "--to", &table, "--seal-bytes", "4KiB", "--seal-age", "5ms"];
        let run = case.switchback("run", &arguments, &[]);
        a_moment(&mut chance, 300);
        run.kill();
        if round % CHECK_EVERY == 0 {
            case.judge.no_row_twice(&table, &[&tree]);
        }
    }
    case.run_once(from, &table, &[]).well();
    case.judge.exact(&table, &[&tree]);
}

/// What runs for the length of the test, and is started again whenever it is killed.
struct Cast<'a> {
    case: &'a Case,
    table: &'a str,
    source: &'a str,
    started: usize,
}

impl Cast<'_> {
    fn aggregator(&mut self) -> Process {
        self.started += 1;
        self.case.aggregator(&format!("aggregator-{}", self.started), self.source, &[])
    }

    fn persister(&mut self) -> Process {
        self.started += 1;
        self.case.persist(&format!("persister-{}", self.started), self.table, &[])
    }
}

#[test]
fn services_killed_at_random_make_an_exact_table() {
    let Some(case) = Case::shared("kills") else { return };
    let (tree, table, mut chance) = (case.tree("tree", 52, 6_000), case.s3("table"), Chance::new());
    let (source, rounds, part) = (case.s3("source"), kills(), case.path("part"));
    case.topic().create(PARTITIONS);
    let mut deliveries = Deliveries::of(&tree, rounds);
    let mut cast = Cast { case: &case, table: &table, source: &source, started: 0 };
    let (mut aggregator, mut persisters) = (cast.aggregator(), vec![cast.persister(), cast.persister()]);
    for round in 0..rounds {
        deliver_part(&case, &mut deliveries, &part, &source);
        a_moment(&mut chance, 1_500);
        if chance.below(3) == 0 {
            let old = std::mem::replace(&mut aggregator, cast.aggregator());
            old.kill();
        } else {
            let one = usize::try_from(chance.below(2)).expect("small");
            persisters.swap_remove(one).kill();
            persisters.push(cast.persister());
        }
        if round % CHECK_EVERY == 0 {
            case.judge.no_row_twice(&table, &[&tree]);
        }
    }
    aggregator.kill();
    case.aggregate("aggregator", &source).wait().well();
    case.topic().drained(PARTITIONS);
    for persister in persisters {
        persister.term().well();
    }
    case.judge.exact(&table, &[&tree]);
}

fn deliver_part(case: &Case, deliveries: &mut Deliveries, part: &Path, source: &str) {
    deliveries.next(part);
    case.judge.run("s3.py", &["put", part.to_str().expect("UTF-8"), source]);
    std::fs::remove_dir_all(part).expect("it was just made");
}
