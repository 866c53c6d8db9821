//! A private server's place: its files, its socket, and the programs that talk to it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::installation::Installation;

/// The role that may do everything.
pub(crate) const SUPERUSER: &str = "postgres";

/// A server, running or not, in the folder `pg` of a data folder. The socket is there too.
pub(crate) struct Server {
    installation: Installation,
    home: PathBuf,
}

impl Server {
    /// The server that belongs to a data folder. Gets PostgreSQL when the machine has none.
    pub(crate) fn in_dir(dir: &Path) -> Result<Self> {
        Ok(Self { installation: Installation::find_or_install()?, home: dir.join("pg") })
    }

    /// A connection address; the folder of the socket stands in for the host.
    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!("postgres:///{database}?host={}&user={user}", self.home.display())
    }

    /// `psql` that stops at the first error, reads nobody's start-up file and keeps quiet about notices.
    pub(crate) fn psql(&self, user: &str, database: &str) -> Command {
        let mut command = self.installation.client_command("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(user, database)]);
        command.env("PGOPTIONS", "-c client_min_messages=warning");
        command
    }

    /// The end of what the server logged.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// A server program in the server's folder, run as its account.
    pub(super) fn command(&self, program: &str) -> Command {
        self.installation.server_command(program, &self.home)
    }

    pub(super) fn installation(&self) -> &Installation {
        &self.installation
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Where the server writes what happens.
    pub(crate) fn log(&self) -> PathBuf {
        self.home.join("log")
    }
}
