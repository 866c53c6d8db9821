//! Requests that may be repeated: the effect is recorded in the transaction of the change, the
//! answer right after it; whoever comes with the same key gets that answer.

use serde_json::Value;

use super::Digest;
use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result};

/// What a key stands for.
#[derive(Debug)]
pub enum Claim {
    /// New: the change is to be made in this transaction.
    Fresh,
    /// Used before for the same request.
    Repeated(Kept),
    /// Used before for another request.
    Mismatch,
}

/// What is kept under a key.
#[derive(Debug)]
pub struct Kept {
    /// Ids of what the change made.
    pub effect: Value,
    /// Status and body that were answered, once they are known.
    pub answer: Option<(u16, Value)>,
}

/// Claims a key together with the effect of this transaction. Waits for a transaction that is just
/// using the same key.
pub async fn claim(tx: &mut OrgTx, key: &str, request: &Digest, effect: &Value) -> Result<Claim> {
    let organization = tx.organization_id();
    let fresh = sqlx::query!(
        "insert into idempotency_keys as i (organization_id, key, request_digest, effect) values ($1, $2, $3, $4)
        on conflict (organization_id, key) do nothing",
        organization.0,
        key,
        request,
        effect,
    )
    .execute(tx.conn())
    .await?;
    if fresh.rows_affected() == 1 {
        return Ok(Claim::Fresh);
    }
    let row = sqlx::query!(
        "select request_digest, effect, status, body from idempotency_keys where organization_id = $1 and key = $2",
        organization.0,
        key,
    )
    .fetch_one(tx.conn())
    .await?;
    if row.request_digest != request {
        return Ok(Claim::Mismatch);
    }
    let status = row.status.and_then(|s| u16::try_from(s).ok());
    Ok(Claim::Repeated(Kept { effect: row.effect, answer: status.zip(row.body) }))
}

/// Keeps the answer of a key. The first answer stands: it is returned, whoever gave it.
pub async fn keep(tx: &mut OrgTx, key: &str, status: u16, body: &Value) -> Result<(u16, Value)> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update idempotency_keys set status = $3, body = $4
        where organization_id = $1 and key = $2 and status is null",
        organization.0,
        key,
        i16::try_from(status).unwrap_or(500),
        body,
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        r#"select status as "status!", body as "body!" from idempotency_keys where organization_id = $1 and key = $2"#,
        organization.0,
        key,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((u16::try_from(row.status).unwrap_or(status), row.body))
}
