//! The workers' side of the queue: claim, keep, give back.

use std::time::Duration;

use domain::OrganizationId;
use domain::identity::Actor;
use sqlx::postgres::PgListener;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Claim, Job, NewJob, enqueue_for, seconds};
use crate::handle::sealed::Conn as _;
use crate::{Error, Exempt, Result, Store, SystemPurpose};

/// Claims up to `limit` due jobs of these kinds for a worker, until `lease` from now.
pub async fn claim(
    store: &Store,
    worker: Uuid,
    kinds: &[String],
    limit: i64,
    lease: Duration,
) -> Result<Vec<Job>> {
    let mut tx = store.system_tx(SystemPurpose::Queue).await?;
    let claimed = sqlx::query_as!(
        ClaimedRow,
        r#"with due as (
            select j.id from jobs j
            where j.state = 'ready' and j.run_at <= now() and j.kind = any($2)
                and (j.key is null or not exists (
                    select from jobs o where o.key = j.key
                        and (o.state = 'running' or (o.state = 'ready' and o.id < j.id))))
            order by j.priority, j.run_at, j.id
            limit $3 for update skip locked
        )
        update jobs j set state = 'running', claim = j.claim + 1, worker = $1, asked_again = false,
            lease_until = now() + $4 * interval '1 millisecond'
        from due where j.id = due.id
        returning j.id, j.kind, j.payload, j.organization_id as "organization_id: OrganizationId",
            j.actor as "actor: Json<Actor>", j.attempts, j.max_attempts, j.claim"#,
        worker,
        kinds,
        limit,
        seconds(lease) as _,
    )
    .fetch_all(tx.conn())
    .await;
    let rows = match claimed.map_err(Error::from) {
        // Another worker took a job of the same key between look and grasp: look again later.
        Err(e) if e.is_constraint("jobs_one_running_per_key") => return Ok(Vec::new()),
        other => other?,
    };
    if !rows.is_empty() {
        tx.commit(Exempt::JobBookkeeping).await?;
    }
    Ok(rows.into_iter().map(Job::from).collect())
}

struct ClaimedRow {
    id: i64,
    kind: String,
    payload: serde_json::Value,
    organization_id: Option<OrganizationId>,
    actor: Json<Actor>,
    attempts: i32,
    max_attempts: i32,
    claim: i64,
}

impl From<ClaimedRow> for Job {
    fn from(row: ClaimedRow) -> Self {
        let ClaimedRow { id, kind, payload, organization_id, actor, attempts, max_attempts, claim } = row;
        Self { id, kind, payload, organization_id, actor: actor.0, attempts, max_attempts, claim }
    }
}

/// Puts the end of the lease of what a worker is running to `lease` from now.
///
/// Only that: the answer to a claim can be lost, and then nobody runs what the database says is running. Its
/// lease must end although the worker lives.
pub async fn renew(store: &Store, running: &[Claim], lease: Duration) -> Result<()> {
    let jobs: Vec<i64> = running.iter().map(|claim| claim.job).collect();
    let numbers: Vec<i64> = running.iter().map(|claim| claim.number).collect();
    let mut tx = store.system_tx(SystemPurpose::Queue).await?;
    let renewed = sqlx::query!(
        "update jobs j set lease_until = now() + $3 * interval '1 millisecond'
        from unnest($1::bigint[], $2::bigint[]) as r (id, claim)
        where j.id = r.id and j.claim = r.claim and j.state = 'running' and j.lease_until > now()",
        &jobs,
        &numbers,
        seconds(lease) as _,
    )
    .execute(tx.conn())
    .await?;
    if renewed.rows_affected() > 0 {
        tx.commit(Exempt::JobBookkeeping).await?;
    }
    Ok(())
}

/// Frees jobs whose worker is gone. A crash counts as a failed attempt, so that a job that kills
/// its process ends among the dead. Answers how many were freed.
pub async fn reap(store: &Store) -> Result<u64> {
    let mut tx = store.system_tx(SystemPurpose::Queue).await?;
    let freed = sqlx::query!(
        "update jobs set worker = null, lease_until = null, last_error = 'the worker disappeared',
            attempts = attempts + 1, claim = claim + 1, run_at = now(),
            state = case when attempts + 1 >= max_attempts then 'dead' else 'ready' end,
            finished_at = case when attempts + 1 >= max_attempts then now() end
        where id in (select id from jobs where state = 'running' and lease_until < now() for update skip locked)"
    )
    .execute(tx.conn())
    .await?;
    if freed.rows_affected() > 0 {
        tx.commit(Exempt::JobBookkeeping).await?;
    }
    Ok(freed.rows_affected())
}

/// Ends a job without an effect of its own.
pub async fn done(store: &Store, job: &Job) -> Result<()> {
    store.system_tx(SystemPurpose::Queue).await?.finish(job, super::Next::Done, Exempt::JobBookkeeping).await
}

/// How long ago a job was asked for.
pub async fn age(store: &Store, job: &Job) -> Result<Duration> {
    let mut tx = store.system_read(SystemPurpose::Queue).await?;
    let milliseconds = sqlx::query_scalar!(
        r#"select (extract(epoch from now() - created_at) * 1000)::bigint as "age!" from jobs where id = $1"#,
        job.id
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default()))
}

/// Lets a job wait without spending an attempt.
pub async fn again(store: &Store, job: &Job, wait: Duration, why: &str) -> Result<()> {
    let mut tx = store.system_tx(SystemPurpose::Queue).await?;
    sqlx::query!("update jobs set last_error = $3 where id = $1 and claim = $2", job.id, job.claim, why)
        .execute(tx.conn())
        .await?;
    tx.finish(job, super::Next::Again(wait), Exempt::JobBookkeeping).await
}

/// Spends an attempt: the job waits for `wait`, or is dead when there is none left or `give_up` is set.
/// Answers whether it is dead now.
pub async fn fail(store: &Store, job: &Job, wait: Duration, why: &str, give_up: bool) -> Result<bool> {
    let mut tx = store.system_tx(SystemPurpose::Queue).await?;
    let dead = sqlx::query_scalar!(
        r#"update jobs set attempts = attempts + 1, last_error = $4, worker = null, lease_until = null,
            run_at = now() + $3 * interval '1 millisecond',
            state = case when $5 or attempts + 1 >= max_attempts then 'dead' else 'ready' end,
            finished_at = case when $5 or attempts + 1 >= max_attempts then now() end
        where id = $1 and claim = $2 and state = 'running'
        returning state = 'dead' as "dead!""#,
        job.id,
        job.claim,
        seconds(wait) as _,
        why,
        give_up,
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::LeaseLost)?;
    tx.commit(Exempt::JobBookkeeping).await?;
    Ok(dead)
}

/// Gives back everything a worker still holds when it stops in good order.
pub async fn hand_back(store: &Store, worker: Uuid) -> Result<()> {
    let mut tx = store.system_tx(SystemPurpose::Queue).await?;
    sqlx::query!(
        "update jobs set state = 'ready', worker = null, lease_until = null, claim = claim + 1
        where worker = $1 and state = 'running'",
        worker
    )
    .execute(tx.conn())
    .await?;
    tx.commit(Exempt::JobBookkeeping).await
}

/// Is the claim still ours, with at least `margin` of the lease left? Asked just before a call that
/// must not be made twice.
pub async fn still_ours(store: &Store, job: &Job, margin: Duration) -> Result<bool> {
    let mut tx = store.system_read(SystemPurpose::Queue).await?;
    let ours = sqlx::query_scalar!(
        r#"select exists (select from jobs where id = $1 and claim = $2 and state = 'running'
            and lease_until > now() + $3 * interval '1 millisecond') as "ours!""#,
        job.id,
        job.claim,
        seconds(margin) as _,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(ours)
}

/// Enqueues a recurring job once per slot of `every`, whatever number of processes ask.
pub async fn recur(store: &Store, kind: &'static str, every: Duration) -> Result<()> {
    let mut tx = store.system_tx(SystemPurpose::Queue).await?;
    let slot = sqlx::query_scalar!(
        "insert into recurring_jobs as r (kind, last_slot)
        values ($1, (extract(epoch from now()) * 1000)::bigint / greatest($2::bigint, 1))
        on conflict (kind) do update set last_slot = excluded.last_slot where r.last_slot < excluded.last_slot
        returning last_slot",
        kind,
        seconds(every),
    )
    .fetch_optional(tx.conn())
    .await?;
    if slot.is_none() {
        return Ok(());
    }
    let job = NewJob::new(kind, serde_json::Value::Null).once(kind);
    enqueue_for(&mut tx, None, Actor::System, job).await?;
    tx.commit(Exempt::JobBookkeeping).await
}

/// How many jobs of organizations and provider accounts are ready or running, recurring ones apart.
pub async fn open_of_people(store: &Store, purpose: SystemPurpose) -> Result<i64> {
    let mut tx = store.system_read(purpose).await?;
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "n!" from jobs
        where state in ('ready', 'running') and kind not in (select kind from recurring_jobs)"#
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Wakes up when jobs are enqueued. A lost connection wakes too, so that nothing is missed.
pub struct WakeUp {
    listener: PgListener,
}

impl WakeUp {
    /// Listens on a connection of its own.
    pub async fn connect(store: &Store) -> Result<Self> {
        let mut listener = PgListener::connect_with(store.pool()).await?;
        listener.listen("jobs").await?;
        Ok(Self { listener })
    }

    /// Waits for the next enqueue or a reconnect.
    pub async fn wait(&mut self) -> Result<()> {
        self.listener.try_recv().await?;
        Ok(())
    }
}
