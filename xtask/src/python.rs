//! Python with what our checks need of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    process, progress,
    system::{self, Package},
    workspace,
};

const VENV: Package =
    Package { name: "Python with venv", debian: &["python3", "python3-venv"], homebrew: "python" };

/// Python with the packages of a folder's `requirements.txt`; made once for each list of requirements.
pub(crate) fn environment(name: &str, folder: &Path) -> Result<PathBuf> {
    let venv = workspace::scratch(name)?.join("venv");
    let python = venv.join("bin/python");
    let stamp = venv.join("installed-requirements.txt");
    let requirements = fs::read_to_string(folder.join("requirements.txt"))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirements) {
        return Ok(python);
    }
    progress(&format!("installing what the {name} checks need"));
    let make = || process::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    if make().is_err() {
        system::install(&VENV)?;
        make()?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    process::output(pip.arg(folder.join("requirements.txt")))?;
    fs::write(stamp, requirements)?;
    Ok(python)
}
