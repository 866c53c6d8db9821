//! The state file, with which the simulated clouds outlive their process, also a killed one.
//!
//! Saved are the servers, keys, tags, events and actions, everything of PayPal (access tokens and remembered
//! request ids included), the clock, and how far the ids are. Faults, limits and the request log begin anew.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Core;
use super::clock::SavedClock;
use super::ids::IdState;

/// Counts the incompatible changes of the file; a file of another format is put aside.
const FORMAT: u32 = 1;
/// The least time between two writes, and so about the most that a kill loses.
const PAUSE: Duration = Duration::from_millis(200);
/// The clock moves without being told to, so it is saved at least this often.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// [`HEARTBEAT`] with time to spare for a busy machine.
const UNSAVED: TimeDelta = TimeDelta::seconds(60);

/// Tells that there is something to save.
#[derive(Clone, Default)]
pub(crate) struct Changes(Arc<Notify>);

impl Changes {
    pub(crate) fn mark(&self) {
        self.0.notify_one();
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    format: u32,
    clock: SavedClock,
    /// By name.
    parts: BTreeMap<String, Box<RawValue>>,
    ids: IdState,
}

/// Keeps a state file current until it is dropped.
pub(crate) struct Keeper {
    file: Arc<StateFile>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Takes up what the file holds, if there is one, and saves to it from now on. All vendors must have been
    /// registered, and no request may be served before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn start(core: Arc<Core>, path: PathBuf) -> io::Result<Self> {
        let file = Arc::new(StateFile { core, path, open: Mutex::new(true) });
        file.load();
        // at once, so that a second restart leaps from where this one leapt to
        file.save()?;
        Ok(Self { task: tokio::spawn(file.clone().keep()), file })
    }

    /// Saves a last time.
    pub(crate) async fn finish(self) {
        self.task.abort();
        self.file.clone().save_logged().await;
    }
}

impl Drop for Keeper {
    /// After this the file belongs to whoever starts next.
    fn drop(&mut self) {
        self.task.abort();
        *self.file.open.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

struct StateFile {
    core: Arc<Core>,
    path: PathBuf,
    /// Held while writing: one writer at a time, none after the end.
    open: Mutex<bool>,
}

impl StateFile {
    async fn keep(self: Arc<Self>) {
        loop {
            // an elapsed heartbeat is as good a reason as a change
            let _ = tokio::time::timeout(HEARTBEAT, self.core.changes.0.notified()).await;
            self.clone().save_logged().await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn save_logged(self: Arc<Self>) {
        let path = self.path.clone();
        let saved = tokio::task::spawn_blocking(move || self.save()).await.map_err(io::Error::other);
        if let Err(error) = saved.flatten() {
            tracing::error!(path = %path.display(), %error, "the simulated clouds could not be saved");
        }
    }

    /// Replaces the file as a whole, so that a kill leaves the old or the new one.
    fn save(&self) -> io::Result<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !*open {
            return Ok(());
        }
        // while requests go on: the ids are read last, so that they are never behind what carries them
        let clock = self.core.clock.saved();
        let mut parts = BTreeMap::new();
        for part in self.core.parts() {
            parts.insert(part.name().to_owned(), part.save()?);
        }
        let saved = Saved { format: FORMAT, clock, parts, ids: self.core.ids.state() };
        let fresh = beside(&self.path, ".tmp");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec(&saved)?)?;
        fs::rename(&fresh, &self.path)
    }

    fn load(&self) {
        let result = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            read => read.and_then(|bytes| self.restore(&bytes)),
        };
        let Err(error) = result else { return };
        self.core.reset();
        let aside = beside(&self.path, ".bad");
        let (path, aside_path) = (self.path.display(), aside.display());
        tracing::warn!(%path, aside = %aside_path, %error, "unreadable state is put aside, the clouds begin empty");
        if let Err(error) = fs::rename(&self.path, &aside) {
            tracing::warn!(%path, %error, "unreadable state could not be put aside");
        }
    }

    fn restore(&self, bytes: &[u8]) -> io::Result<()> {
        let saved: Saved = serde_json::from_slice(bytes)?;
        if saved.format != FORMAT {
            return Err(io::Error::other(format!("format {} instead of {FORMAT}", saved.format)));
        }
        for part in self.core.parts() {
            match saved.parts.get(part.name()) {
                Some(saved) => part.restore(saved)?,
                None if part.may_be_unknown() => {}
                None => return Err(io::Error::other(format!("nothing about {}", part.name()))),
            }
        }
        self.core.ids.resume(saved.ids);
        self.core.clock.resume(&saved.clock, UNSAVED);
        Ok(())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A row of a built-in catalogue.
pub(crate) trait Listed: 'static {
    fn key(&self) -> &str;
    fn by_key(key: &str) -> Option<&'static Self>;
}

/// Saves a row of a catalogue by its key: `#[serde(with = "by_key")]`.
pub(crate) mod by_key {
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    use super::Listed;

    pub(crate) fn serialize<T: Listed, S: Serializer>(row: &&'static T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(row.key())
    }

    pub(crate) fn deserialize<'de, T: Listed, D: Deserializer<'de>>(from: D) -> Result<&'static T, D::Error> {
        let key = String::deserialize(from)?;
        T::by_key(&key).ok_or_else(|| D::Error::custom(format_args!("{key} is not in the catalogue")))
    }
}
