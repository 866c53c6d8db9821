//! Random histories against real processes, and whether all books agree afterwards.
//!
//! `cargo xtask torture` starts a private PostgreSQL and this program. A seed decides who does what and what
//! goes wrong when (`history`); people work over HTTP (`person`), disturbances are carried out meanwhile
//! (`disturbance`), the installation is brought to rest (`rest`), and then our books, the simulated clouds and
//! gateway, and the ledger must agree (`books`, `truth`, `promises`).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod books;
mod client;
mod deeds;
mod disturbance;
mod door;
mod history;
mod hours;
mod listener;
mod operators;
mod payer;
mod payments;
mod person;
mod process;
mod profile;
mod promises;
mod rest;
mod seed;
mod tally;
mod truth;
mod watch;
mod world;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use futures_util::FutureExt as _;
use pico_args::Arguments;
use tokio::signal::unix::{SignalKind, signal};

use crate::history::History;
use crate::profile::Profile;
use crate::tally::Tally;
use crate::world::World;

/// Seeds played in one world: later ones meet what earlier ones left behind, but not too much of it.
const SEEDS_PER_WORLD: u64 = 12;

/// What to play.
struct Options {
    first: u64,
    step: u64,
    seeds: u64,
    only: Option<Profile>,
}

impl Options {
    fn parse(mut args: Arguments) -> Result<Self> {
        let only: Option<String> = args.opt_value_from_str("--only")?;
        let only = only.map(|name| {
            let names = || Profile::ALL.map(Profile::name).join(", ");
            Profile::by_name(&name).with_context(|| format!("there is no `{name}`, only {}", names()))
        });
        let options = Self {
            first: args.value_from_str("--first")?,
            step: args.opt_value_from_str("--step")?.unwrap_or(1),
            seeds: args.value_from_str("--seeds")?,
            only: only.transpose()?,
        };
        let rest = args.finish();
        anyhow::ensure!(rest.is_empty(), "unknown option {}", rest[0].display());
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = async {
        let options = Options::parse(Arguments::from_env())?;
        // Whoever stops us wants the processes stopped as well: they end when the worlds are dropped.
        let mut stopped = signal(SignalKind::terminate())?;
        tokio::select! {
            violations = torture(&options) => violations.map(|n| (options.seeds, n)),
            _ = stopped.recv() => anyhow::bail!("stopped"),
            _ = tokio::signal::ctrl_c() => anyhow::bail!("stopped"),
        }
    };
    match outcome.await {
        Ok((seeds, violations)) => {
            println!("{{\"seeds\":{seeds},\"violations\":{violations}}}");
            if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Plays all seeds; answers how many violations there were.
async fn torture(options: &Options) -> Result<usize> {
    let (mut world, mut violations, mut tally) = (None, 0, Tally::default());
    if options.only.is_none_or(Profile::has_deeds) && options.seeds > 1 {
        tally.expect_payments();
    }
    for number in 0..options.seeds {
        let seed = options.first + number * options.step;
        let place = match world.take() {
            Some(world) => world,
            None => World::start().await?,
        };
        let wrong = one(options, &place, seed).await;
        violations += wrong;
        if wrong == 0 && (number + 1) % SEEDS_PER_WORLD != 0 && place.is_young() {
            world = Some(place);
        } else {
            tally.add(&place).await;
        }
    }
    if let Some(world) = &world {
        tally.add(world).await;
    }
    eprintln!("what happened: {}", tally.lines().join(", "));
    Ok(violations)
}

/// Plays one seed and says what came of it; answers how many violations there were.
async fn one(options: &Options, world: &World, seed: u64) -> usize {
    let profile = options.only.unwrap_or_else(|| Profile::of(seed));
    let history = History::draw(seed, profile);
    if options.seeds == 1 {
        eprintln!("{history}");
    }
    let began = Instant::now();
    let wrong = AssertUnwindSafe(seed::play(world, &history)).catch_unwind().await;
    let wrong = wrong.unwrap_or_else(|_| vec!["the harness panicked".to_owned()]);
    let (took, name) = (began.elapsed().as_secs_f32(), profile.name());
    eprintln!("seed {seed} ({name}): {} violations in {took:.1} s", wrong.len());
    for what in &wrong {
        eprintln!("  {what}");
    }
    if !wrong.is_empty() {
        let only = options.only.map(|only| format!(" --only {}", only.name())).unwrap_or_default();
        eprintln!("  again: cargo xtask torture --seed {seed}{only}");
    }
    wrong.len()
}
