//! An installation: a database, simulated clouds and gateway, three `serve` and two `work` processes.
//!
//! It is used for many seeds, one after the other; each brings organizations of its own. A world in which
//! something went wrong is thrown away, so that the next seed begins clean.

use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{AssertSqlSafe, Executor as _};
use testkit::Panel;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::disturbance::{SERVERS, WORKERS};
use crate::process::{Plan, Process};
use crate::watch;

/// How long the database may take to come back.
const RECOVERY: Duration = Duration::from_secs(30);

/// The installation.
pub(crate) struct World {
    pub(crate) panel: Panel,
    /// Workers first.
    pub(crate) processes: Vec<Mutex<Process>>,
    /// Where the `serve` processes listen.
    pub(crate) addresses: Vec<String>,
    /// For everybody who asks: making one is slow.
    pub(crate) http: reqwest::Client,
}

impl World {
    /// A fresh installation with all processes running.
    pub(crate) async fn start() -> Result<Self> {
        testkit::install_crypto();
        let panel = Panel::start().await;
        // PostgreSQL 15 copies a sequence into a new database with the numbers its template had reserved; a crash
        // before the first checkpoint would give them out again.
        panel.execute("checkpoint").await;
        watch::set_up(&panel).await;
        let (mut processes, mut addresses) = (Vec::new(), Vec::new());
        for _ in 0..WORKERS {
            processes.push(Process::new(Plan { command: "work", environment: environment(&panel) })?);
        }
        for _ in 0..SERVERS {
            let address = testkit::free_address();
            let mut environment = environment(&panel);
            environment.push(("LISTEN", address.clone()));
            environment.push(("PUBLIC_URL", format!("http://{address}")));
            environment.push(("TRUSTED_PROXIES", "127.0.0.0/8".into()));
            processes.push(Process::new(Plan { command: "serve", environment })?);
            addresses.push(format!("http://{address}"));
        }
        let processes = processes.into_iter().map(Mutex::new).collect();
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { panel, processes, addresses, http })
    }

    /// Lets the clock start billing runs and comparisons, or keeps it from doing so.
    pub(crate) async fn let_clock_run(&self, runs: bool) {
        let slot = if runs { 0 } else { i64::MAX };
        self.execute(&format!(
            "update recurring_jobs set last_slot = {slot} where kind in ('billing.run', 'provider.reconcile_all')"
        ))
        .await;
    }

    /// Kills a process of the database server: the others then end at once, and it recovers from its log.
    ///
    /// That is what clients see of a crash or an immediate restart, without knowing how the server is started.
    pub(crate) async fn crash_database(&self) {
        let mut victim = match self.panel.superuser().acquire().await {
            Ok(connection) => connection,
            Err(_) => return,
        };
        let pid = sqlx::query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(&mut *victim).await;
        if let Ok(pid) = pid {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// Runs a statement past all walls, again while the database is away.
    pub(crate) async fn execute(&self, sql: &str) {
        let deadline = Instant::now() + RECOVERY;
        loop {
            match self.panel.superuser().execute(AssertSqlSafe(sql.to_owned())).await {
                Ok(_) => return,
                Err(error) if Instant::now() > deadline => panic!("{sql}: {error}"),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Starts processes again that ended because the database was away, as a supervisor would. Any other end
    /// is a complaint.
    pub(crate) async fn revive(&self, excused: bool) -> Vec<String> {
        let mut complaints = Vec::new();
        for process in &self.processes {
            let mut process = process.lock().await;
            if let Some(complaint) = process.complaint() {
                process.start();
                complaints.extend((!excused).then_some(complaint));
            }
        }
        complaints
    }
}

/// Impatient settings, so that a seed takes seconds.
fn environment(panel: &Panel) -> Vec<(&'static str, String)> {
    let mut environment = panel.process_environment();
    environment.extend([
        ("DATABASE_URL", panel.database().login_url()),
        ("DATABASE_CONNECTIONS", "8".into()),
        ("BILLING_SECONDS", "1".into()),
        ("RECONCILE_SECONDS", "1".into()),
    ]);
    environment
}
