//! Parse, run, map to an exit code: the one place where a fatal error is printed.

use clap::{Parser, Subcommand};
use common::service::exit_code;
use std::process::ExitCode;
use switchback::{generate, run, verify};

const LONG_ABOUT: &str = "\
CloudTrail log files in, one exact and query-ready Parquet table out.

Every event record of every log file becomes exactly one row of the table, or exactly one row in rejected/ that says
why not, and `switchback verify` proves it from the table alone.";

const AFTER_HELP: &str = "\
Examples:
  switchback generate --out logs --records 100000      sample log files to play with
  switchback run --from logs --to table --once         one process, no services
  switchback verify table --against logs               prove that nothing is missing or twice

`switchback help COMMAND` says more.

Exit codes:
  0   done; for verify: the table is exact
  1   failed; for verify: the table is not exact
  2   the command line was not understood
  78  the configuration or the environment must be changed first; the message says what";

#[derive(Parser)]
#[command(name = "switchback", version, about = "CloudTrail log files in, one exact Parquet table out", long_about = LONG_ABOUT)]
#[command(after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Turn log files into a table: both stages in one process
    Run(run::RunArgs),
    /// Check that a table holds every event record exactly once
    Verify(verify::VerifyArgs),
    /// Write a realistic tree of CloudTrail log files, with the truth about it
    Generate(generate::GenerateArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Generate(args) => generate::run(args),
    };
    exit_code("switchback", result)
}
