//! The job queue.
//!
//! A job is enqueued in the transaction of the change that asks for it, claimed with a lease, and
//! finished in the transaction of its effect. Every claim has a number of its own (fencing): a
//! worker that was stopped for longer than its lease can no longer finish or change anything.
//! Time is the database's clock throughout.

pub mod queue;
pub mod read;
pub mod repair;

use std::time::Duration;

use domain::OrganizationId;
use domain::identity::Actor;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::handle::sealed::Conn as _;
use crate::{Error, OrgScope, OrgTx, Result, SystemTx};

/// A job to run.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// What to do: the name of a handler.
    pub kind: &'static str,
    /// Ids of what to do it to.
    pub payload: Value,
    /// Jobs of one key run one at a time, oldest first.
    pub key: Option<String>,
    /// Not enqueued while another live job has the same word.
    pub dedupe: Option<String>,
    /// Wait before the first attempt.
    pub delay: Duration,
}

impl NewJob {
    /// A job without key that may run at once.
    pub fn new(kind: &'static str, payload: Value) -> Self {
        Self { kind, payload, key: None, dedupe: None, delay: Duration::ZERO }
    }

    /// One at a time with others of this key.
    #[must_use]
    pub fn keyed(mut self, key: impl std::fmt::Display) -> Self {
        self.key = Some(key.to_string());
        self
    }

    /// Once while another live job has this word.
    #[must_use]
    pub fn once(mut self, word: impl Into<String>) -> Self {
        self.dedupe = Some(word.into());
        self
    }

    /// Not before this time has passed.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A claimed job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// The handler.
    pub kind: String,
    /// Ids of what to do it to.
    pub payload: Value,
    /// Whose it is, if one organization's.
    pub organization_id: Option<OrganizationId>,
    /// Who asked for it.
    pub actor: Actor,
    /// Failed attempts so far.
    pub attempts: i32,
    /// Given up after so many.
    pub max_attempts: i32,
    claim: i64,
}

impl Job {
    /// The claim it is held by.
    pub fn claim(&self) -> Claim {
        Claim { job: self.id, number: self.claim }
    }

    /// Authority over the organization the job belongs to, in the name of who asked for it.
    pub fn scope(&self) -> Option<OrgScope> {
        self.organization_id.map(|organization| OrgScope::new(organization, self.actor))
    }

    /// The same authority for what the panel does on its own.
    pub fn system_scope(&self) -> Option<OrgScope> {
        self.organization_id.map(|organization| OrgScope::new(organization, Actor::System))
    }
}

/// One claim of one job, for renewing its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    job: i64,
    number: i64,
}

/// What becomes of a job after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Done,
    /// It goes on after a wait; no attempt is spent.
    Again(Duration),
}

fn seconds(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

async fn insert(
    conn: &mut PgConnection,
    job: NewJob,
    organization: Option<OrganizationId>,
    actor: Actor,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "insert into jobs (kind, payload, organization_id, actor, key, dedupe, run_at)
        values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 millisecond')
        on conflict (dedupe) where dedupe is not null and state in ('ready', 'running')
            do update set asked_again = (jobs.state = 'running')
        returning case when xmax = 0 then id end",
        job.kind,
        job.payload,
        organization.map(|o| o.0),
        Json(actor) as _,
        job.key,
        job.dedupe,
        seconds(job.delay) as _,
    )
    .fetch_one(conn)
    .await?)
}

/// Enqueues a job of the organization. `None` when an equal live job exists; if that one is already
/// running, it runs once more afterwards, so that nothing asked for is overlooked.
pub async fn enqueue(tx: &mut OrgTx, job: NewJob) -> Result<Option<i64>> {
    let scope = crate::OrgDb::scope(tx);
    insert(tx.conn(), job, Some(scope.organization_id()), scope.actor()).await
}

/// Enqueues a job of an organization from a transaction over all of them.
pub async fn enqueue_for(
    tx: &mut SystemTx,
    organization: Option<OrganizationId>,
    actor: Actor,
    job: NewJob,
) -> Result<Option<i64>> {
    insert(tx.conn(), job, organization, actor).await
}

/// Ends or delays a claimed job, unless the claim was lost.
pub(crate) async fn settle(conn: &mut PgConnection, job: &Job, next: Next) -> Result<()> {
    let (state, wait) = match next {
        Next::Done => ("done", Duration::ZERO),
        Next::Again(wait) => ("ready", wait),
    };
    let rows = sqlx::query!(
        "update jobs set state = case when asked_again then 'ready' else $3 end,
            run_at = now() + case when asked_again then 0 else $4 end * interval '1 millisecond',
            worker = null, lease_until = null, finished_at = case when $3 = 'done' and not asked_again then now() end
        where id = $1 and claim = $2 and state = 'running'",
        job.id,
        job.claim,
        state,
        seconds(wait) as _,
    )
    .execute(conn)
    .await?;
    if rows.rows_affected() == 1 { Ok(()) } else { Err(Error::LeaseLost) }
}

/// Locks the claim until the end of the transaction; fails when it was lost.
pub(crate) async fn hold(conn: &mut PgConnection, job: &Job) -> Result<()> {
    sqlx::query!(
        "select id from jobs where id = $1 and claim = $2 and state = 'running' for update",
        job.id,
        job.claim
    )
    .fetch_optional(conn)
    .await?
    .map(|_| ())
    .ok_or(Error::LeaseLost)
}
