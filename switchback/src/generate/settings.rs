//! What `switchback generate` was asked to do, and what that means.

use super::text;
use clap::Args;
use common::time::Date;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Examples:
  switchback generate --out logs --records 100000
  switchback generate --out logs --records 5000000 --days 7 --accounts 200 --regions 12 --seed 42
  switchback generate --out clean --records 1000 --late 0 --duplicate-files 0 --malformed-records 0

The log files are in DIR/AWSLogs, named as CloudTrail names them; copies of some are in DIR/redelivered/AWSLogs.
DIR/truth.json has the expected result: the number of rows, rejected records and quarantined log files by reason, and
the parameters of an attack that is hidden among the events. DIR/truth-objects.ndjson has one line per log file.
The same options give the same bytes on any machine.";

/// What `switchback generate` was asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct GenerateArgs {
    /// Directory to write to; it must not contain generated log files yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Number of event records in all readable log files, malformed ones included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000_000))]
    pub records: u64,
    /// Random seed
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Number of accounts; the first few have most of the traffic
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub accounts: u32,
    /// Number of regions; the first has most of the traffic
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=17))]
    pub regions: u32,
    /// Number of days
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2026-11-22", value_parser = start_day)]
    pub start: Date,
    /// Mean number of records in a log file (they have 1 to 10000)
    #[arg(long, value_name = "MEAN", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub per_file: u32,
    /// Share of records that arrive 1 to 20 days late
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub late: f64,
    /// Share of log files that are delivered twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub duplicate_files: f64,
    /// Share of records that are malformed, to be rejected
    #[arg(long, value_name = "SHARE", default_value_t = 0.0005, value_parser = share)]
    pub malformed_records: f64,
    /// Share of events without an eventTime, to be rows all the same
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub undated: f64,
    /// Share of log files that are unreadable, to be quarantined: a table with one is incomplete
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = malformed_files_share)]
    pub malformed_files: f64,
    /// Also write CloudTrail digest files, to be skipped
    #[arg(long)]
    pub digests: bool,
    /// Also write a small log file that inflates to 200 MiB, to be quarantined
    #[arg(long)]
    pub bomb: bool,
}

/// What the arguments mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Directory to write to.
    pub out: PathBuf,
    /// Elements of `Records` in all readable log files.
    pub records: u64,
    /// Seed of all chance.
    pub seed: u64,
    /// Number of accounts.
    pub accounts: usize,
    /// Number of regions.
    pub regions: usize,
    /// Number of days.
    pub days: u32,
    /// Midnight of the first day, seconds since the epoch.
    pub start: i64,
    /// Mean records per log file.
    pub per_file: u32,
    /// Share of records that are late.
    pub late: f64,
    /// Share of log files that are delivered twice.
    pub duplicate_files: f64,
    /// Share of bad records.
    pub malformed_records: f64,
    /// Share of events without a time.
    pub undated: f64,
    /// Share of bad log files.
    pub malformed_files: f64,
    /// Write digest files.
    pub digests: bool,
    /// Write a gzip bomb.
    pub bomb: bool,
}

impl From<GenerateArgs> for Settings {
    fn from(args: GenerateArgs) -> Settings {
        Settings {
            out: args.out,
            records: args.records,
            seed: args.seed,
            accounts: args.accounts as usize,
            regions: args.regions as usize,
            days: args.days,
            start: i64::from(args.start.0) * text::SECONDS_PER_DAY,
            per_file: args.per_file,
            late: args.late,
            duplicate_files: args.duplicate_files,
            malformed_records: args.malformed_records,
            undated: args.undated,
            malformed_files: args.malformed_files,
            digests: args.digests,
            bomb: args.bomb,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1".to_owned()),
    }
}

/// Broken log files come on top of the records asked for, so they must not be all there is.
fn malformed_files_share(text: &str) -> Result<f64, String> {
    share(text).and_then(|share| if share <= 0.9 { Ok(share) } else { Err("at most 0.9".to_owned()) })
}

fn start_day(text: &str) -> Result<Date, String> {
    let day = Date::parse(text).ok_or("a day is written YYYY-MM-DD")?;
    match day.civil().0 {
        2000..=2100 => Ok(day),
        _ => Err("the year must be from 2000 to 2100".to_owned()),
    }
}
