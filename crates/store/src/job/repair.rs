//! What operators do with jobs: a second chance, or the end.

use domain::OrganizationId;
use domain::operations::JobState;
use serde_json::Value;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemTx};

/// A job whose row is locked until the end of the transaction: no worker takes or ends it meanwhile.
#[derive(Debug, Clone)]
pub struct Locked {
    /// Its number.
    pub id: i64,
    /// The handler.
    pub kind: String,
    /// Ids of what to do it to.
    pub payload: Value,
    /// Jobs of one key run one at a time.
    pub key: Option<String>,
    /// Whose it is, if one organization's.
    pub organization_id: Option<OrganizationId>,
    /// Where it stands.
    pub state: JobState,
}

/// Locks a job.
pub async fn lock(tx: &mut SystemTx, id: i64) -> Result<Option<Locked>> {
    Ok(sqlx::query_as!(
        Locked,
        r#"select id, kind, payload, key, organization_id as "organization_id: OrganizationId",
            state as "state: JobState"
        from jobs where id = $1 for update"#,
        id
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Lets a dead job run again, at once and with all its attempts. Constraint `jobs_dedupe` refuses it
/// while an equal job is live.
pub async fn retry(tx: &mut SystemTx, job: &Locked) -> Result<()> {
    sqlx::query!(
        "update jobs set state = 'ready', attempts = 0, run_at = now(), finished_at = null where id = $1",
        job.id
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("select pg_notify('jobs', '')").execute(tx.conn()).await?;
    Ok(())
}

/// Ends a job that does not run.
pub async fn cancel(tx: &mut SystemTx, job: &Locked) -> Result<()> {
    sqlx::query!("update jobs set state = 'cancelled', finished_at = now() where id = $1", job.id)
        .execute(tx.conn())
        .await?;
    Ok(())
}
