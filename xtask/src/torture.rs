//! `cargo xtask torture`: random histories against real processes, over databases that may crash.
//!
//! Seeds are dealt out to lanes. Each lane has a PostgreSQL of its own, since a crash of it disturbs everybody on
//! it, and a `torture` process that plays one seed after the other.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use pico_args::Arguments;

use crate::{
    assets,
    data_dir::DataDir,
    finish,
    postgres::{Durability, Postgres, SUPERUSER},
    process, progress, workspace,
};

/// A seed waits more than it computes.
const LANES_PER_CORE: u64 = 2;

/// What the user asked for.
pub(crate) struct Options {
    first: u64,
    seeds: u64,
    /// The only kind of history to play.
    only: Option<String>,
    lanes: u64,
    /// Plays optimized programs.
    optimized: bool,
}

impl Options {
    pub(crate) fn parse(mut args: Arguments) -> Result<Self> {
        let one: Option<u64> = args.opt_value_from_str("--seed")?;
        let first = args.opt_value_from_str("--from")?.unwrap_or(0);
        let seeds = args.opt_value_from_str("--seeds")?.unwrap_or(20);
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        let lanes = args.opt_value_from_str("--lanes")?.unwrap_or(cores * LANES_PER_CORE);
        let only = args.opt_value_from_str("--only")?;
        let optimized = args.contains("--optimized");
        finish(args)?;
        let (first, seeds) = one.map_or((first, seeds), |seed| (seed, 1));
        ensure!(seeds > 0 && lanes > 0, "--seeds and --lanes must be at least 1");
        Ok(Self { first, seeds, only, lanes: lanes.min(seeds), optimized })
    }

    /// A few seconds of it, for the gate.
    pub(crate) fn short() -> Self {
        Self { first: 0, seeds: 3, only: None, lanes: 3, optimized: false }
    }
}

/// A database, and who works on it.
struct Lane {
    torture: Child,
    /// Stops when the lane is over.
    _postgres: Postgres,
}

/// Plays all seeds. Fails when books differ, after the line of JSON that says how often.
pub(crate) fn run(options: &Options) -> Result<()> {
    assets::build()?;
    let programs = build(options)?;
    let mut dirs = Vec::new();
    for number in 0..options.lanes {
        let dir = DataDir::open(&DataDir::default_path(&format!("torture-{number}"))?)?;
        Postgres::clear(&dir)?;
        dirs.push(dir);
    }
    let lanes = dirs.iter().enumerate().map(|(number, dir)| start(options, &programs, number as u64, dir));
    let lanes: Vec<Lane> = lanes.collect::<Result<_>>()?;
    let (mut seeds, mut violations) = (0, 0);
    for lane in lanes {
        let output = lane.torture.wait_with_output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let last = printed.lines().last().context("a lane of seeds broke off")?;
        let report: serde_json::Value = serde_json::from_str(last)?;
        seeds += report["seeds"].as_u64().unwrap_or(0);
        violations += report["violations"].as_u64().unwrap_or(0);
    }
    for dir in &dirs {
        Postgres::clear(dir)?;
    }
    println!("{{\"seeds\":{seeds},\"violations\":{violations}}}");
    ensure!(violations == 0, "the books do not agree");
    Ok(())
}

/// Answers where the programs are.
fn build(options: &Options) -> Result<PathBuf> {
    let programs = ["skypanel", "torture"];
    if options.optimized { workspace::build_measured(&programs) } else { workspace::build(&programs) }
}

fn start(options: &Options, programs: &Path, number: u64, dir: &DataDir) -> Result<Lane> {
    let postgres = Postgres::start(dir, Durability::Crashing)?;
    let mut torture = Command::new(programs.join("torture"));
    torture.args(["--first", &(options.first + number).to_string()]);
    torture.args(["--step", &options.lanes.to_string()]);
    torture.args(["--seeds", &((options.seeds - number).div_ceil(options.lanes)).to_string()]);
    if let Some(only) = &options.only {
        torture.args(["--only", only]);
    }
    torture.env("SKYPANEL_BIN", programs.join("skypanel"));
    torture.env("TEST_DATABASE_URL", postgres.server().url(SUPERUSER, "postgres"));
    torture.stdin(Stdio::null()).stdout(Stdio::piped());
    let torture = process::end_with_parent(&mut torture, Signal::SIGTERM).spawn();
    let torture = torture.context("cannot start the torture")?;
    progress(&format!("lane {number} plays"));
    Ok(Lane { torture, _postgres: postgres })
}
