//! The panel's roles and its database on a private server.

use std::{fs, io::Write as _, path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{
    postgres::{SUPERUSER, Server},
    workspace,
};

/// The database of the panel.
pub(crate) const DATABASE: &str = "skypanel";
/// Owns the database and runs the migrations; never used by the running panel.
pub(crate) const OWNER: &str = "skypanel_owner";
/// What the running panel connects as. It owns nothing and has no rights of its own.
pub(crate) const LOGIN: &str = "skypanel";

/// Makes the two roles and the database unless they are there.
pub(crate) fn bootstrap(server: &Server) -> Result<()> {
    let role = |name: &str, attributes: &str| {
        format!(
            "select 'create role {name} {attributes}' \
             where not exists (select from pg_roles where rolname = '{name}') \\gexec\n"
        )
    };
    let database = format!(
        "select 'create database {DATABASE} owner {OWNER}' \
         where not exists (select from pg_database where datname = '{DATABASE}') \\gexec\n"
    );
    execute(
        server,
        &[role(OWNER, "login createrole createdb"), role(LOGIN, "login noinherit"), database].concat(),
    )
}

/// Makes the database anew from the migrations; who is connected to it is disconnected.
///
/// The panel applies migrations by itself (`skypanel migrate`) and remembers which. This is for the time before the
/// panel can be built: its queries are checked against the database that the migrations make.
pub(crate) fn recreate(server: &Server) -> Result<()> {
    execute(server, &format!("drop database if exists {DATABASE} with (force);\n"))?;
    bootstrap(server)?;
    for file in migration_files()? {
        let mut psql = server.psql(OWNER, DATABASE);
        psql.arg("--single-transaction").arg("--file").arg(&file);
        let status = psql.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        ensure!(status.success(), "{} does not apply", file.display());
    }
    Ok(())
}

fn migration_files() -> Result<Vec<PathBuf>> {
    let folder = workspace::migrations();
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    Ok(files)
}

/// Runs a script as the superuser; what goes wrong is on the terminal.
fn execute(server: &Server, script: &str) -> Result<()> {
    let mut psql = server.psql(SUPERUSER, "postgres");
    let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("cannot start psql")?;
    let mut stdin = child.stdin.take().context("psql has no standard input")?;
    stdin.write_all(script.as_bytes())?;
    drop(stdin);
    let status = child.wait()?;
    ensure!(status.success(), "psql ended with {status}");
    Ok(())
}
