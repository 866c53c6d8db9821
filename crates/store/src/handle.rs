//! Transactions that the database confines to what their holder may see.
//!
//! Opening one is a single round trip: begin, switch the role, name the organization. The role and
//! the setting end with the transaction, so this works behind a connection pool.

use domain::identity::Actor;
use domain::{OrganizationId, activity::Activity};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};

use crate::job::{Job, Next};
use crate::{Error, Result, activity, job};

/// Proof that the holder may act in an organization. Made from a session, an API key, a claimed
/// job or an operator's visit, and by nothing else.
#[derive(Debug, Clone, Copy)]
pub struct OrgScope {
    organization_id: OrganizationId,
    actor: Actor,
}

impl OrgScope {
    pub(crate) fn new(organization_id: OrganizationId, actor: Actor) -> Self {
        Self { organization_id, actor }
    }

    /// The organization.
    pub fn organization_id(&self) -> OrganizationId {
        self.organization_id
    }

    /// Who acts in it.
    pub fn actor(&self) -> Actor {
        self.actor
    }
}

/// Why all organizations are looked at; goes to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemPurpose {
    /// Somebody signs up or in.
    SignIn,
    /// Request limits.
    Limits,
    /// The job queue.
    Queue,
    /// A job that is not about one organization.
    Job,
    /// The payment gateway tells something.
    Webhook,
    /// The hourly billing run.
    Billing,
    /// An operator's page or change.
    Operator,
    /// An operator's command on the server.
    CommandLine,
    /// Delivery of events to operators.
    Events,
    /// What a monitoring system collects.
    Metrics,
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

/// The database for those who only look: cannot open a writing transaction.
#[derive(Debug, Clone)]
pub struct ReadStore {
    store: Store,
}

impl Store {
    /// Opens a pool of at most `connections`. Connects when first used.
    pub fn connect_lazy(url: &str, connections: u32) -> Result<Self> {
        let options: PgConnectOptions = url.parse().map_err(Error::Database)?;
        // PostgreSQL's compiler takes longer to load than our longest statements would gain by it.
        let options = options.options([("jit", "off")]);
        let pool = PgPoolOptions::new().max_connections(connections).connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// The reading half.
    pub fn reads(&self) -> ReadStore {
        ReadStore { store: self.clone() }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    async fn begin(&self, statement: String) -> Result<Transaction<'static, Postgres>> {
        // A task of its own, so that it goes on when the asker goes away. Abandoned half-way, sqlx
        // would hand the connection on with the transaction open: what begins on it next would be
        // in a transaction that is, for one, read-only.
        let pool = self.pool.clone();
        // The statement holds constants and a formatted uuid, never input.
        let begun = tokio::spawn(async move { pool.begin_with(AssertSqlSafe(statement)).await });
        Ok(begun.await.map_err(|ended| sqlx::Error::Io(std::io::Error::other(ended)))??)
    }

    async fn begin_org(
        &self,
        mode: &str,
        organization: OrganizationId,
    ) -> Result<Transaction<'static, Postgres>> {
        self.begin(format!(
            "begin {mode}; set local role skypanel_tenant; set local app.organization_id = '{organization}'"
        ))
        .await
    }

    async fn begin_system(
        &self,
        mode: &str,
        purpose: SystemPurpose,
    ) -> Result<Transaction<'static, Postgres>> {
        tracing::trace!(?purpose, "system transaction");
        self.begin(format!("begin {mode}; set local role skypanel_system")).await
    }

    /// A writing transaction in one organization.
    pub async fn org_tx(&self, scope: &OrgScope) -> Result<OrgTx> {
        let tx = self.begin_org("", scope.organization_id).await?;
        Ok(OrgTx { tx, scope: *scope })
    }

    /// A writing transaction over all organizations.
    pub async fn system_tx(&self, purpose: SystemPurpose) -> Result<SystemTx> {
        Ok(SystemTx { tx: self.begin_system("", purpose).await? })
    }

    /// A reading transaction over all organizations.
    pub async fn system_read(&self, purpose: SystemPurpose) -> Result<SystemRead> {
        self.reads().system(purpose).await
    }

    /// A reading transaction in one organization.
    pub async fn org_read(&self, scope: &OrgScope) -> Result<OrgRead> {
        self.reads().org(scope).await
    }

    /// Look-ups before the organization is known.
    pub async fn identify(&self) -> Result<Identify> {
        self.reads().identify().await
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Open.
    pub open: usize,
    /// Open and not in use.
    pub idle: usize,
    /// Most there may be.
    pub most: usize,
}

impl ReadStore {
    /// How many connections this process has now.
    pub fn connections(&self) -> Connections {
        let pool = &self.store.pool;
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Connections {
            open: whole(pool.size()),
            idle: pool.num_idle(),
            most: whole(pool.options().get_max_connections()),
        }
    }

    /// A reading transaction in one organization.
    pub async fn org(&self, scope: &OrgScope) -> Result<OrgRead> {
        let tx = self.store.begin_org("read only", scope.organization_id).await?;
        Ok(OrgRead { tx, scope: *scope })
    }

    /// A reading transaction over all organizations.
    pub async fn system(&self, purpose: SystemPurpose) -> Result<SystemRead> {
        Ok(SystemRead { tx: self.store.begin_system("read only", purpose).await? })
    }

    /// Look-ups before the organization is known.
    pub async fn identify(&self) -> Result<Identify> {
        Ok(Identify { tx: self.store.begin_system("read only", SystemPurpose::SignIn).await? })
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("select 1").execute(&self.store.pool).await?;
        Ok(())
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.store.pool
    }
}

/// One organization, for reading.
pub struct OrgRead {
    tx: Transaction<'static, Postgres>,
    scope: OrgScope,
}

/// One organization, for writing.
pub struct OrgTx {
    tx: Transaction<'static, Postgres>,
    scope: OrgScope,
}

/// All organizations, for reading.
pub struct SystemRead {
    tx: Transaction<'static, Postgres>,
}

/// All organizations, for writing.
pub struct SystemTx {
    tx: Transaction<'static, Postgres>,
}

/// The few look-ups by session token, API key and e-mail address. Reading only.
pub struct Identify {
    tx: Transaction<'static, Postgres>,
}

impl Identify {
    /// Goes on in the organization that was found, in the same transaction.
    pub async fn into_org(mut self, scope: &OrgScope) -> Result<OrgRead> {
        let organization = scope.organization_id;
        // A formatted uuid, never input.
        let statement =
            format!("set local role skypanel_tenant; set local app.organization_id = '{organization}'");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *self.tx).await?;
        Ok(OrgRead { tx: self.tx, scope: *scope })
    }
}

pub(crate) mod sealed {
    /// The connection behind a handle: for the statements of this crate alone.
    pub trait Conn: Send {
        fn conn(&mut self) -> &mut sqlx::PgConnection;
    }
}
use sealed::Conn;

macro_rules! conn {
    ($($handle:ty),+) => {$(
        impl Conn for $handle { fn conn(&mut self) -> &mut PgConnection { &mut self.tx } }
    )+};
}
conn!(OrgRead, OrgTx, SystemRead, SystemTx, Identify);

/// A handle on one organization.
pub trait OrgDb: Conn {
    /// Whose rows it sees.
    fn scope(&self) -> OrgScope;

    /// Whose rows it sees.
    fn organization_id(&self) -> OrganizationId {
        self.scope().organization_id
    }
}
impl OrgDb for OrgRead {
    fn scope(&self) -> OrgScope {
        self.scope
    }
}
impl OrgDb for OrgTx {
    fn scope(&self) -> OrgScope {
        self.scope
    }
}

/// A handle on all organizations.
pub trait SystemDb: Conn {}
impl SystemDb for SystemRead {}
impl SystemDb for SystemTx {}

/// A handle that can write.
pub trait WriteDb: Conn {}
impl WriteDb for OrgTx {}
impl WriteDb for SystemTx {}

/// Writes that change nothing a person would look for in the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exempt {
    /// Claiming, renewing and handing back jobs, and where a job stands between two steps.
    JobBookkeeping,
    /// Last use of a session or key.
    LastUse,
    /// Buckets of the rate limiter.
    RateBucket,
    /// Answers kept for repeated requests.
    IdempotencyKey,
    /// Where a mail stands: taken by the mail host, skipped, or still waiting. That one failed is an entry.
    MailDelivery,
    /// A message of the payment gateway that was kept or looked at: it changes nothing by itself.
    PaymentEvent,
    /// Removal of expired sessions, old events and finished jobs.
    Housekeeping,
    /// A run that found nothing to do.
    NothingChanged,
}

/// What the audit trail says about a change. A commit needs one.
#[derive(Debug)]
pub enum Note {
    /// Entries to write.
    Entries(Vec<Activity>),
    /// None, for this reason.
    Exempt(Exempt),
}

impl From<Activity> for Note {
    fn from(entry: Activity) -> Self {
        Self::Entries(vec![entry])
    }
}
impl From<Vec<Activity>> for Note {
    fn from(entries: Vec<Activity>) -> Self {
        if entries.is_empty() { Self::Exempt(Exempt::NothingChanged) } else { Self::Entries(entries) }
    }
}
impl From<Exempt> for Note {
    fn from(reason: Exempt) -> Self {
        Self::Exempt(reason)
    }
}

async fn write_note(conn: &mut PgConnection, note: Note) -> Result<()> {
    match note {
        Note::Entries(entries) => activity::insert(conn, &entries).await,
        Note::Exempt(_) => Ok(()),
    }
}

impl OrgTx {
    /// Makes the change and its audit entries permanent together.
    pub async fn commit(mut self, note: impl Into<Note>) -> Result<()> {
        write_note(&mut self.tx, note.into()).await?;
        Ok(self.tx.commit().await?)
    }

    /// Like [`Self::commit`], and the job ends or waits with it. Rolls back and answers
    /// [`Error::LeaseLost`] when the job is no longer ours.
    pub async fn finish(mut self, job: &Job, next: Next, note: impl Into<Note>) -> Result<()> {
        job::settle(&mut self.tx, job, next).await?;
        self.commit(note).await
    }

    /// Like [`Self::commit`] in the middle of a job: rolls back when the job is no longer ours.
    pub async fn checkpoint(mut self, job: &Job, note: impl Into<Note>) -> Result<()> {
        job::hold(&mut self.tx, job).await?;
        self.commit(note).await
    }
}

impl SystemTx {
    /// Makes the changes and their audit entries permanent together.
    pub async fn commit(mut self, note: impl Into<Note>) -> Result<()> {
        write_note(&mut self.tx, note.into()).await?;
        Ok(self.tx.commit().await?)
    }

    /// Like [`Self::commit`], and the job ends or waits with it.
    pub async fn finish(mut self, job: &Job, next: Next, note: impl Into<Note>) -> Result<()> {
        job::settle(&mut self.tx, job, next).await?;
        self.commit(note).await
    }
}
