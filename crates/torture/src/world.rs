//! An installation: a database, simulated clouds and gateway, three `serve` and two `work` processes.
//!
//! It is used for many seeds, one after the other; each brings organizations of its own. A world in which
//! something went wrong is thrown away, so that the next seed begins clean.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _};
use testkit::Panel;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::deeds::answered;
use crate::disturbance::{SERVERS, WORKERS};
use crate::door::Door;
use crate::operators::Operators;
use crate::process::{Plan, Process};
use crate::watch;

/// How long the database may take to come back.
const RECOVERY: Duration = Duration::from_secs(30);

/// A world as old as this gets no more seeds.
const OLD: Duration = Duration::from_secs(240);

/// The installation.
pub(crate) struct World {
    pub(crate) panel: Panel,
    /// Workers first.
    pub(crate) processes: Vec<Mutex<Process>>,
    /// Where the `serve` processes listen.
    pub(crate) addresses: Vec<String>,
    /// For everybody who asks: making one is slow.
    pub(crate) http: reqwest::Client,
    pub(crate) operators: Operators,
    began: Instant,
    /// Where the gateway tells what happens.
    _door: Door,
    _root: RootFile,
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
        let places: Vec<String> = (0..SERVERS).map(|_| testkit::free_address()).collect();
        let door = Door::open(places.clone()).await?;
        let webhook = panel.subscribe(&format!("{}/webhooks/payments", door.url())).await;
        let root = RootFile::write(&webhook, &panel.simulator.webhook_root().context("no certificates")?)?;
        for _ in 0..WORKERS {
            let environment = environment(&panel, &webhook, &root.0);
            processes.push(Process::new(Plan { command: "work", environment })?);
        }
        for address in places {
            let mut environment = environment(&panel, &webhook, &root.0);
            environment.push(("LISTEN", address.clone()));
            environment.push(("PUBLIC_URL", format!("http://{address}")));
            environment.push(("TRUSTED_PROXIES", "127.0.0.0/8".into()));
            processes.push(Process::new(Plan { command: "serve", environment })?);
            addresses.push(format!("http://{address}"));
        }
        let processes = processes.into_iter().map(Mutex::new).collect();
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let operators = Operators::sign_in(&panel, &http, &addresses).await?;
        let began = Instant::now();
        Ok(Self { panel, processes, addresses, http, operators, began, _door: door, _root: root })
    }

    /// May another seed be played here? The gateway's time flies, and its reports tell of a few days alone.
    pub(crate) fn is_young(&self) -> bool {
        self.began.elapsed() < OLD
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

    /// The text that a query gives, if any; asked again while the database is away.
    pub(crate) async fn look_up(&self, sql: &str) -> Option<String> {
        let deadline = Instant::now() + RECOVERY;
        loop {
            let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
            match asked.fetch_optional(self.panel.superuser()).await {
                Ok(found) => return found,
                Err(error) if Instant::now() > deadline => panic!("{sql}: {error}"),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// What payers, their banks and the gateway do by themselves; answers what the gateway then shows, or `null`.
    pub(crate) async fn at_the_gateway(&self, path: &str, how: &Value) -> Value {
        let url = format!("{}/_sim/paypal/{path}", self.panel.simulator.paypal_url());
        let request = self.http.post(url).header("content-type", "application/json");
        answered(request.body(how.to_string())).await
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
fn environment(panel: &Panel, webhook: &str, root: &Path) -> Vec<(&'static str, String)> {
    let mut environment = panel.process_environment();
    environment.extend([
        ("DATABASE_URL", panel.database().login_url()),
        ("DATABASE_CONNECTIONS", "8".into()),
        ("BILLING_SECONDS", "1".into()),
        ("RECONCILE_SECONDS", "1".into()),
        ("PAYPAL_WEBHOOK_ID", webhook.into()),
        ("PAYPAL_WEBHOOK_ROOTS", root.display().to_string()),
        // A gateway that tells everything 25 times, and orders by many at once.
        ("LIMIT_WEBHOOK", "20000/60".into()),
        ("LIMIT_MONEY", "600/60".into()),
        ("TAX", "on".into()),
        ("COMPANY_ADDRESS", "Hauptstr. 1".into()),
        ("COMPANY_COUNTRY", "DE".into()),
    ]);
    environment
}

/// A file with the certificate that vouches for what the gateway tells. Dropping it removes it.
struct RootFile(PathBuf);

impl RootFile {
    fn write(webhook: &str, pem: &str) -> Result<Self> {
        let path =
            std::env::temp_dir().join(format!("skypanel-torture-{}-{webhook}.pem", std::process::id()));
        std::fs::write(&path, pem).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for RootFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}
