//! Journeys through the pages in a real browser.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{Gate, Outcome, test_database_url};
use crate::{
    assets, process,
    system::{self, Package},
    workspace,
};

const CHROMIUM: Package =
    Package { name: "Chromium", debian: &["chromium", "fonts-liberation"], homebrew: "chromium" };

/// Every name and place under which the browser is installed.
const PROGRAMS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Runs the journeys. Each starts the panel that it needs, on a database of its own.
pub(super) fn check(gate: &Gate) -> Result<Outcome> {
    if gate.skip_browser {
        return Ok(Outcome::Skipped("asked for with --skip-browser"));
    }
    let folder = workspace::root().join("tests/browser");
    let journeys = journeys(&folder)?;
    ensure!(!journeys.is_empty(), "there is no test in {}", folder.display());
    if folder.join("package.json").exists() {
        assets::install_packages(&folder)?;
    }
    let mut node = Command::new("node");
    node.arg("--test").args(journeys).current_dir(workspace::root()).stdin(Stdio::null());
    node.env("SKYPANEL_BIN", workspace::build_panel()?).env("TEST_DATABASE_URL", test_database_url(gate));
    process::run(node.env("CHROMIUM", ensure_chromium()?))?;
    Ok(Outcome::Passed)
}

/// The browser of this machine; installed when there is none.
pub(super) fn ensure_chromium() -> Result<PathBuf> {
    let find = || PROGRAMS.iter().find_map(|program| process::which(program));
    if let Some(chromium) = find() {
        return Ok(chromium);
    }
    system::install(&CHROMIUM)?;
    find().context("Chromium was installed, but its program was not found")
}

/// The files are named one by one: what a folder or a pattern means differs between versions of Node.js.
fn journeys(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| [".test.js", ".test.mjs"].iter().any(|end| file.to_string_lossy().ends_with(end)));
    files.sort();
    Ok(files)
}
