//! `cargo xtask fuzz-api`: everything the API's document allows, and much that it does not, asked of a panel.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use pico_args::Arguments;

use crate::{
    assets,
    data_dir::DataDir,
    database, finish,
    postgres::{Durability, Postgres, Server},
    process, progress, python, workspace,
};

/// What the panel may be asked in a minute: no limit is in the way. They have tests of their own.
const LIMITS: [&str; 6] = ["ADDRESS", "USER", "API_KEY", "ORGANIZATION", "SIGN_IN", "MONEY"];
const PLENTY: &str = "600000/60";

/// How long the panel may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What the user asked for.
pub(crate) struct Options {
    /// Cases for each operation, and each of the two ways to authenticate.
    cases: u32,
}

impl Options {
    pub(crate) fn parse(mut args: Arguments) -> Result<Self> {
        let options = Self { cases: args.opt_value_from_str("--cases")?.unwrap_or(100) };
        finish(args)?;
        Ok(options)
    }

    /// For the gate: some ten seconds.
    pub(crate) fn short() -> Self {
        Self { cases: 3 }
    }
}

/// Runs the checks against a panel of their own, with its example data.
pub(crate) fn run(options: &Options) -> Result<()> {
    assets::build()?;
    let folder = workspace::root().join("tests/fuzz");
    let python = python::environment("fuzz", &folder)?;
    let program = workspace::build_panel()?;
    let dir = DataDir::open(&DataDir::default_path("fuzz")?)?;
    Postgres::clear(&dir)?;
    let postgres = Postgres::start(&dir, Durability::Fast)?;
    database::bootstrap(postgres.server())?;
    progress("starting a panel");
    let panel = Panel::start(&program, &dir, postgres.server())?;
    let mut script = Command::new(python);
    script.arg(folder.join("run.py")).args([&panel.address, &options.cases.to_string()]);
    script.current_dir(workspace::scratch("fuzz")?).env("PYTHONDONTWRITEBYTECODE", "1");
    let outcome = process::run(&mut script);
    drop(panel);
    drop(postgres);
    outcome?;
    Postgres::clear(&dir)
}

/// A running demo; it ends with this value.
struct Panel {
    process: Child,
    address: String,
}

impl Panel {
    fn start(program: &Path, dir: &DataDir, server: &Server) -> Result<Self> {
        let port = free_ports()?;
        let mut command = Command::new(program);
        command.args(["demo", "--speed", "60", "--port", &port.to_string(), "--data"]).arg(dir.path());
        command.env("DATABASE_OWNER_URL", server.url(database::OWNER, database::DATABASE));
        command.env("DATABASE_URL", server.url(database::LOGIN, database::DATABASE));
        command.envs(LIMITS.map(|name| (format!("LIMIT_{name}"), PLENTY)));
        let log = workspace::scratch("fuzz")?.join("panel.log");
        let log = std::fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = process::end_with_parent(&mut command, Signal::SIGKILL).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("the panel has no output")?).lines();
        let panel = Self { process, address: format!("http://127.0.0.1:{port}") };
        let is_ready = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("ready "));
        ensure!(
            is_ready,
            "the panel did not start; see panel.log in {}",
            workspace::scratch("fuzz")?.display()
        );
        // Reads to the end, so that the panel never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        Ok(panel)
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        process::signal(&self.process, Signal::SIGTERM);
        if !matches!(process::wait_at_most(&mut self.process, STOP_LIMIT), Ok(Some(_))) {
            process::signal(&self.process, Signal::SIGKILL);
            let _ = self.process.wait();
        }
    }
}

/// The first of four free ports in a row: the panel and the simulated services.
fn free_ports() -> Result<u16> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let found = (20_000..30_000).step_by(4).find(|port| (*port..port + 4).all(is_free));
    found.context("there are no four free ports in a row")
}
