//! `cargo xtask test`: the gate that every change passes.

mod browser;
mod conformance;
mod dependencies;
mod licence;
mod specifications;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use pico_args::Arguments;

use crate::{
    assets,
    data_dir::DataDir,
    finish, fuzz_api,
    postgres::{Durability, Postgres, SUPERUSER},
    process, progress, sqlx,
    system::{self, Package},
    torture, workspace,
};

/// Runs the examples of the API's documentation.
const CURL: Package = Package { name: "curl", debian: &["curl"], homebrew: "curl" };

/// What the stages share.
struct Gate {
    postgres: Postgres,
    skip_browser: bool,
}

/// How a stage came out; a failure is an error.
enum Outcome {
    Passed,
    Skipped(&'static str),
}

/// One stage: the word for `--only`, and what it does.
struct Stage {
    name: &'static str,
    run: fn(&Gate) -> Result<Outcome>,
}

/// In the order of the time they take, as far as they do not need each other.
const STAGES: [Stage; 13] = [
    Stage { name: "install", run: install },
    Stage { name: "dependencies", run: |_| passed(dependencies::check()) },
    Stage { name: "format", run: |_| cargo(&["fmt", "--all", "--check"]) },
    Stage { name: "assets", run: |_| passed(assets::build()) },
    Stage {
        name: "clippy",
        run: |_| cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Stage { name: "docs", run: docs },
    Stage { name: "sqlx", run: |gate| passed(sqlx::check(gate.postgres.server())) },
    Stage { name: "tests", run: tests },
    Stage { name: "torture", run: |_| passed(torture::run(&torture::Options::short())) },
    Stage { name: "conformance", run: |_| conformance::check() },
    Stage { name: "specifications", run: |_| specifications::check() },
    Stage { name: "fuzz-api", run: |_| passed(fuzz_api::run(&fuzz_api::Options::short())) },
    Stage { name: "browser", run: browser::check },
];

/// What the user asked for.
pub(crate) struct Options {
    skip_browser: bool,
    /// The names of the stages to run; all when empty.
    only: Vec<String>,
}

impl Options {
    pub(crate) fn parse(mut args: Arguments) -> Result<Self> {
        let options =
            Self { skip_browser: args.contains("--skip-browser"), only: args.values_from_str("--only")? };
        finish(args)?;
        for name in &options.only {
            let names = STAGES.map(|stage| stage.name);
            ensure!(names.contains(&name.as_str()), "there is no stage `{name}`, only {}", names.join(", "));
        }
        Ok(options)
    }
}

/// Runs the stages one after the other, up to the first that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let dir = DataDir::open(&DataDir::default_path("test")?)?;
    Postgres::clear(&dir)?;
    let gate =
        Gate { postgres: Postgres::start(&dir, Durability::Fast)?, skip_browser: options.skip_browser };
    let is_wanted =
        |stage: &&Stage| options.only.is_empty() || options.only.iter().any(|name| name == stage.name);
    let mut report = Vec::new();
    for stage in STAGES.iter().filter(is_wanted) {
        progress(&format!("stage {}", stage.name));
        let started = Instant::now();
        let outcome = (stage.run)(&gate).with_context(|| format!("the stage `{}` failed", stage.name))?;
        let line = line(stage.name, &outcome, started.elapsed());
        progress(&line);
        report.push(line);
    }
    drop(gate);
    Postgres::clear(&dir)?;
    println!("\n{}\n\ngate passed", report.join("\n"));
    Ok(())
}

fn line(name: &str, outcome: &Outcome, took: Duration) -> String {
    match outcome {
        Outcome::Passed => format!("{name:<14} passed in {:.1} s", took.as_secs_f32()),
        Outcome::Skipped(reason) => format!("{name:<14} skipped: {reason}"),
    }
}

/// Gets what later stages need, so that a machine that cannot have it fails at once.
fn install(gate: &Gate) -> Result<Outcome> {
    assets::ensure_node()?;
    if process::which("curl").is_none() {
        system::install(&CURL)?;
    }
    if !gate.skip_browser {
        browser::ensure_chromium()?;
    }
    Ok(Outcome::Passed)
}

fn docs(_: &Gate) -> Result<Outcome> {
    passed(process::run(
        workspace::cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    ))
}

/// Unit and integration tests; each makes its database on the server of `TEST_DATABASE_URL`.
fn tests(gate: &Gate) -> Result<Outcome> {
    let panel = workspace::build_panel()?;
    let test = |arguments: &[&str]| {
        let mut command = workspace::cargo();
        command.args(arguments).env_remove("DATABASE_URL");
        process::run(command.env("SKYPANEL_BIN", &panel).env("TEST_DATABASE_URL", test_database_url(gate)))
    };
    if process::which("cargo-nextest").is_none() {
        return passed(test(&["test", "--workspace"]));
    }
    // nextest runs everything but the examples in documentation.
    test(&["test", "--quiet", "--workspace", "--doc"])?;
    passed(test(&["nextest", "run", "--workspace"]))
}

/// Tests make roles and databases of their own, so they connect as the superuser.
fn test_database_url(gate: &Gate) -> String {
    gate.postgres.server().url(SUPERUSER, "postgres")
}

fn cargo(arguments: &[&str]) -> Result<Outcome> {
    passed(process::run(workspace::cargo().args(arguments)))
}

fn passed(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Passed)
}
