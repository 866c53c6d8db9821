//! Folders for data that outlives one run: the database of the demo, of development, of a test run.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::unistd::geteuid;

use crate::workspace;

/// Its presence says that we made the folder and may empty it. It is also the lock.
const MARKER: &str = ".skypanel-data";

/// A data folder that this process alone uses: the lock ends with the process, also when it is killed.
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Where the data of a purpose lies unless the user says otherwise.
    ///
    /// PostgreSQL refuses to run as root, so under root the folder must be one that other accounts reach, which
    /// the home of root is not.
    pub(crate) fn default_path(purpose: &str) -> Result<PathBuf> {
        let tag = workspace::tag();
        if geteuid().is_root() {
            return Ok(format!("/var/tmp/skypanel-{purpose}-{tag}").into());
        }
        Ok(cache()?.join(format!("{purpose}-{tag}")))
    }

    /// Makes the folder, or takes one that we made earlier. Anything else is refused, and so is a folder in use.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        let path = path.canonicalize()?;
        let marker = path.join(MARKER);
        let is_empty = fs::read_dir(&path)?.next().is_none();
        ensure!(
            is_empty || marker.exists(),
            "{} holds something else; choose an empty folder with --data DIR",
            path.display()
        );
        ensure!(
            fs::metadata(&path)?.uid() == geteuid().as_raw(),
            "{} belongs to another user; choose another folder with --data DIR",
            path.display()
        );
        // The database server may run as another account, which has to pass through.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711))?;
        let lock = OpenOptions::new().create(true).append(true).open(&marker)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another `cargo xtask` is running with {}", path.display())
            }
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock the data folder"),
        }
    }

    /// Says whether a process has this folder open now.
    pub(crate) fn in_use(path: &Path) -> bool {
        let lock = OpenOptions::new().append(true).open(path.join(MARKER));
        lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes everything in the folder. Nothing may be running in it.
    pub(crate) fn empty(&self) -> Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() == MARKER {
                continue;
            }
            let path = entry.path();
            let removed =
                if entry.file_type()?.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// Where things lie that can be had again.
pub(crate) fn cache() -> Result<PathBuf> {
    if geteuid().is_root() {
        return Ok("/var/cache/skypanel".into());
    }
    let user_cache = match env::var_os("XDG_CACHE_HOME").filter(|path| Path::new(path).is_absolute()) {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(user_cache.join("skypanel"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("skypanel-data-dir-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        path
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_kept() -> Result<()> {
        let path = scratch("foreign");
        fs::write(path.join("letter.txt"), "dear")?;
        assert!(DataDir::open(&path).is_err());
        assert_eq!(fs::read_to_string(path.join("letter.txt"))?, "dear");
        Ok(fs::remove_dir_all(path)?)
    }

    #[test]
    fn an_own_folder_is_emptied_and_can_be_opened_again() -> Result<()> {
        let path = scratch("own");
        let dir = DataDir::open(&path)?;
        fs::create_dir(path.join("pg"))?;
        fs::write(path.join("pg/file"), "")?;
        dir.empty()?;
        assert!(!path.join("pg").exists());
        assert!(DataDir::in_use(&path));
        drop(dir);
        assert!(!DataDir::in_use(&path));
        DataDir::open(&path)?;
        Ok(fs::remove_dir_all(path)?)
    }
}
