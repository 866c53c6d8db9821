//! The vendors' own SDKs against our simulated clouds.
//!
//! The scripts live beside the checkout; without them the stage is skipped. What is known to fail is listed in
//! `tests/conformance/expected-failures.txt`, and the list can only get shorter: a line of it that passes is an error
//! too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

use super::Outcome;
use crate::{process, progress, python, workspace};

/// The simulated services: how the panel calls them, and the variable that tells a script their address.
const SERVICES: [(&str, &str); 3] =
    [("linode", "LINODE_BASE"), ("digitalocean", "DO_BASE"), ("paypal", "PAYPAL_BASE")];

/// How many times faster than the real clouds: tasks that take minutes there take seconds.
const SPEED: &str = "60";

/// Seconds that a script waits for something: at this speed everything is over sooner.
const PATIENCE: &str = "15";

const START_LIMIT: Duration = Duration::from_secs(30);

/// What a script that broke off is reported as.
const BROKEN_OFF: &str = "does not reach its end";

/// Runs every script and compares what fails with what is known to fail.
pub(super) fn check() -> Result<Outcome> {
    let root = workspace::root();
    let folder = root.parent().unwrap_or(root).join("shared/conformance");
    if !folder.exists() {
        return Ok(Outcome::Skipped("../shared/conformance is not there"));
    }
    let expected_file = root.join("tests/conformance/expected-failures.txt");
    let expected = parse_expected(&fs::read_to_string(&expected_file).unwrap_or_default());
    let python = python::environment("conformance", &folder)?;
    let clouds = Clouds::start(&workspace::build_panel()?)?;
    let mut failures = BTreeSet::new();
    for script in scripts(&folder)? {
        failures.extend(run_script(&python, &script, &clouds)?);
    }
    compare(&expected, &failures).with_context(|| format!("see {}", expected_file.display()))?;
    Ok(Outcome::Passed)
}

/// Fails with every line that is in only one of the two sets.
fn compare(expected: &BTreeSet<String>, failures: &BTreeSet<String>) -> Result<()> {
    let new = failures.difference(expected).map(|line| format!("fails: {line}"));
    let mended = expected.difference(failures).map(|line| format!("listed, but does not fail: {line}"));
    let differences: Vec<String> = new.chain(mended).collect();
    ensure!(differences.is_empty(), "the simulators changed\n  {}", differences.join("\n  "));
    Ok(())
}

/// One `script: check` a line; `#` begins a comment.
fn parse_expected(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The checks of a script's output that failed, as `script: check`.
fn failures(script: &str, output: &str) -> Vec<String> {
    let failed = output.lines().filter_map(|line| line.strip_prefix("FAIL "));
    // What stands behind the dashes are values of this run.
    let mut names: Vec<&str> = failed.map(|line| line.split(" --").next().unwrap_or(line).trim()).collect();
    let is_complete =
        output.lines().last().is_some_and(|line| line.contains(" passed, ") && line.contains(" failed"));
    if !is_complete {
        names.push(BROKEN_OFF);
    }
    names.into_iter().map(|name| format!("{script}: {name}")).collect()
}

fn run_script(python: &Path, script: &Path, clouds: &Clouds) -> Result<Vec<String>> {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    let log = workspace::scratch("conformance")?.join(format!("{name}.log"));
    let file = fs::File::create(&log)?;
    let mut command = Command::new(python);
    command
        .arg(script)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CONF_TIMEOUT", PATIENCE)
        .envs(&clouds.addresses);
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    process::end_with_parent(&mut command, Signal::SIGTERM).status().context("cannot start Python")?;
    let output = fs::read_to_string(&log)?;
    let failures = failures(&name, &output);
    progress(&format!("{name}: {} failed, see {}", failures.len(), log.display()));
    Ok(failures)
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    scripts.retain(|path| path.to_string_lossy().ends_with("_conf.py") && !path.ends_with("_conf.py"));
    scripts.sort();
    Ok(scripts)
}

/// The running simulators; they end with this value.
struct Clouds {
    process: Child,
    addresses: BTreeMap<&'static str, String>,
}

impl Clouds {
    /// Starts them on free ports and reads from their output which.
    fn start(panel: &Path) -> Result<Self> {
        let mut command = Command::new(panel);
        command.args(["simulate", "--speed", SPEED]);
        for (service, _) in SERVICES {
            command.args([&format!("--{service}"), "127.0.0.1:0"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = process::end_with_parent(&mut command, Signal::SIGKILL).spawn()?;
        let stdout = process.stdout.take().context("the simulators have no output")?;
        let mut clouds = Self { process, addresses: BTreeMap::new() };
        let (sender, lines) = mpsc::channel();
        // Reads to the end, so that the simulators never wait for a reader.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more once all the addresses are known.
                let _ = sender.send(line);
            }
        });
        let deadline = Instant::now() + START_LIMIT;
        while clouds.addresses.len() < SERVICES.len() {
            let line = match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(_) => {
                    bail!("the simulators did not say all their addresses, only {:?}", clouds.addresses)
                }
            };
            let known = SERVICES.iter().find_map(|(service, variable)| {
                let address = line.strip_prefix(service)?.trim();
                address.starts_with("http://").then(|| (*variable, address.to_owned()))
            });
            clouds.addresses.extend(known);
        }
        Ok(clouds)
    }
}

impl Drop for Clouds {
    fn drop(&mut self) {
        process::signal(&self.process, Signal::SIGKILL);
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_named_without_the_values_of_the_run() {
        let output = "PASS a\nFAIL b -- (404, {})\nFAIL c  \nSKIP d -- why\n1 passed, 2 failed, 1 skipped\n";
        assert_eq!(failures("x.py", output), ["x.py: b", "x.py: c"]);
    }

    #[test]
    fn a_script_that_breaks_off_fails() {
        assert_eq!(failures("x.py", "PASS a\nTraceback"), ["x.py: does not reach its end"]);
        assert_eq!(failures("x.py", ""), ["x.py: does not reach its end"]);
    }

    #[test]
    fn the_list_and_the_failures_must_be_the_same() {
        let expected = parse_expected("# known\n\nx.py: b  # until bulk deletes exist\n");
        assert!(compare(&expected, &["x.py: b".to_owned()].into()).is_ok());
        assert!(compare(&expected, &BTreeSet::new()).is_err());
        assert!(compare(&BTreeSet::new(), &["x.py: b".to_owned()].into()).is_err());
    }
}
