//! SkyPanel: one binary for everything an installation runs.

mod admin;
mod cli;
mod config;
mod demo;
mod doctor;
mod ledger;
mod serve;
mod simulate;
mod statement;
mod wire;
mod work;

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;

/// Gives memory back: checking a password takes 19 MiB for a moment, which the system's allocator keeps. Its feature
/// `no_thp` refuses the large pages of Linux: one is resident as a whole, however little of it is used, which was 15 MB
/// of 45 at rest.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    init_tracing();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
    let outcome = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to standard error, as text on a terminal and as JSON elsewhere; `RUST_LOG` chooses.
fn init_tracing() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx::query=warn,hyper=warn,reqwest=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        log.compact().init();
    } else {
        log.json().init();
    }
}
