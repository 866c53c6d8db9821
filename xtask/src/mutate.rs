//! `cargo xtask mutate`: takes the walls between people down, one at a time, and looks whether a test falls over.
//!
//! A wall is a policy of row security, the `organization_id` filter of a query, or a permission that a use case,
//! a route or a role asks for. Where two walls stand behind each other (row security behind the filters, use
//! cases behind routes), the other one is down while one is tried: each must hold alone.

mod bench;
mod filters;
mod permissions;
mod policies;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use pico_args::Arguments;
use serde_json::json;

use crate::{
    assets,
    data_dir::DataDir,
    finish,
    postgres::{Durability, Postgres, SUPERUSER},
    progress, workspace,
};

/// One wall, and how it is taken down.
struct Mutant {
    /// `policy`, `filter`, `guard`, `use case` or `role`.
    kind: &'static str,
    /// Which one.
    name: String,
    /// What takes it down.
    environment: Vec<(&'static str, String)>,
    /// What must notice.
    bench: Bench,
    /// Why taking it down would change nothing; then it is not tried.
    exempt: Option<&'static str>,
}

/// Tests, and the program they are in.
#[derive(Clone)]
struct Bench {
    program: PathBuf,
    tests: &'static [&'static str],
    /// Walls that are down in any case.
    environment: Vec<(&'static str, String)>,
}

/// What became of a mutant.
enum Outcome {
    /// A test failed by what it saw.
    Caught,
    /// No test failed.
    Survived,
    /// A test waited in vain, twice.
    HungUp,
}

/// What the user asked for.
pub(crate) struct Options {
    /// The kinds to try; all when empty.
    only: Vec<String>,
}

const KINDS: [&str; 5] = ["policy", "filter", "guard", "use case", "role"];

impl Options {
    pub(crate) fn parse(mut args: Arguments) -> Result<Self> {
        let options = Self { only: args.values_from_str("--only")? };
        finish(args)?;
        for kind in &options.only {
            ensure!(KINDS.contains(&kind.as_str()), "there is no kind `{kind}`, only {}", KINDS.join(", "));
        }
        Ok(options)
    }

    fn wants(&self, kinds: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| kinds.contains(&only.as_str()))
    }
}

/// Tries every wall, prints what became of each, and fails when one was not missed.
pub(crate) fn run(options: &Options) -> Result<()> {
    assets::build()?;
    let dir = DataDir::open(&DataDir::default_path("mutate")?)?;
    let postgres = Postgres::start(&dir, Durability::Fast)?;
    let database = postgres.server().url(SUPERUSER, "postgres");
    let mut mutants = Vec::new();
    if options.wants(&["policy", "filter"]) {
        let program = bench::build(workspace::root())?;
        mutants.extend(policies::mutants(&program)?);
        mutants.extend(filters::mutants(&program)?);
    }
    if options.wants(&["guard", "use case", "role"]) {
        mutants.extend(permissions::mutants()?);
    }
    mutants.retain(|mutant| options.wants(&[mutant.kind]));
    let (exempt, mutants): (Vec<Mutant>, Vec<Mutant>) = mutants.into_iter().partition(|m| m.exempt.is_some());
    bench::see_pass(&mutants, &database)?;
    let started = Instant::now();
    let outcomes = bench::try_all(&mutants, &database)?;
    report(&mutants, &outcomes, &exempt, started.elapsed())
}

fn report(mutants: &[Mutant], outcomes: &[Outcome], exempt: &[Mutant], took: Duration) -> Result<()> {
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut survivors = Vec::new();
    for (mutant, outcome) in mutants.iter().zip(outcomes) {
        let (count, caught) = kinds.entry(mutant.kind).or_default();
        *count += 1;
        let word = match outcome {
            Outcome::Caught => "caught",
            Outcome::HungUp => "hung up",
            Outcome::Survived => "SURVIVED",
        };
        match outcome {
            Outcome::Survived => survivors.push(format!("{}: {}", mutant.kind, mutant.name)),
            Outcome::Caught | Outcome::HungUp => *caught += 1,
        }
        println!("{word:<9} {:<9} {}", mutant.kind, mutant.name);
    }
    for Mutant { kind, name, exempt, .. } in exempt {
        println!("{:<9} {kind:<9} {name}: {}", "exempt", exempt.unwrap_or_default());
    }
    println!();
    for (kind, (count, caught)) in kinds {
        println!("{kind:<9} {caught} of {count} caught");
    }
    progress(&format!("tried in {:.0} s", took.as_secs_f32()));
    let caught = mutants.len() - survivors.len();
    println!("{}", json!({ "mutants": mutants.len(), "caught": caught, "survivors": survivors }));
    if survivors.is_empty() { Ok(()) } else { bail!("{} walls are not missed by any test", survivors.len()) }
}
