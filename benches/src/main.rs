//! Benchmarks of what the product promises to be fast at. `cargo xtask bench NAME` runs one.
//!
//! Each builds its own installation, says what it measures, and closes with one line of JSON. Load, panel and database
//! share the machine, so figures are a lower bound.
#![expect(clippy::print_stdout, reason = "a command line tool talks to its user")]

mod api;
mod billing;
mod floor;
mod jobs;
mod measure;
mod process;
mod scene;
mod sse;
mod statement;
mod wallet;

use std::process::ExitCode;

use anyhow::{Result, bail};

#[tokio::main]
async fn main() -> ExitCode {
    testkit::install_crypto();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let size = arguments.next().map(|size| size.parse()).transpose()?;
    let report = match name.as_str() {
        "billing" => billing::run(size.unwrap_or(1_000_000)).await?,
        "ledger-verify" => billing::verify(size.unwrap_or(1_000_000)).await?,
        "api" => api::run(size.unwrap_or(10_000)).await?,
        "sse" => sse::run(size.unwrap_or(10_000)).await?,
        "jobs" => jobs::run(size.unwrap_or(5_000)).await?,
        "statement" => statement::run(size.unwrap_or(1_000)).await?,
        "wallet" => wallet::run(size.unwrap_or(10)).await?,
        other => bail!(
            "there is no benchmark `{other}`, only billing, ledger-verify, api, sse, jobs, statement and wallet"
        ),
    };
    println!("{report}");
    Ok(())
}
