//! Repository tasks, run as `cargo xtask <task>`.
//!
//! This is the first program a newcomer runs, so it has few dependencies and compiles in seconds.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod assets;
mod bench;
mod data_dir;
mod database;
mod demo;
mod fuzz_api;
mod gate;
mod mutate;
mod pg;
mod postgres;
mod process;
mod python;
mod sqlx;
mod supervise;
mod system;
mod torture;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use pico_args::Arguments;

const USAGE: &str = "\
Usage: cargo xtask <task>

  demo [--port 8080] [--data DIR] [--fresh] [--speed N]
                        the panel with a database and simulated clouds; a second start goes on with the same
                        data, --fresh begins anew
  test [--skip-browser] [--only STAGE]
                        the gate: everything that a change must pass
  torture [--seeds 20] [--from S] [--only NAME] [--lanes N] [--optimized]
                        random histories against real processes with disturbances, and whether all books agree
                        afterwards; --seed S plays one again, --optimized takes longer to build and plays
                        faster; closes with a line of JSON
  mutate [--only KIND]  takes the walls between people down, one at a time, and looks whether a test notices
  fuzz-api [--cases 100]
                        asks a panel everything its OpenAPI document allows and much that it does not; cases for
                        each operation, as a session and as an API key
  bench NAME [SIZE]     billing, ledger-verify, api, sse or jobs: figures of an optimized build; closes with a
                        line of JSON
  sqlx [--check]        refresh .sqlx after a change of migrations or queries; --check only compares
  pg [--data DIR]       a development PostgreSQL in the foreground, its database made from the migrations
  pg --migrate          make the database of the running one anew from the migrations";

fn main() -> ExitCode {
    match dispatch(Arguments::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut args: Arguments) -> Result<()> {
    if args.contains(["-h", "--help"]) {
        println!("{USAGE}");
        return Ok(());
    }
    match args.subcommand()?.as_deref() {
        Some("demo") => demo::run(&demo::Options::parse(args)?),
        Some("test") => gate::run(&gate::Options::parse(args)?),
        Some("torture") => torture::run(&torture::Options::parse(args)?),
        Some("mutate") => mutate::run(&mutate::Options::parse(args)?),
        Some("bench") => bench::run(&bench::Options::parse(args)?),
        Some("fuzz-api") => fuzz_api::run(&fuzz_api::Options::parse(args)?),
        Some("sqlx") => sqlx::run(&sqlx::Options::parse(args)?),
        Some("pg") => pg::run(&pg::Options::parse(args)?),
        Some(other) => bail!("there is no task `{other}`\n\n{USAGE}"),
        None => bail!("which task?\n\n{USAGE}"),
    }
}

/// Refuses what no option has taken.
fn finish(args: Arguments) -> Result<()> {
    let rest = args.finish();
    ensure!(rest.is_empty(), "unknown option {}\n\n{USAGE}", rest[0].display());
    Ok(())
}

/// Tells the user what happens now.
fn progress(what: &str) {
    eprintln!("==> {what}");
}
