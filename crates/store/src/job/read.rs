//! The queue as operators see it.

use chrono::{DateTime, Utc};
use domain::OrganizationId;
use domain::operations::JobState;
use serde_json::Value;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead};

/// A job.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// The handler.
    pub kind: String,
    /// Ids of what to do it to.
    pub payload: Value,
    /// Where it stands.
    pub state: JobState,
    /// Whose it is, if one organization's.
    pub organization_id: Option<OrganizationId>,
    /// The organization's name.
    pub organization: Option<String>,
    /// Name of the VPS it is about, if about one.
    pub vps: Option<String>,
    /// Failed attempts so far.
    pub attempts: i32,
    /// Given up after so many.
    pub max_attempts: i32,
    /// How often a worker took it up.
    pub claims: i64,
    /// What went wrong last, or what it waits for.
    pub last_error: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it may run next.
    pub run_at: DateTime<Utc>,
    /// When it was over or given up.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Jobs in one of these states; all when empty.
    pub states: &'a [JobState],
    /// Jobs of this kind; all when empty.
    pub kind: &'a str,
    /// Jobs of organizations whose name holds this; all when empty.
    pub organization: &'a str,
    /// This job only.
    pub only: Option<i64>,
}

/// Up to `limit` jobs older than `before`, newest first.
pub async fn list(
    db: &mut SystemRead,
    filter: &Filter<'_>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let states: Vec<String> = filter.states.iter().map(|state| state.as_str().to_owned()).collect();
    Ok(sqlx::query_as!(
        Listed,
        r#"select j.id, j.kind, j.payload, j.state as "state: JobState",
            j.organization_id as "organization_id: OrganizationId", o.name as "organization?", v.name as "vps?",
            j.attempts, j.max_attempts, j.claim as claims, j.last_error, j.created_at, j.run_at, j.finished_at
        from jobs j left join organizations o on o.id = j.organization_id
        left join vps_instances v on v.organization_id = j.organization_id and v.id = (j.payload->>'vps_id')::uuid
        where (cardinality($1::text[]) = 0 or j.state = any($1))
            and ($2 = '' or j.kind = $2)
            and ($3 = '' or strpos(lower(o.name), lower($3)) > 0)
            and ($4::bigint is null or j.id = $4)
            and ($5::bigint is null or j.id < $5)
        order by j.id desc limit $6"#,
        &states,
        filter.kind,
        filter.organization,
        filter.only,
        before,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// One job.
pub async fn find(db: &mut SystemRead, id: i64) -> Result<Option<Listed>> {
    Ok(list(db, &Filter { only: Some(id), ..Filter::default() }, None, 1).await?.pop())
}

/// Jobs of one kind in one state that are not over.
#[derive(Debug, Clone)]
pub struct Count {
    /// Where they stand.
    pub state: JobState,
    /// The handler.
    pub kind: String,
    /// How many.
    pub count: i64,
    /// For how long the one that has been due longest is due, in seconds.
    pub oldest_seconds: i64,
}

/// How many jobs are ready, running or dead, by kind.
pub async fn counts(db: &mut SystemRead) -> Result<Vec<Count>> {
    Ok(sqlx::query_as!(
        Count,
        r#"select state as "state: JobState", kind, count(*) as "count!",
            greatest(extract(epoch from now() - min(run_at))::bigint, 0) as "oldest_seconds!"
        from jobs where state in ('ready', 'running', 'dead') group by state, kind order by kind, state"#
    )
    .fetch_all(db.conn())
    .await?)
}
