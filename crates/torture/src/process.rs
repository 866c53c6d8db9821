//! Processes of the product that are stopped, killed and started again.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// How to start a process.
pub(crate) struct Plan {
    /// `serve` or `work`.
    pub(crate) command: &'static str,
    /// All of its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// A `skypanel serve` or `skypanel work`. Dropping it kills it.
pub(crate) struct Process {
    plan: Plan,
    child: Option<Child>,
}

impl Process {
    /// Starts it for the first time.
    pub(crate) fn new(plan: Plan) -> Result<Self> {
        let child = Some(spawn(&plan)?);
        Ok(Self { plan, child })
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill().await);
        }
    }

    /// Starts it again with the same settings.
    pub(crate) fn start(&mut self) {
        self.child = spawn(&self.plan).ok();
    }

    /// SIGSTOP.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().and_then(Child::id).and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// What is wrong with it, if it ended by itself.
    pub(crate) fn complaint(&mut self) -> Option<String> {
        let command = self.plan.command;
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => None,
            Some(Ok(Some(status))) => Some(format!("a `{command}` process ended by itself: {status}")),
            Some(Err(error)) => Some(format!("a `{command}` process is not ours: {error}")),
            None => Some(format!("a `{command}` process could not be started again")),
        }
    }
}

fn spawn(plan: &Plan) -> Result<Child> {
    let program = binary()?;
    let mut command = Command::new(&program);
    command.arg(plan.command).env_clear().envs(plan.environment.iter().cloned());
    command.stdin(Stdio::null()).kill_on_drop(true);
    command.spawn().with_context(|| format!("cannot start {}; build it first", program.display()))
}

/// The product: `SKYPANEL_BIN`, else what was built beside this program.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SKYPANEL_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe().context("cannot find this program")?;
    Ok(own.with_file_name("skypanel"))
}
