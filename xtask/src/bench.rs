//! `cargo xtask bench`: benchmarks of an optimized build, on a database of their own.

use std::process::Command;

use anyhow::{Result, ensure};
use pico_args::Arguments;

use crate::{
    assets,
    data_dir::DataDir,
    postgres::{Durability, Postgres, SUPERUSER},
    process, progress, workspace,
};

/// What the user asked for.
pub(crate) struct Options {
    /// The name, and how large, for the program.
    arguments: Vec<String>,
}

impl Options {
    pub(crate) fn parse(args: Arguments) -> Result<Self> {
        let arguments: Vec<String> =
            args.finish().into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        ensure!(matches!(arguments.len(), 1 | 2), "which benchmark? `bench NAME [SIZE]`");
        Ok(Self { arguments })
    }
}

/// Runs one benchmark, which prints its figures and closes with a line of JSON.
pub(crate) fn run(options: &Options) -> Result<()> {
    assets::build()?;
    let programs = workspace::build_measured(&["skypanel", "benches"])?;
    let dir = DataDir::open(&DataDir::default_path("bench")?)?;
    Postgres::clear(&dir)?;
    let postgres = Postgres::start(&dir, Durability::Measured)?;
    progress(&format!("measuring {}", options.arguments.join(" ")));
    let mut bench = Command::new(programs.join("benches"));
    bench.args(&options.arguments);
    bench.env("SKYPANEL_BIN", programs.join("skypanel"));
    bench.env("TEST_DATABASE_URL", postgres.server().url(SUPERUSER, "postgres"));
    bench.env("BENCH_DATABASE_LOG", postgres.server().log());
    process::run(&mut bench)?;
    drop(postgres);
    Postgres::clear(&dir)
}
