//! A whole installation in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::vault::Vault;
use app::wallet::statement::StatementKeys;
use app::{App, Caller, Operator, Settings};
use clients::paypal::{WebhookCheck, WebhookSettings};
use domain::payment::PaymentGateway;
use domain::provider::ProviderConnector;
use serde_json::Value;
use simulator::{Config, Simulator};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Decode, Executor, Postgres, Type};
use store::job::NewJob;
use store::{Store, job};
use tokio::sync::OnceCell;

use crate::{Database, RunningWorker, mutant, worker};

/// Seals what the template holds; no secret.
pub(crate) const SEALING_KEYS: &str = "test:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// Signs statements; no secret.
pub(crate) const STATEMENT_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// Who sends the panel's mail.
pub(crate) const MAIL_FROM: &str = "noreply@panel.example";

/// Virtual seconds per real one: a cloud's minute passes in a third of a second.
const SPEED: f64 = 200.0;

/// After so long, what is awaited will not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at what is awaited.
const MOMENT: Duration = Duration::from_millis(20);

/// A panel with its database, the simulated clouds and PayPal. Workers are started by the test.
pub struct Panel {
    /// The use cases.
    pub app: App,
    /// The database, as the panel sees it.
    pub store: Store,
    /// The clouds and PayPal.
    pub simulator: Simulator,
    superuser: PgPool,
    database: Database,
    pub(crate) operator: OnceCell<Operator>,
}

impl Panel {
    /// A fresh installation, as the seed left it.
    pub async fn start() -> Self {
        let database = Database::create().await;
        let simulator = Simulator::start(Config { speed: SPEED, ..Config::default() }).await.unwrap();
        let store = Store::connect_lazy(&mutant::wired(database.login_url()).await, 24).unwrap();
        let superuser = PgPoolOptions::new().max_connections(4).connect(&database.superuser_url()).await;
        let (superuser, operator) = (superuser.unwrap(), OnceCell::new());
        let panel = Self { app: app(store.clone()), store, simulator, superuser, database, operator };
        for (kind, url) in
            [("linode", panel.simulator.linode_url()), ("digitalocean", panel.simulator.digitalocean_url())]
        {
            panel.execute(format!("update providers set base_url = '{url}' where kind = '{kind}'")).await;
        }
        if let Some(table) = mutant::open_table() {
            panel.execute(format!("alter policy tenant on {table} using (true)")).await;
        }
        panel
    }

    /// The same installation without a mail host.
    #[must_use]
    pub fn without_mail(self) -> Self {
        let settings = Settings { mail: false, ..self.app.settings().clone() };
        Self { app: App::new(self.store.clone(), vault(), settings), ..self }
    }

    /// The same installation with other settings.
    #[must_use]
    pub fn with_settings(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.app.settings().clone();
        change(&mut settings);
        Self { app: App::new(self.store.clone(), vault(), settings), ..self }
    }

    /// The use cases as another process of the same installation has them, with these settings.
    pub fn process(&self, change: impl FnOnce(&mut Settings)) -> App {
        let store = Store::connect_lazy(&self.database.login_url(), 8).unwrap();
        let mut settings = self.app.settings().clone();
        change(&mut settings);
        App::new(store, vault(), settings)
    }

    /// Starts a worker in this process; any number may run at once.
    pub fn worker(&self) -> RunningWorker {
        RunningWorker::start(self.app.clone(), &self.simulator, worker::settings(), None)
    }

    /// Starts a worker that believes the gateway's messages for this webhook.
    pub fn worker_hearing(&self, webhook: &str, check: WebhookCheck) -> RunningWorker {
        let roots = self.simulator.webhook_root().unwrap();
        let webhook = WebhookSettings { id: webhook.to_owned(), check, roots };
        RunningWorker::start(self.app.clone(), &self.simulator, worker::settings(), Some(webhook))
    }

    /// Starts a worker in this process between clouds and a gateway of the test's own.
    pub fn worker_between(
        &self,
        clouds: Arc<dyn ProviderConnector>,
        gateway: Arc<dyn PaymentGateway>,
    ) -> RunningWorker {
        RunningWorker::between(self.app.clone(), &self.simulator, clouds, gateway, worker::settings())
    }

    /// Where the panel connects: for processes and connections of a test's own.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Connections past all walls, for assertions and for setting the scene.
    pub fn superuser(&self) -> &PgPool {
        &self.superuser
    }

    /// The one value a query gives, read past all walls.
    pub async fn fetch<T>(&self, sql: impl Into<String>) -> T
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
    {
        let sql = sql.into();
        let value = sqlx::query_scalar(AssertSqlSafe(sql.clone())).fetch_one(&self.superuser).await;
        value.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The first column of all rows, read past all walls.
    pub async fn fetch_all<T>(&self, sql: impl Into<String>) -> Vec<T>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
    {
        let sql = sql.into();
        let values = sqlx::query_scalar(AssertSqlSafe(sql.clone())).fetch_all(&self.superuser).await;
        values.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Sets the scene past all walls; answers how many rows that touched.
    pub async fn execute(&self, sql: impl Into<String>) -> u64 {
        let sql = sql.into();
        let done = self.superuser.execute(AssertSqlSafe(sql.clone())).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
    }

    /// Waits until nobody holds a wallet: a run that was killed keeps those it had locked until its database session has
    /// noticed, and the next run leaves them out.
    pub async fn until_wallets_are_free(&self) {
        self.execute("select from wallets for update").await;
    }

    /// Waits until a query gives true.
    ///
    /// # Panics
    /// With the queue and the query when that takes too long.
    pub async fn until(&self, condition: impl Into<String>) {
        wait_for(&self.superuser, &condition.into()).await;
    }

    /// Waits until no job is ready or running.
    pub async fn until_idle(&self) {
        self.until("select not exists (select from jobs where state in ('ready', 'running'))").await;
    }

    /// Enqueues a job of the panel's own, as the clock would; answers its number.
    pub async fn enqueue(&self, kind: &str, payload: &Value) -> i64 {
        self.fetch(format!(
            "insert into jobs (kind, payload, actor) values ('{kind}', '{payload}', '{{\"kind\": \"system\"}}')
            returning id"
        ))
        .await
    }

    /// Enqueues a job of an organization.
    pub async fn enqueue_for(&self, caller: &Caller, kind: &'static str) {
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        job::enqueue(&mut tx, NewJob::new(kind, Value::Null)).await.unwrap();
        tx.commit(store::Exempt::JobBookkeeping).await.unwrap();
    }

    /// Lets the time pass that jobs wait for: each is due now.
    pub async fn skip_waits(&self) {
        self.execute("update jobs set run_at = now() where state = 'ready'").await;
        self.execute("notify jobs").await;
    }
}

/// The use cases with impatient settings and a sealing key that is no secret.
pub(crate) fn app(store: Store) -> App {
    let settings = Settings {
        lost_answer_wait: Duration::from_secs(2),
        watch_every: Duration::from_millis(50),
        mail: true,
        webhook: true,
        ..Settings::new("http://127.0.0.1:8080".parse().unwrap())
    };
    App::new(store, vault(), settings).signing(StatementKeys::parse(&STATEMENT_KEY.into()).unwrap())
}

fn vault() -> Vault {
    Vault::parse(&SEALING_KEYS.into()).unwrap()
}

/// Looks until a query gives true.
pub(crate) async fn wait_for(superuser: &PgPool, condition: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !sqlx::query_scalar::<_, Option<bool>>(AssertSqlSafe(condition.to_owned()))
        .fetch_one(superuser)
        .await
        .unwrap_or_else(|error| panic!("{condition}: {error}"))
        .unwrap_or(false)
    {
        if Instant::now() > deadline {
            let queue: Vec<String> = sqlx::query_scalar(QUEUE).fetch_all(superuser).await.unwrap();
            panic!("waited too long for: {condition}\njobs that are not done:\n{}", queue.join("\n"));
        }
        tokio::time::sleep(MOMENT).await;
    }
}

const QUEUE: &str = "select concat_ws(' ', id, kind, state, payload, 'attempts', attempts, last_error)
    from jobs where state <> 'done' order by id";

/// Looks until something is so that no query can tell.
///
/// # Panics
/// When that takes too long.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for: {what}");
        tokio::time::sleep(MOMENT).await;
    }
}
