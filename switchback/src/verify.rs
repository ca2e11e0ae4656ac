//! `switchback verify`: prove from the table alone that the promise holds.
//!
//! ```text
//!  stream/ ─▶ table::prove ─▶ _log/ (chain) ─▶ each file of each batch (file::examine, pure) ─▶ books: per log file, never per record
//!                                                                                               │
//!  SOURCE ──▶ against::compare: each log file read again, its records added up ────────────────▶ │ ─▶ scan: a closer look at what
//!                                                                                               ▼     does not agree ─▶ report
//! ```
//! Memory: two table files of the usual size at a time, about 100 bytes a log file, the keys of the table's files.
//!
//! Sums of 128-bit hashes stand for the records of a log file in any order, so that one pass over table and source is enough. They tell
//! damage and faults; whoever can write to both table and chain can forge a table that agrees with itself.

mod against;
mod ahead;
mod books;
mod canon;
mod chain;
mod columns;
mod file;
mod findings;
mod listed;
mod log_files;
mod orphans;
mod read_only;
mod reconstruct;
mod report;
mod scan;
mod source_record;
mod table;
#[cfg(test)]
mod tests;

use against::{Compared, compare};
use aggregator::Source;
use anyhow::Context;
use books::Books;
use clap::Args;
use common::message::FileId;
use common::service::{ConfigError, Printable};
use common::store::{Location, LocationError, Store};
use findings::{Check, EXAMPLES};
use listed::Listed;
use log_files::State;
use read_only::ReadOnlyStore;
use report::{Counts, Report};
use scan::{Suspects, scan, tell_indexes};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use table::{Proof, Terms, prove};

/// Log files told of whose gaps follow from damage that is told elsewhere.
const FOLLOWING: usize = 3;

const AFTER_HELP: &str = "\
Examples:
  switchback verify table
  switchback verify s3://lake/cloudtrail --against s3://trail-bucket/AWSLogs --json

Reads the whole table (and with --against the whole source) and changes nothing. It may run beside a persister.

Exit code 0: the table is exact. 1: it is not, or it could not be read.";

/// What `switchback verify` was asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct VerifyArgs {
    /// The table: a directory or s3://BUCKET[/PREFIX]
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// Read the log files again and compare: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "SOURCE")]
    pub against: Option<String>,
    /// Let pass that files of a partition's newest batch are missing: a persister is at work
    #[arg(long)]
    pub allow_in_flight: bool,
    /// Print the findings as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Verifies a table and prints what was found.
///
/// # Errors
/// When the table cannot be read.
pub fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start")?;
    let report = runtime.block_on(verify(&args))?;
    let mut out = std::io::stdout().lock();
    let written = if args.json {
        writeln!(out, "{}", report.to_json())
    } else {
        let with_colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        out.write_all(report.to_text(with_colour).as_bytes())
    };
    // A reader that has seen enough (`| head`) does not change the verdict.
    let _ = written.and_then(|()| out.flush());
    Ok(ExitCode::from(u8::from(!report.is_exact())))
}

fn location(told_by: &str, text: &str) -> Result<Location, ConfigError> {
    text.parse().map_err(|error: LocationError| ConfigError::at(told_by, error.to_string()))
}

/// Opens the table; a directory that is not there is not made.
async fn open_table(text: &str) -> anyhow::Result<ReadOnlyStore> {
    let location = location("TABLE", text)?;
    if let Location::Local(root) = &location
        && !root.is_dir()
    {
        return Err(ConfigError::at("TABLE", format!("{}: there is no such directory", Printable(text))).into());
    }
    Ok(ReadOnlyStore::new(Store::open(&location).await?))
}

async fn verify(args: &VerifyArgs) -> anyhow::Result<Report> {
    let store = open_table(&args.table).await?;
    let source = match &args.against {
        Some(text) => Some(Source::open(&location("--against", text)?).await?),
        None => None,
    };
    let terms = Terms { with_values: source.is_some(), allow_in_flight: args.allow_in_flight };
    let mut proof = prove(&store, terms).await.context("failed to read the table")?;
    let compared = match &source {
        Some(source) => {
            Some(compare(source, &mut proof.books, &mut proof.findings).await.context("failed to compare with the source")?)
        }
        None => None,
    };
    let uneven = uneven(&mut proof);
    let (compared, suspects) = split(compared);
    let unfinished = look_closer(&store, &mut proof, uneven, suspects).await?;
    Ok(report(&store, source.as_ref(), proof, compared, unfinished))
}

fn split(compared: Option<Compared>) -> (Option<Compared>, Suspects) {
    match compared {
        Some(mut compared) => {
            let suspects = std::mem::take(&mut compared.suspects);
            (Some(compared), suspects)
        }
        None => (None, Suspects::new()),
    }
}

/// Log files whose indexes are not `0..n` (C6), the first few; the others are counted. Also holds the ledger against the rows.
fn uneven(proof: &mut Proof) -> Vec<FileId> {
    let (mut uneven, mut hurt) = (Vec::new(), 0);
    let Proof { books, findings, .. } = proof;
    for (file, state) in books.log_files.iter() {
        let count = state.records.count;
        if !state.records.is_dense() || state.end.is_some_and(|end| end != count) || state.ends > 1 {
            uneven.push(*file);
        } else if (state.ledger != Some(count) && (state.ledger.is_some() || count > 0))
            || state.ledger_done != state.end.is_some()
        {
            if state.is_hurt {
                hurt += 1;
                continue;
            }
            let said = match (state.ledger, state.ledger_done) {
                (None, _) => "nothing".to_owned(),
                (Some(next), done) => format!("{next} records{}", if done { ", and its end" } else { "" }),
            };
            let end = if state.end.is_some() { ", and its end" } else { "" };
            findings.add(Check::Ledger, format!("log file {file}: the rows are {count} records{end}; the ledger says {said}"));
        }
    }
    let text = format!("the ledger knows records or ends of {hurt} log files that were in the damaged files of their batches");
    findings.add_many(Check::Ledger, hurt, text);
    let follows = |file: &FileId| books.log_files.get(*file).is_some_and(State::is_short_by_damage);
    // What nothing else explains comes first, and of what follows from damage told elsewhere a few examples will do.
    uneven.sort_unstable_by_key(|file| (follows(file), *file));
    let explained = uneven.iter().position(follows).unwrap_or(uneven.len());
    let told = uneven.len().min(EXAMPLES).min(explained + FOLLOWING);
    findings.add_untold(Check::Dense, (uneven.len() - told) as u64);
    uneven.truncate(told);
    uneven
}

/// Finds out what exactly is wrong with log files that do not agree, and the names of some that are unfinished.
async fn look_closer(
    store: &ReadOnlyStore,
    proof: &mut Proof,
    uneven: Vec<FileId>,
    suspects: Suspects,
) -> anyhow::Result<Listed> {
    let Proof { books, findings, .. } = proof;
    let differing: Vec<(FileId, usize)> = suspects.iter().map(|(file, suspect)| (*file, suspect.hashes.len())).collect();
    let mut wanted = suspects;
    for file in &uneven {
        wanted.entry(*file).or_default();
    }
    let mut unfinished: Vec<FileId> = books
        .log_files
        .iter()
        .filter(|(_, state)| state.end.is_none() && state.records.count > 0)
        .map(|(file, _)| *file)
        .collect();
    unfinished.sort_unstable();
    let count = unfinished.len() as u64;
    unfinished.truncate(EXAMPLES);
    // Names are in the rows only. A table that is exact so far is not read again for them, but for the files that hold them.
    let mut numbers: Vec<u32> = match wanted.is_empty() {
        true => unfinished.iter().filter_map(|file| books.log_files.get(*file)).map(|state| state.seen_in).collect(),
        false => (0..u32::try_from(books.files.len()).unwrap_or(u32::MAX)).collect(),
    };
    numbers.sort_unstable();
    numbers.dedup();
    for file in &unfinished {
        wanted.entry(*file).or_default();
    }
    let seen = scan(store, &books.files, numbers.into_iter(), wanted).await?;
    let nothing = scan::Seen::default();
    let of = |file: &FileId| seen.get(file).unwrap_or(&nothing);
    for file in &uneven {
        let state = books.log_files.get(*file).copied().unwrap_or_default();
        let because = if state.is_short_by_damage() { ", which follows from the damage to its batch" } else { "" };
        tell_indexes(*file, of(file), state.records.count, state.end, &books.files, because, Check::Dense, findings);
    }
    for (file, records) in differing {
        tell_values(file, of(&file), records, books, findings);
    }
    let mut listed = Listed { count, first: Vec::new() };
    for file in &unfinished {
        let state = books.log_files.get(*file).copied().unwrap_or_default();
        let name = of(file).name.clone().unwrap_or_else(|| format!("log file {file}"));
        let told = Listed::one(&name, &format!("{} records so far", state.records.count));
        listed.first.extend(told.first);
    }
    Ok(listed)
}

fn tell_values(file: FileId, seen: &scan::Seen, records: usize, books: &Books, findings: &mut findings::Findings) {
    let name = seen.name.clone().unwrap_or_else(|| format!("log file {file}"));
    let before = findings.of(Check::Values).violations;
    for (index, text) in &seen.differing {
        let place = seen.indexes.get(index).and_then(|places| books.files.get(*places.first()? as usize));
        let place = place.map_or("the table", String::as_str);
        findings.add(Check::Values, format!("{name} record {index}: {text} ({place})"));
    }
    let bound = u32::try_from(records).unwrap_or(u32::MAX);
    if seen.indexes.len() != records || seen.indexes.values().any(|places| places.len() > 1) {
        tell_indexes(file, seen, bound, Some(bound), &books.files, "", Check::Values, findings);
    }
    if findings.of(Check::Values).violations == before {
        findings.add(Check::Values, format!("{name}: its records are not those of its rows"));
    }
}

fn report(
    store: &ReadOnlyStore,
    source: Option<&Source>,
    proof: Proof,
    compared: Option<Compared>,
    unfinished: Listed,
) -> Report {
    let Proof { stream, findings, mut books, partitions, batches, offsets, dropped, in_flight } = proof;
    let states = || books.log_files.iter().map(|(_, state)| state);
    let count = |n: usize| n as u64;
    let quarantined = books.quarantined();
    let counts = Counts {
        partitions: stream.as_ref().map_or(partitions, |stream| u64::from(stream.partitions)),
        batches,
        offsets,
        dropped,
        files: count(books.files.len()),
        data_rows: books.rows[0],
        rejected_rows: books.rows[1],
        log_file_rows: books.rows[2],
        log_files: count(books.log_files.len()),
        complete: count(states().filter(|state| state.end.is_some()).count()),
        unfinished: unfinished.count,
        quarantined: quarantined.count,
        altered: count(states().filter(|state| state.altered != 0).count()),
        source_log_files: compared.as_ref().map(|compared| compared.files),
        source_records: compared.as_ref().map(|compared| compared.records),
        not_in_source: compared.as_ref().map(|_| count(states().filter(|state| !state.is_in_source).count())),
    };
    let mut notes = vec![
        ("unfinished_batches", in_flight),
        ("unfinished_log_files", unfinished),
        ("quarantined_log_files", quarantined),
        ("altered_log_files", std::mem::take(&mut books.altered)),
    ];
    if let Some(compared) = compared {
        notes.push(("log_files_altered_in_the_source", compared.altered));
        notes.push(("log_files_gone_from_the_source", compared.vanished));
    }
    let layout = |stream: &persister::protocol::StreamRecord| {
        Printable(&format!("{}/{}, layout {}", stream.topic, stream.epoch, stream.layout)).to_string()
    };
    Report {
        table: Printable(&store.to_string()).to_string(),
        source: source.map(|source| Printable(&source.to_string()).to_string()),
        stream: stream.as_ref().map(layout),
        findings,
        counts,
        notes,
    }
}
