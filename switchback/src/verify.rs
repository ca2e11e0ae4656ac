//! `switchback verify`: prove from the table alone that the promise holds.

use clap::Args;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  switchback verify table
  switchback verify s3://lake/cloudtrail --against s3://trail-bucket/AWSLogs --json

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
    /// Print the findings as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Verifies a table and prints what was found.
///
/// # Errors
/// When the table cannot be read.
pub fn run(_args: VerifyArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
