//! Child processes: running them, and making them end with this one.

use std::{
    env,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Runs a command to its end, or to ours; what it prints goes to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = end_with_parent(command, Signal::SIGTERM)
        .status()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    ensure!(status.success(), "{} ended with {status}", describe(command));
    Ok(())
}

/// Runs a command to its end and gives what it printed to standard output; on failure the error quotes its
/// standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}\n{}", describe(command), output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The program and its arguments, as one would type them.
fn describe(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}

/// The path of a program on `PATH`.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// Lets the child get `signal` when this process ends, however it ends (`kill -9` included).
///
/// The kernel ties this to the *thread* that starts the child, so start it from the main thread. It also forgets it
/// when the credentials change; the hook runs after the change that `Command::uid` asks for. Only Linux knows this
/// signal: elsewhere the children of a killed task go on, and the next start ends the database that it finds.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the signal can only be asked for between fork and exec")]
pub(crate) fn end_with_parent(command: &mut Command, signal: Signal) -> &mut Command {
    use std::os::unix::process::CommandExt as _;

    let parent = nix::unistd::getpid();
    let hook = move || {
        nix::sys::prctl::set_pdeathsig(signal)?;
        // The parent may have ended before the kernel was asked.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
    };
    // SAFETY: the hook makes two system calls; it takes no lock and allocates nothing.
    unsafe { command.pre_exec(hook) }
}

/// See the Linux version: there is no such signal here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn end_with_parent(command: &mut Command, _: Signal) -> &mut Command {
    command
}

/// Sends a signal to a child; one that has ended already is no error.
pub(crate) fn signal(child: &Child, signal: Signal) {
    if let Ok(pid) = child.id().try_into() {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Waits for a child to end, at most so long.
pub(crate) fn wait_at_most(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
