//! `cargo xtask demo`: the panel with everything it needs, simulated clouds included.

use std::{
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;
use pico_args::Arguments;

use crate::{
    assets,
    data_dir::DataDir,
    database, finish,
    postgres::{Durability, Postgres, Server},
    process, progress,
    supervise::{Event, Events},
    workspace,
};

/// How long a demo that has just ended may still hold its port.
const PORT_LIMIT: Duration = Duration::from_secs(5);

/// How long the panel may take to finish what it is doing.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What the user asked for.
pub(crate) struct Options {
    port: u16,
    data: PathBuf,
    /// Begin with an empty data folder.
    fresh: bool,
    /// How many times faster than real clouds the simulated ones are; the panel has a default.
    speed: Option<u32>,
}

impl Options {
    pub(crate) fn parse(mut args: Arguments) -> Result<Self> {
        let data = match args.opt_value_from_str("--data")? {
            Some(data) => data,
            None => DataDir::default_path("demo")?,
        };
        let options = Self {
            port: args.opt_value_from_str("--port")?.unwrap_or(8080),
            data,
            fresh: args.contains("--fresh"),
            speed: args.opt_value_from_str("--speed")?,
        };
        finish(args)?;
        Ok(options)
    }
}

/// Gets what is missing, then runs database and panel until the user stops them.
pub(crate) fn run(options: &Options) -> Result<()> {
    let dir = DataDir::open(&options.data)?;
    wait_for_port(options.port)?;
    assets::build()?;
    progress("building the panel");
    let program = workspace::build_panel()?;
    if options.fresh {
        Postgres::clear(&dir)?;
    }
    let mut events = Events::subscribe()?;
    let mut postgres = Postgres::start(&dir, Durability::Durable)?;
    database::bootstrap(postgres.server())?;
    progress("starting the panel");
    let mut panel = start_panel(options, &program, &dir, postgres.server())?;
    let outcome = stay(&mut events, &mut panel, &mut postgres);
    stop_panel(&mut events, &mut panel)?;
    progress("stopping PostgreSQL");
    drop(postgres);
    outcome
}

/// Fails early, and with advice, when the address is taken.
fn wait_for_port(port: u16) -> Result<()> {
    let deadline = Instant::now() + PORT_LIMIT;
    while let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        ensure!(
            Instant::now() < deadline,
            "port {port} cannot be used ({error}); choose another with --port N"
        );
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The panel migrates the database, fills it, and prints its address and the logins by itself.
fn start_panel(options: &Options, program: &Path, dir: &DataDir, server: &Server) -> Result<Child> {
    let mut command = Command::new(program);
    command.args(["demo", "--port", &options.port.to_string(), "--data"]).arg(dir.path());
    if let Some(speed) = options.speed {
        command.args(["--speed", &speed.to_string()]);
    }
    command.env("DATABASE_OWNER_URL", server.url(database::OWNER, database::DATABASE));
    command.env("DATABASE_URL", server.url(database::LOGIN, database::DATABASE));
    // A group of its own: Ctrl-C is for us, and we pass it on once.
    command.current_dir(dir.path()).stdin(Stdio::null()).process_group(0);
    // When we are killed, so is the database. Without one the panel has nothing to bring to a good end.
    process::end_with_parent(&mut command, Signal::SIGKILL).spawn().context("cannot start the panel")
}

/// Waits for the user to stop us; fails when the panel or the database ends before.
fn stay(events: &mut Events, panel: &mut Child, postgres: &mut Postgres) -> Result<()> {
    while events.next() == Event::Child {
        if let Some(status) = panel.try_wait()? {
            bail!("the panel ended by itself ({status})");
        }
        postgres.check()?;
    }
    Ok(())
}

/// Lets the panel finish what it is doing; a second Ctrl-C ends it at once.
fn stop_panel(events: &mut Events, panel: &mut Child) -> Result<()> {
    if panel.try_wait()?.is_some() {
        return Ok(());
    }
    progress("stopping the panel");
    process::signal(panel, Signal::SIGTERM);
    let deadline = Instant::now() + STOP_LIMIT;
    while process::wait_at_most(panel, Duration::from_millis(100))?.is_none() {
        if events.stop_is_pending() || Instant::now() >= deadline {
            process::signal(panel, Signal::SIGKILL);
        }
    }
    Ok(())
}
