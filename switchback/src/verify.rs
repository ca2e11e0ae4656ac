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
mod guard;
mod hints;
mod listed;
mod log_files;
mod notes;
mod orphans;
mod parquet_file;
mod patience;
mod place;
mod prefetch;
mod read_only;
mod report;
mod scan;
mod source;
mod source_record;
mod strict;
mod table;
mod table_record;
#[cfg(test)]
mod tests;

use against::{Compared, compare};
use anyhow::Context;
use clap::Args;
use common::service::{ConfigError, Printable};
use common::store::{Location, LocationError, Store};
use diagnose::diagnose;
use notes::Note;
use patience::Patience;
use read_only::ReadOnlyStore;
use report::{Counts, Report, Verdict};
use scan::Suspects;
use source::Source;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use table::{Proof, prove};

const AFTER_HELP: &str = "\
Examples:
  switchback verify table
  switchback verify s3://lake/cloudtrail --against s3://trail-bucket/AWSLogs --json

Reads the whole table (with --against also the whole source) and changes nothing. The last line is the verdict:

  exact       every record is in the table once; with --against, every record of every object of the source
  incomplete  nothing is wrong with what is there, but something is missing, and named: a quarantined log file; log files
              that are not finished or whose batch is being written (on the way; --allow-in-flight lets that pass); with
              --against, log files that the table does not have as they are, and objects that could not be listed, read
              or recognized. Digests, other services' logs and empty objects are counted and change nothing.
  damaged     objects of the table are gone, altered, or contradict one another or their log files

A store that does not answer is told of on stderr after 5 s, and again while it lasts; after 60 s (80 s when an attempt is
under way) the verification ends without it.

Exit code 0: exact. 1: incomplete, damaged, or the table could not be read. 78: TABLE or SOURCE cannot be used as given.";

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
    /// Let pass what is on its way: batches that are being written, and log files without their end
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
    Ok(ExitCode::from(u8::from(report.verdict() != Verdict::Exact)))
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
    let store = Patience::with(text).ask(|| Store::open(&location)).await?;
    Ok(ReadOnlyStore::new(store))
}

async fn verify(args: &VerifyArgs) -> anyhow::Result<Report> {
    let store = open_table(&args.table).await?;
    let source = match &args.against {
        Some(text) => Some(Source::open(&location("--against", text)?).await?),
        None => None,
    };
    let mut proof = prove(&store, source.is_some()).await.context("failed to read the table")?;
    let Proof { accounting, findings, notes, .. } = &mut proof;
    let compared = match &source {
        Some(source) => Some(compare(source, accounting, findings, notes).await.context("failed to compare with the source")?),
        None => None,
    };
    let (compared, suspects) = split(compared);
    let unfinished = diagnose(&store, &mut proof, suspects).await?;
    proof.notes.set(Note::UnfinishedLogFiles, unfinished);
    let mut report = report(&store, source.as_ref(), proof, compared.as_ref());
    report.allow_in_flight = args.allow_in_flight;
    Ok(report)
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

fn report(store: &ReadOnlyStore, source: Option<&Source>, proof: Proof, compared: Option<&Compared>) -> Report {
    let Proof { stream, findings, mut accounting, partitions, batches, offsets, dropped, mut notes } = proof;
    notes.set(Note::Quarantined, accounting.quarantined());
    notes.set(Note::Altered, std::mem::take(&mut accounting.altered));
    let states = || accounting.log_files.iter().map(|(_, state)| state);
    let count = |n: usize| n as u64;
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
        unfinished: notes.of(Note::UnfinishedLogFiles).count,
        quarantined: notes.of(Note::Quarantined).count,
        altered: count(states().filter(|state| state.altered != 0).count()),
        source_log_files: compared.map(|compared| compared.files),
        source_records: compared.map(|compared| compared.records),
        not_in_source: compared.map(|_| count(states().filter(|state| !state.is_in_source).count())),
        source_others: compared.map(|compared| compared.others),
    };
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
        allow_in_flight: false,
    }
}
