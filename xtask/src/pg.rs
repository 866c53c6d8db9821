//! `cargo xtask pg`: a PostgreSQL for those who work on SQL.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use pico_args::Arguments;

use crate::{
    data_dir::DataDir,
    database, finish,
    postgres::{Durability, Postgres, SUPERUSER, Server},
    progress,
    supervise::{Event, Events},
};

/// What the user asked for.
pub(crate) struct Options {
    data: PathBuf,
    /// Make the database of a server that runs already anew, instead of starting one.
    migrate: bool,
}

impl Options {
    pub(crate) fn parse(mut args: Arguments) -> Result<Self> {
        let data = match args.opt_value_from_str("--data")? {
            Some(data) => data,
            None => DataDir::default_path("pg")?,
        };
        let options = Self { data, migrate: args.contains("--migrate") };
        finish(args)?;
        Ok(options)
    }
}

/// Starts the server and stays with it, or (`--migrate`) makes the database of the running one anew.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.migrate {
        ensure!(
            DataDir::in_use(&options.data),
            "no server is running there; start one with `cargo xtask pg`"
        );
        progress("making the database from the migrations");
        return database::recreate(&Server::in_dir(&options.data.canonicalize()?)?);
    }
    let dir = DataDir::open(&options.data)?;
    let mut events = Events::subscribe()?;
    let mut postgres = Postgres::start(&dir, Durability::Fast)?;
    progress("making the database from the migrations");
    if let Err(error) = database::recreate(postgres.server()) {
        progress(&format!("{error:#}; correct it, then run `cargo xtask pg --migrate` in another terminal"));
    }
    let owner = postgres.server().url(database::OWNER, database::DATABASE);
    let superuser = postgres.server().url(SUPERUSER, "postgres");
    println!("export DATABASE_URL='{owner}'\nexport TEST_DATABASE_URL='{superuser}'");
    progress("ready; Ctrl-C stops it");
    while events.next() == Event::Child {
        postgres.check()?;
    }
    progress("stopping PostgreSQL");
    Ok(())
}
