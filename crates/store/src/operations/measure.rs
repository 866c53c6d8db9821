//! How much there is to do and how late it is, for the metrics.

use domain::ProviderId;
use domain::operations::JobState;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead};

/// Jobs of a kind that are not over.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// What they are for.
    pub kind: String,
    /// Ready, running or dead.
    pub state: JobState,
    /// How many.
    pub count: i64,
}

/// How late the work is, in seconds; 0 when nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// For how long the oldest job has been due that no worker began, those apart that wait for another of their key.
    pub queue: i64,
    /// For how long the oldest hour has run that is not charged.
    pub billing: i64,
}

/// What is left of an account's requests.
#[derive(Debug, Clone)]
pub struct Budget {
    /// The account.
    pub provider_id: ProviderId,
    /// Requests left, as seen last; all of them once the vendor counts anew.
    pub remaining: i64,
    /// Requests there are each time.
    pub limit: i64,
}

/// Jobs that wait, run or were given up, by kind and state.
pub async fn jobs(db: &mut SystemRead) -> Result<Vec<Jobs>> {
    Ok(sqlx::query_as!(
        Jobs,
        r#"select kind, state as "state: JobState", count(*) as "count!" from jobs
        where state in ('ready', 'running', 'dead') group by kind, state order by kind, state"#
    )
    .fetch_all(db.conn())
    .await?)
}

/// How late the work is.
pub async fn lag(db: &mut SystemRead) -> Result<Lag> {
    Ok(sqlx::query_as!(
        Lag,
        r#"select
            coalesce((select extract(epoch from now() - min(j.run_at)) from jobs j
                where j.state = 'ready' and j.run_at < now()
                    and (j.key is null or not exists (select from jobs o where o.key = j.key
                        and (o.state = 'running' or (o.state = 'ready' and o.id < j.id))))), 0)::bigint as "queue!",
            coalesce((select extract(epoch from now() - min(m.paid_until)) from meter_counts m
                where not m.settled and m.paid_until < now()), 0)::bigint as "billing!""#
    )
    .fetch_one(db.conn())
    .await?)
}

/// The accounts' request budgets, as far as workers saw them.
pub async fn budgets(db: &mut SystemRead) -> Result<Vec<Budget>> {
    Ok(sqlx::query_as!(
        Budget,
        r#"select provider_id as "provider_id: ProviderId", request_limit as "limit",
            case when resets_at > now() then remaining else request_limit end as "remaining!"
        from provider_budgets order by provider_id"#
    )
    .fetch_all(db.conn())
    .await?)
}
