//! The private PostgreSQL must not outlive the task that started it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A data folder of a test, which every account can reach.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new("/var/tmp").join(format!("skypanel-xtask-{name}-{}", std::process::id()));
        assert!(!path.exists(), "{} is left from another run", path.display());
        Self(path)
    }

    /// The server keeps this file for as long as it runs.
    fn server_runs(&self) -> bool {
        self.0.join("pg/data/postmaster.pid").exists()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts `xtask pg` and waits until its server takes connections.
fn start(folder: &Folder) -> Child {
    let mut task = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["pg", "--data"])
        .arg(&folder.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(task.stdout.take().unwrap()).lines().take(2);
    let said: Vec<String> = said.map_while(Result::ok).collect();
    assert!(said.len() == 2 && said[0].starts_with("export DATABASE_URL="), "the task said {said:?}");
    assert!(folder.server_runs());
    task
}

fn end(task: &mut Child, signal: Signal) -> ExitStatus {
    kill(Pid::from_raw(task.id().try_into().unwrap()), signal).unwrap();
    task.wait().unwrap()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come true");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_server_ends_with_a_task_that_is_killed() {
    let folder = Folder::new("killed");
    let mut task = start(&folder);
    end(&mut task, Signal::SIGKILL);
    wait_until("the end of the server", || !folder.server_runs());
}

#[test]
fn a_start_right_after_a_kill_takes_over() {
    let folder = Folder::new("again");
    end(&mut start(&folder), Signal::SIGKILL);
    let status = end(&mut start(&folder), Signal::SIGTERM);
    assert!(status.success(), "asked to stop, the task ended with {status}");
    assert!(!folder.server_runs(), "the server had to stop before the task");
}

#[test]
fn a_data_folder_serves_one_task_at_a_time() {
    let folder = Folder::new("twice");
    let mut first = start(&folder);
    let second =
        Command::new(env!("CARGO_BIN_EXE_xtask")).args(["pg", "--data"]).arg(&folder.0).output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another `cargo xtask` is running"));
    assert!(folder.server_runs());
    end(&mut first, Signal::SIGTERM);
}
