//! Where things are in the checkout.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{process, progress};

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The SQL files that make the database.
pub(crate) fn migrations() -> PathBuf {
    root().join("crates/store/migrations")
}

/// What the database says about every checked query.
pub(crate) fn sqlx_cache() -> PathBuf {
    root().join(".sqlx")
}

/// `cargo`, the same that started us, in the root of the checkout.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// The folder that holds our own program: what `cargo build` makes is there too.
pub(crate) fn build_output() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot find this program")?;
    Ok(program.parent().context("this program has no folder")?.to_owned())
}

/// Builds the panel's program and answers where it is.
pub(crate) fn build_panel() -> Result<PathBuf> {
    Ok(build(&["skypanel"])?.join("skypanel"))
}

/// Builds programs and answers the folder they are in.
pub(crate) fn build(programs: &[&str]) -> Result<PathBuf> {
    build_with("dev", programs)?;
    build_output()
}

/// Builds programs with the profile `measure`, optimized, and answers the folder they are in.
pub(crate) fn build_measured(programs: &[&str]) -> Result<PathBuf> {
    progress("building with the profile `measure`, which takes minutes the first time");
    build_with("measure", programs)?;
    Ok(build_output()?.with_file_name("measure"))
}

/// For the whole workspace: for each other set of packages cargo chooses the features of what they depend on anew, and
/// compiles most of it again.
fn build_with(profile: &str, programs: &[&str]) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--workspace", "--profile", profile]);
    build.args(programs.iter().flat_map(|program| ["--bin", program]));
    process::run(&mut build)
}

/// A folder for intermediate results, beside what cargo builds.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let folder = build_output()?.join("xtask-scratch").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Eight hexadecimal digits that tell this checkout from another one of the same user (FNV-1a of its path).
pub(crate) fn tag() -> String {
    let hash = root()
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}
