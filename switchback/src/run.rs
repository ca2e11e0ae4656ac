//! `switchback run`: both stages in one process.

use crate::units;
use clap::{Args, ValueEnum};
use std::process::ExitCode;
use std::time::Duration;

const AFTER_HELP: &str = "\
Examples:
  switchback run --from logs --to table --once
  switchback run --from s3://trail-bucket/AWSLogs --to s3://lake/cloudtrail --log kafka://broker:9092/cloudtrail

SOURCE and TABLE are a directory or s3://BUCKET[/PREFIX]. It may be stopped at any moment and started again.";

/// How the table's files are laid out in directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LayoutName {
    /// `event_date=`
    Date,
    /// `event_date=/event_hour=`
    DateHour,
    /// `account_id=/region=/event_date=`
    AccountRegionDate,
    /// `region=/accountId=/eventDay=`, as Amazon Security Lake has it
    SecurityLake,
}

/// What `switchback run` was asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct RunArgs {
    /// Where the log files are: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "SOURCE")]
    pub from: String,
    /// Where the table is to be: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "TABLE")]
    pub to: String,
    /// The log between the stages: embedded:DIR or kafka://HOST:PORT[,…]/TOPIC [default: embedded, beside a local table]
    #[arg(long, value_name = "LOG")]
    pub log: Option<String>,
    /// Stop when every log file that is there now is in the table
    #[arg(long)]
    pub once: bool,
    /// Directories of the table
    #[arg(long, value_enum, default_value = "date")]
    pub layout: LayoutName,
    /// Partitions of the log; fixed when the stream is made
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub partitions: Option<u32>,
    /// Replication factor of the topic, when it is made
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub replication: Option<u16>,
    /// Retention of the topic, when it is made, such as 7d
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    pub retention: Option<Duration>,
    /// Seal a batch at about this many bytes of Parquet, such as 128MiB
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub seal_bytes: Option<u64>,
    /// Seal a batch when its first row is this old, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    pub seal_age: Option<Duration>,
}

/// Runs both stages until stopped (or, with `--once`, until done).
///
/// # Errors
/// Whatever ended it against its will.
pub fn run(_args: RunArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
