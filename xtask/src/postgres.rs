//! A PostgreSQL server of our own: on a unix socket only, in a data folder, for as long as this process lives.

mod installation;
mod programs;
mod server;

use std::{
    fs::{self, DirBuilder, File},
    os::unix::{
        fs::{DirBuilderExt as _, chown},
        process::CommandExt as _,
    },
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

pub(crate) use self::server::{SUPERUSER, Server};
use crate::{data_dir::DataDir, process, progress};

/// The length of a socket's path that every system takes (Linux 107 bytes, macOS 103).
const SOCKET_PATH_MAX: usize = 103;

/// How long a start may take: after a crash the server replays its log first.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Whether data must survive a crash of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Data that a person wants to find again.
    Durable,
    /// Throw-away data: nothing waits for the disk.
    Fast,
    /// Data as safe as a person's, on a server with the memory that a large installation would give it.
    Measured,
    /// Throw-away data of a server that is crashed on purpose: what was committed is there afterwards, as long as
    /// the machine stays up.
    Crashing,
}

/// A running server. It stops when the value is dropped, and also when this process is killed.
pub(crate) struct Postgres {
    server: Server,
    child: Child,
}

impl Postgres {
    /// Starts the server on the data in `dir`, which is made when missing, and waits until it takes connections.
    ///
    /// A server that an earlier process left behind there is stopped first. Call it from the main thread, see
    /// [`process::end_with_parent`].
    pub(crate) fn start(dir: &DataDir, durability: Durability) -> Result<Self> {
        let server = Server::in_dir(dir.path())?;
        make_home(&server, dir.path())?;
        stop_leftover(&server)?;
        make_cluster(&server)?;
        progress("starting PostgreSQL");
        let child = spawn(&server, durability)?;
        let mut postgres = Self { server, child };
        postgres.wait_until_ready()?;
        Ok(postgres)
    }

    /// Empties `dir`, ending first the server that a killed process may have left in it.
    pub(crate) fn clear(dir: &DataDir) -> Result<()> {
        let server = Server::in_dir(dir.path())?;
        if server.home().exists() {
            stop_leftover(&server)?;
        }
        dir.empty()
    }

    /// How to reach it.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Fails when the server has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("PostgreSQL ended by itself ({status}):\n{}", self.server.log_tail()),
        }
    }

    /// Waits until the server takes connections: like `pg_ctl`, by the state in line 8 of its pid file.
    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        let own_pid = self.child.id().to_string();
        loop {
            self.check()?;
            let pid_file = fs::read_to_string(self.server.data().join("postmaster.pid")).unwrap_or_default();
            let mut lines = pid_file.lines();
            if lines.next() == Some(own_pid.as_str())
                && lines.nth(6).is_some_and(|line| line.trim() == "ready")
            {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "PostgreSQL did not get ready:\n{}", self.server.log_tail());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Disconnects everybody and stops in good order; insists when that takes too long.
    fn stop(&mut self) -> Result<()> {
        for signal in [Signal::SIGINT, Signal::SIGQUIT] {
            process::signal(&self.child, signal);
            if process::wait_at_most(&mut self.child, STOP_LIMIT)?.is_some() {
                return Ok(());
            }
        }
        bail!("PostgreSQL (process {}) does not stop", self.child.id())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            progress(&format!("{error:#}"));
        }
    }
}

/// Makes the server's folder, which nobody but its account and root can enter.
fn make_home(server: &Server, dir: &Path) -> Result<()> {
    let home = server.home();
    ensure!(
        home.join(".s.PGSQL.5432").as_os_str().len() <= SOCKET_PATH_MAX,
        "{} is too long for a socket's path; choose a shorter folder with --data DIR",
        dir.display()
    );
    if !home.exists() {
        DirBuilder::new().mode(0o700).create(home)?;
    }
    if let Some(account) = server.installation().account() {
        chown(home, Some(account.uid.as_raw()), Some(account.gid.as_raw()))?;
        server.command("postgres").arg("--version").output().with_context(|| {
            format!(
                "the account {} cannot reach {}; choose a folder with --data DIR",
                account.name,
                home.display()
            )
        })?;
    }
    Ok(())
}

/// Lays out the files of a new server. A half-finished attempt is started over.
fn make_cluster(server: &Server) -> Result<()> {
    let data = server.data();
    if let Ok(version) = fs::read_to_string(data.join("PG_VERSION")) {
        let (made_by, found) = (version.trim(), server.installation().major().to_string());
        ensure!(
            made_by == found,
            "{} was made by PostgreSQL {made_by}, this is {found}; remove the folder, or set PG_BIN",
            data.display()
        );
        return Ok(());
    }
    progress("making a PostgreSQL data folder");
    let unfinished = server.home().join("data.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let mut initdb = server.command("initdb");
    initdb.args(["-U", SUPERUSER, "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"]);
    process::output(initdb.arg(&unfinished))?;
    fs::rename(&unfinished, &data)?;
    Ok(())
}

fn spawn(server: &Server, durability: Durability) -> Result<Child> {
    let log = File::create(server.log())?;
    let mut command = server.command("postgres");
    command.arg("-D").arg(server.data()).arg("-k").arg(server.home());
    command.args([
        "-c",
        "listen_addresses=",
        "-c",
        "unix_socket_permissions=0700",
        "-c",
        "max_connections=200",
    ]);
    if durability == Durability::Measured {
        command.args([
            "-c",
            "shared_buffers=1GB",
            "-c",
            "max_wal_size=8GB",
            "-c",
            "checkpoint_timeout=30min",
        ]);
        command.args(["-c", "work_mem=32MB", "-c", "maintenance_work_mem=256MB"]);
    }
    if matches!(durability, Durability::Fast | Durability::Crashing) {
        command.args(["-c", "fsync=off"]);
    }
    if durability == Durability::Fast {
        // After a kill a page may be there by half, so who is killed on purpose keeps whole pages in the log.
        command.args(["-c", "full_page_writes=off", "-c", "synchronous_commit=off"]);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // A group of its own: Ctrl-C is for us, and we stop the server last.
    command.process_group(0);
    process::end_with_parent(&mut command, Signal::SIGINT).spawn().context("cannot start PostgreSQL")
}

/// Ends the server that an earlier process left behind, or waits while it is still stopping.
fn stop_leftover(server: &Server) -> Result<()> {
    let data = server.data();
    let Ok(pid_file) = fs::read_to_string(data.join("postmaster.pid")) else { return Ok(()) };
    // The file may be older than the machine's last start, and the number another program's by now.
    let pid = pid_file.lines().next().unwrap_or_default();
    let is_ours = match fs::read_link(Path::new("/proc").join(pid).join("cwd")) {
        Ok(cwd) => cwd == data,
        Err(_) => !Path::new("/proc/self").exists(),
    };
    if !is_ours {
        return Ok(());
    }
    progress("ending the PostgreSQL that an earlier run left behind");
    let mut stop = server.command("pg_ctl");
    let stopped = process::output(stop.args(["stop", "-m", "fast", "-w", "-t", "60", "-D"]).arg(&data));
    match stopped {
        // It had ended by itself meanwhile.
        Err(_) if !data.join("postmaster.pid").exists() => Ok(()),
        stopped => stopped.map(drop),
    }
}
