//! The PostgreSQL of this machine, and the account to run it as.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail, ensure};
use nix::unistd::{User, geteuid};

use super::programs;

/// The programs of a PostgreSQL server, and the account to run them as.
pub(crate) struct Installation {
    bin: PathBuf,
    major: u32,
    /// Set when we are root: PostgreSQL refuses to run as root.
    account: Option<User>,
}

impl Installation {
    /// Takes what is on the machine, else installs it.
    pub(crate) fn find_or_install() -> Result<Self> {
        let (bin, major) = programs::find_or_install()?;
        let account = if geteuid().is_root() { Some(unprivileged_account()?) } else { None };
        Ok(Self { bin, major, account })
    }

    pub(crate) fn account(&self) -> Option<&User> {
        self.account.as_ref()
    }

    pub(crate) fn major(&self) -> u32 {
        self.major
    }

    /// A server program, run as the unprivileged account. `cwd` must be readable for that account.
    pub(crate) fn server_command(&self, program: &str, cwd: &Path) -> Command {
        let mut command = self.client_command(program);
        command.current_dir(cwd).env("LC_ALL", "C").env_remove("PGDATA");
        if let Some(account) = &self.account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        command
    }

    /// A client program, run as we are.
    pub(crate) fn client_command(&self, program: &str) -> Command {
        Command::new(self.bin.join(program))
    }
}

/// The account that the system package made, else the one that owns nothing.
fn unprivileged_account() -> Result<User> {
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            ensure!(!user.uid.is_root(), "the account {name} is root");
            return Ok(user);
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` to run it as")
}
