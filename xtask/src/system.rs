//! Installing what the machine lacks.

use std::{process::Command, sync::Once};

use anyhow::{Context as _, Result, bail};
use nix::unistd::geteuid;

use crate::{process, progress};

/// Something that a package manager brings.
pub(crate) struct Package {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Its packages in Debian and Ubuntu.
    pub(crate) debian: &'static [&'static str],
    /// Its formula or cask in Homebrew.
    pub(crate) homebrew: &'static str,
}

/// Installs a package with the machine's package manager.
///
/// Only root may use `apt-get`, and nothing is ever asked of the user: when the machine offers no way, the error
/// says what to install.
pub(crate) fn install(package: &Package) -> Result<()> {
    let Package { name, debian, homebrew } = package;
    let debian = debian.join(" ");
    if geteuid().is_root() && process::which("apt-get").is_some() {
        progress(&format!("installing {name} (apt-get install {debian})"));
        refresh_package_lists();
        let mut arguments = vec!["install", "--no-install-recommends"];
        arguments.extend(package.debian);
        return apt_get(&arguments).with_context(|| format!("cannot install {name}"));
    }
    if !geteuid().is_root() && process::which("brew").is_some() {
        progress(&format!("installing {name} (brew install {homebrew})"));
        return process::run(Command::new("brew").args(["install", homebrew]));
    }
    bail!(
        "{name} is missing; install it (Debian, Ubuntu: `sudo apt-get install {debian}`) and run this again"
    )
}

/// Once per run. Stale lists may still do, so a failure shows in the installation itself.
fn refresh_package_lists() {
    static REFRESH: Once = Once::new();
    REFRESH.call_once(|| drop(apt_get(&["update"])));
}

/// Waits for another `apt-get` instead of failing.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=600", "-y", "-qq"]).args(arguments);
    process::output(command.env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}
