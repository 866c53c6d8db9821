//! The front end: style sheet and scripts, made by npm from `crates/web/assets`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context as _, Result};

use crate::{
    process, progress,
    system::{self, Package},
    workspace,
};

const NODE: Package = Package { name: "Node.js with npm", debian: &["nodejs", "npm"], homebrew: "node" };

/// Gets Node.js when the machine has none.
pub(crate) fn ensure_node() -> Result<()> {
    let found = ["node", "npm"].iter().all(|program| process::which(program).is_some());
    if found { Ok(()) } else { system::install(&NODE) }
}

/// Builds the front end when its output is missing or older than what it is made from.
pub(crate) fn build() -> Result<()> {
    let web = workspace::root().join("crates/web");
    let assets = web.join("assets");
    // The style sheet holds the classes that the templates use.
    let sources = [assets.clone(), web.join("templates")];
    let stamp = workspace::scratch("assets")?.join("built");
    if assets.join("dist").exists() && is_newer_than_all(&stamp, &sources)? {
        return Ok(());
    }
    install_packages(&assets)?;
    // Made before the time is taken: it changes the time of the folder that it is in.
    fs::create_dir_all(assets.join("dist"))?;
    progress("building the front end");
    let started = SystemTime::now();
    let mut build = Command::new("npm");
    build.args(["run", "--silent", "build"]).current_dir(&assets).stdin(Stdio::null());
    process::run(&mut build)?;
    // A source that changed during the build is newer than this.
    File::create(&stamp)?.set_modified(started)?;
    Ok(())
}

/// Installs exactly what the lock file of a folder names, unless that was done already.
///
/// Packages run no scripts of their own: none of ours needs one, and some report home.
pub(crate) fn install_packages(folder: &Path) -> Result<()> {
    let lock = modified(&folder.join("package-lock.json")).context("there is no package-lock.json")?;
    if modified(&folder.join("node_modules/.package-lock.json")).is_some_and(|installed| installed >= lock) {
        return Ok(());
    }
    ensure_node()?;
    progress(&format!("installing the npm packages of {}", relative(folder).display()));
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
    process::run(install.current_dir(folder).stdin(Stdio::null()))
}

/// Whether `stamp` is there and nothing that people write in `folders` is newer.
fn is_newer_than_all(stamp: &Path, folders: &[PathBuf]) -> Result<bool> {
    let Some(stamp) = modified(stamp) else { return Ok(false) };
    let mut waiting = folders.to_vec();
    while let Some(folder) = waiting.pop() {
        // The folder's own time tells of files that were removed.
        if modified(&folder).is_some_and(|modified| modified > stamp) {
            return Ok(false);
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            let is_made = ["node_modules", "dist"].iter().any(|made| entry.file_name() == *made);
            match entry.file_type()?.is_dir() {
                true if is_made => {}
                true => waiting.push(entry.path()),
                false if entry.metadata()?.modified()? > stamp => return Ok(false),
                false => {}
            }
        }
    }
    Ok(true)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix(workspace::root()).unwrap_or(path)
}
