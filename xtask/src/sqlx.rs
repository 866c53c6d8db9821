//! `cargo xtask sqlx`: the answers of the database about every checked query, kept in `.sqlx`.
//!
//! The committed folder lets everybody compile without a database.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    path::Path,
    time::SystemTime,
};

use anyhow::{Context as _, Result, bail};
use pico_args::Arguments;

use crate::{
    data_dir::DataDir,
    database, finish,
    postgres::{Durability, Postgres, Server},
    process, progress, workspace,
};

/// File name and content of each query's description.
type Descriptions = BTreeMap<OsString, String>;

/// What the user asked for.
pub(crate) struct Options {
    /// Compare with the committed folder instead of changing it.
    check: bool,
}

impl Options {
    pub(crate) fn parse(mut args: Arguments) -> Result<Self> {
        let options = Self { check: args.contains("--check") };
        finish(args)?;
        Ok(options)
    }
}

/// Refreshes `.sqlx`, or (`--check`) fails when it is not up to date.
pub(crate) fn run(options: &Options) -> Result<()> {
    let dir = DataDir::open(&DataDir::default_path("sqlx")?)?;
    let postgres = Postgres::start(&dir, Durability::Fast)?;
    if options.check { check(postgres.server()) } else { refresh(postgres.server()) }
}

/// Fails with the list of differences when the committed folder is not what the database says today.
pub(crate) fn check(server: &Server) -> Result<()> {
    let (committed, current) = (read(&workspace::sqlx_cache())?, describe_queries(server)?);
    let mut differences: Vec<String> = Vec::new();
    for (name, content) in &current {
        match committed.get(name) {
            Some(same) if same == content => {}
            Some(_) => differences.push(format!("changed: {}", summary(content))),
            None => differences.push(format!("missing: {}", summary(content))),
        }
    }
    let left_over = committed.iter().filter(|(name, _)| !current.contains_key(*name));
    differences.extend(left_over.map(|(_, content)| format!("no longer used: {}", summary(content))));
    if differences.is_empty() {
        return Ok(());
    }
    bail!(".sqlx is not up to date; run `cargo xtask sqlx` and commit it\n  {}", differences.join("\n  "))
}

/// Replaces the committed folder. It stays as it was when a query does not compile.
fn refresh(server: &Server) -> Result<()> {
    let current = describe_queries(server)?;
    let folder = workspace::sqlx_cache();
    fs::create_dir_all(&folder)?;
    for name in read(&folder)?.keys().filter(|name| !current.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    for (name, content) in &current {
        fs::write(folder.join(name), content)?;
    }
    progress(&format!("{} queries are described in .sqlx", current.len()));
    Ok(())
}

/// Compiles the queries against a database made from the migrations; the compiler writes what it learns.
fn describe_queries(server: &Server) -> Result<Descriptions> {
    progress("making the database from the migrations");
    database::recreate(server)?;
    let folder = workspace::scratch("sqlx")?;
    for name in read(&folder)?.keys() {
        fs::remove_file(folder.join(name))?;
    }
    // Cargo knows nothing of the database: without a newer file it would compile nothing.
    let store = workspace::root().join("crates/store/src/lib.rs");
    File::options().append(true).open(&store)?.set_modified(SystemTime::now())?;
    progress("checking the queries against it");
    let mut check = workspace::cargo();
    check.args(["check", "--quiet", "--package", "store", "--all-targets"]);
    check.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &folder);
    check.env("DATABASE_URL", server.url(database::OWNER, database::DATABASE));
    process::run(&mut check)?;
    read(&folder)
}

fn read(folder: &Path) -> Result<Descriptions> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Descriptions::new()) };
    let mut descriptions = Descriptions::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(".json") {
            let content = fs::read_to_string(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            descriptions.insert(entry.file_name(), content);
        }
    }
    Ok(descriptions)
}

/// The query itself, on one line and not too long.
fn summary(description: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(description).unwrap_or_default();
    let query = json["query"].as_str().unwrap_or("(not a description)");
    let words: Vec<&str> = query.split_whitespace().collect();
    words.join(" ").chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_by_its_query() {
        assert_eq!(summary("{\"query\": \"select\\n   1\"}"), "select 1");
        assert_eq!(summary("broken"), "(not a description)");
    }
}
