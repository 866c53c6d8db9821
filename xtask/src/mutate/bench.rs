//! Running tests against mutants.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{Bench, Mutant, Outcome};
use crate::{process, progress, workspace};

/// As many as run at once: tests wait for the database half of the time.
const LANES: usize = 2;

/// How a test says that what it awaited did not come (`crates/testkit/src/panel.rs`).
const IN_VAIN: &str = "waited too long";

/// Longer takes no test that comes to an end.
const PATIENCE: Duration = Duration::from_secs(180);

/// Builds the integration tests of a checkout and gives the program's path.
pub(super) fn build(checkout: &Path) -> Result<PathBuf> {
    progress(&format!("building the tests of {}", checkout.display()));
    let mut build = workspace::cargo();
    build.args(["test", "--no-run", "--quiet", "--workspace", "--test", "it"]);
    build.args(["--message-format", "json"]).current_dir(checkout);
    // Of its own: cargo takes the crates of two checkouts for the same.
    build.env("CARGO_TARGET_DIR", checkout.join("target"));
    let messages = process::output(&mut build)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.next_back().context("cargo has built no test")
}

/// The tests pass while all walls stand that are tried: only then does a failure say something.
pub(super) fn see_pass(mutants: &[Mutant], database: &str) -> Result<()> {
    let mut seen: Vec<(&Bench, &str)> = Vec::new();
    for Mutant { bench, kind, .. } in mutants {
        if seen.iter().any(|(other, _)| other.program == bench.program && other.tests == bench.tests) {
            continue;
        }
        progress(&format!("the tests of each {kind}: {}", bench.tests.join(", ")));
        let output = command(bench, &[], database).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{} fail without any mutant\n{said}", bench.tests.join(", "));
        seen.push((bench, kind));
    }
    Ok(())
}

/// Tries all of them, a few at a time.
pub(super) fn try_all(mutants: &[Mutant], database: &str) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let lane = || {
        let mut outcomes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(index) else { return Ok(outcomes) };
            outcomes.push((index, attempt(mutant, database)?));
        }
    };
    let lanes: Vec<Result<Vec<(usize, Outcome)>>> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        lanes
            .into_iter()
            .map(|lane| lane.join().unwrap_or_else(|_| Err(anyhow!("a lane panicked"))))
            .collect()
    });
    let mut outcomes = Vec::new();
    for lane in lanes {
        outcomes.extend(lane?);
    }
    outcomes.sort_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// A test that waited in vain may only have met a busy machine: it gets a second chance to fail by what it saw.
fn attempt(mutant: &Mutant, database: &str) -> Result<Outcome> {
    match try_once(mutant, database)? {
        Outcome::HungUp => try_once(mutant, database),
        outcome => Ok(outcome),
    }
}

fn try_once(mutant: &Mutant, database: &str) -> Result<Outcome> {
    let mut said = tempfile()?;
    let mut command = command(&mutant.bench, &mutant.environment, database);
    command.stdout(said.try_clone()?).stderr(Stdio::null());
    let mut child = command.spawn().context("cannot start the tests")?;
    let Some(status) = process::wait_at_most(&mut child, PATIENCE)? else {
        child.kill()?;
        child.wait()?;
        return Ok(Outcome::HungUp);
    };
    if status.success() {
        return Ok(Outcome::Survived);
    }
    let mut text = String::new();
    said.rewind()?;
    said.read_to_string(&mut text)?;
    Ok(if text.contains(IN_VAIN) { Outcome::HungUp } else { Outcome::Caught })
}

/// A file without a name, for what a test says.
fn tempfile() -> Result<File> {
    let path = workspace::scratch("mutants-say")?.join(format!("{:?}", thread::current().id()));
    Ok(File::options().create(true).truncate(true).read(true).write(true).open(path)?)
}

fn command(bench: &Bench, environment: &[(&'static str, String)], database: &str) -> Command {
    let mut command = Command::new(&bench.program);
    command.args(bench.tests).current_dir(workspace::root().join("tests"));
    command.env("TEST_DATABASE_URL", database).env("RUST_BACKTRACE", "0");
    command.envs(bench.environment.iter().chain(environment).map(|(name, value)| (name, value)));
    process::end_with_parent(command.stdin(Stdio::null()), Signal::SIGKILL);
    command
}
