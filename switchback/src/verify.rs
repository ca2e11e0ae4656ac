//! `switchback verify`: proves from the table alone that every event record is in it exactly once.
//!
//! ```text
//!  stream/ ─▶ table::prove ─▶ _log/ (chain) ─▶ each file of each batch (parquet_file::examine, pure) ─▶ accounting (per log file)
//!                                                                                                          │
//!  SOURCE ──▶ against::compare: reads each log file again and adds up its records ───────────────────────▶ │
//!                                                                                                          ▼
//!                                               report ◀─ diagnose: a second pass for the log files that do not agree
//! ```
//! Memory: two Parquet files of the usual size at a time, about 100 bytes per log file, the keys of the table's files; nothing per record.
//!
//! A sum of 128-bit hashes stands for the records of a log file in any order, so one pass over table and source is enough. It finds damage
//! and faults. It does not find forgery: whoever can write to both table and chain can write a table that agrees with itself.

mod accounting;
mod against;
mod canonical_json;
mod chain;
mod columns;
mod diagnose;
mod event_time;
mod findings;
mod listed;
mod log_files;
mod orphans;
mod parquet_file;
mod place;
mod prefetch;
mod read_only;
mod report;
mod scan;
mod source_record;
mod table;
mod table_record;
#[cfg(test)]
mod tests;

use against::{Compared, compare};
use aggregator::Source;
use anyhow::Context;
use clap::Args;
use common::service::{ConfigError, Printable};
use common::store::{Location, LocationError, Store};
use diagnose::diagnose;
use listed::Listed;
use read_only::ReadOnlyStore;
use report::{Counts, Report};
use scan::Suspects;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use table::{Proof, Strictness, prove};

const AFTER_HELP: &str = "\
Examples:
  switchback verify table
  switchback verify s3://lake/cloudtrail --against s3://trail-bucket/AWSLogs --json

Reads the whole table (with --against also the whole source) and changes nothing. While a persister is writing to the
table, use --allow-in-flight.

Exit code 0: the table is exact. 1: it is not, or it could not be read.";

/// What `switchback verify` was asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct VerifyArgs {
    /// Table to check: a directory or s3://BUCKET[/PREFIX]
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// Also compare every record with its log file: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "SOURCE")]
    pub against: Option<String>,
    /// Accept that files of each partition's newest batch are missing: a persister is writing them
    #[arg(long)]
    pub allow_in_flight: bool,
    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Verifies a table and prints the report.
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
    // A closed pipe (`| head`) does not change the result.
    let _ = written.and_then(|()| out.flush());
    Ok(ExitCode::from(u8::from(!report.is_exact())))
}

fn location(argument: &str, text: &str) -> Result<Location, ConfigError> {
    text.parse().map_err(|error: LocationError| ConfigError::at(argument, error.to_string()))
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
    let strictness = Strictness { with_values: source.is_some(), allow_in_flight: args.allow_in_flight };
    let mut proof = prove(&store, strictness).await.context("failed to read the table")?;
    let compared = match &source {
        Some(source) => {
            Some(compare(source, &mut proof.accounting, &mut proof.findings).await.context("failed to compare with the source")?)
        }
        None => None,
    };
    let (compared, suspects) = split(compared);
    let unfinished = diagnose(&store, &mut proof, suspects).await?;
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

fn report(
    store: &ReadOnlyStore,
    source: Option<&Source>,
    proof: Proof,
    compared: Option<Compared>,
    unfinished: Listed,
) -> Report {
    let Proof { stream, findings, mut accounting, partitions, batches, offsets, dropped, in_flight } = proof;
    let states = || accounting.log_files.iter().map(|(_, state)| state);
    let count = |n: usize| n as u64;
    let quarantined = accounting.quarantined();
    let counts = Counts {
        partitions: stream.as_ref().map_or(partitions, |stream| u64::from(stream.partitions)),
        batches,
        offsets,
        dropped,
        files: count(accounting.files.len()),
        data_rows: accounting.rows[0],
        rejected_rows: accounting.rows[1],
        log_file_rows: accounting.rows[2],
        log_files: count(accounting.log_files.len()),
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
        ("altered_log_files", std::mem::take(&mut accounting.altered)),
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
