//! The ledger of one partition with very many log files: what an entry costs, and what stays in memory.
//!
//! `ledger ENTRIES`: batches of 1,000 log files each, 100,000 a delivery day, a checkpoint every 64 batches, as a persister does it;
//! then an old log file shows up again, so that its day must be loaded.

use anyhow::{Context, bail};
use common::message::FileId;
use common::time::Date;
use persister::protocol::checkpoint::{Index, read_bucket, write_bucket};
use persister::protocol::intent::sha256_hex;
use persister::protocol::ledger::{Lookup, Stored};
use persister::protocol::{Day, FileState, Ledger};
use persister::runtime::options::{CHECKPOINT_EVERY, LEDGER_ENTRIES};
use std::time::Instant;

const BATCH: u64 = 1_000;
const PER_DAY: u64 = 100_000;

/// Spread like a hash.
fn id(number: u64) -> FileId {
    FileId(u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

fn day(number: u64) -> anyhow::Result<Day> {
    Ok(Day::Of(Date(i32::try_from(number / PER_DAY)?)))
}

fn state(number: u64) -> FileState {
    FileState::Done { records: 300, content: number, altered: None }
}

fn main() -> anyhow::Result<()> {
    let Some(entries) = std::env::args().nth(1) else { bail!("usage: ledger ENTRIES") };
    let entries: u64 = entries.parse().context("ENTRIES is a number")?;
    let mut ledger = Ledger::default();
    let (mut first_day, mut index_bytes, mut most) = (None, 0, 0);
    let started = Instant::now();
    for batch in 0..entries.div_ceil(BATCH) {
        let numbers = batch * BATCH..((batch + 1) * BATCH).min(entries);
        let mut delta = Vec::new();
        for number in numbers {
            let (file, day) = (id(number), day(number)?);
            if !matches!(ledger.lookup(day, file), Lookup::Known(None)) {
                bail!("log file {number} is known or its day is not in memory");
            }
            delta.push((file, (day, state(number))));
        }
        ledger.apply(delta);
        if (batch + 1).is_multiple_of(CHECKPOINT_EVERY) || ledger.entries() > LEDGER_ENTRIES {
            let days = ledger.begin_write(|day, held| {
                let bytes = write_bucket(held);
                let stored = Stored { key: format!("day={day}"), sha256: sha256_hex(&bytes), entries: held.len() as u64 };
                if day == Day::Of(Date(0)) {
                    first_day = Some((bytes, stored.clone()));
                }
                stored
            });
            index_bytes = Index::new(batch, String::new(), days).to_bytes().len();
            ledger.end_write(true);
            ledger.evict(LEDGER_ENTRIES / 2);
        }
        most = most.max(ledger.entries());
    }
    let seconds = started.elapsed().as_secs_f64();
    let started = Instant::now();
    if let (Lookup::Missing(day), Some((bytes, stored))) = (ledger.lookup(Day::Of(Date(0)), id(0)), first_day) {
        ledger.load(day, read_bucket(&bytes, &stored)?);
    }
    let old = started.elapsed().as_secs_f64();
    if ledger.lookup(Day::Of(Date(0)), id(0)) != Lookup::Known(Some(state(0))) {
        bail!("an old log file is not known any more");
    }
    println!(
        "{}",
        serde_json::json!({ "seconds": seconds, "most_entries": most, "index_bytes": index_bytes, "old_day_seconds": old })
    );
    Ok(())
}
