//! Parses the command line, runs the subcommand and maps the result to an exit code. Fatal errors are printed here and nowhere else.

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
  switchback generate --out logs --records 100000      sample log files to try it with
  switchback run --from logs --to table --once         log files to table, in one process
  switchback verify table --against logs               no record is missing, duplicated or changed

`switchback help COMMAND` explains all options of a command.

Exit codes:
  0   success; verify: the table is exact
  1   failure; run --once: not everything could be read; verify: the table is not exact, or could not be read
  2   invalid command line
  78  invalid configuration or environment; the message says what to change
  143 run --once: ended by SIGTERM before its work was done (130: by SIGINT)";

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
    /// Generate realistic CloudTrail log files, with the expected result
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
