//! Corrections of wallets: applied at once, or asked for and decided by a second operator.

use chrono::{DateTime, TimeDelta, Utc};
use domain::wallet::AdjustmentState;
use domain::{AdjustmentId, Money, OrganizationId, UserId};

use crate::handle::sealed::Conn as _;
use crate::{OrgDb as _, OrgTx, Result, SystemRead, SystemTx};

/// Writes a correction down: applied, or pending. The money is moved by the caller's ledger transaction.
pub async fn insert(
    tx: &mut OrgTx,
    id: AdjustmentId,
    amount: Money,
    reason: &str,
    state: AdjustmentState,
    requested_by: UserId,
) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "insert into adjustments (organization_id, id, amount_micros, reason, state, requested_by, decided_at)
        values ($1, $2, $3, $4, $5, $6, case when $5 <> 'pending' then now() end)",
        organization.0,
        id.0,
        amount.micros(),
        reason,
        state.as_str(),
        requested_by.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whose correction it is.
pub async fn organization_of(tx: &mut SystemTx, id: AdjustmentId) -> Result<Option<OrganizationId>> {
    Ok(sqlx::query_scalar!(
        r#"select organization_id as "organization_id: OrganizationId" from adjustments where id = $1"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A correction that is to be decided.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How much, negative when it takes.
    pub amount: Money,
    /// What for.
    pub reason: String,
    /// How far it is.
    pub state: AdjustmentState,
    /// Who asked.
    pub requested_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A correction of the organization, locked.
pub async fn lock(tx: &mut OrgTx, id: AdjustmentId) -> Result<Option<Asked>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Asked,
        r#"select amount_micros as "amount: Money", reason, state as "state: AdjustmentState",
            requested_by as "requested_by: UserId", created_at
        from adjustments where organization_id = $1 and id = $2 for update"#,
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Somebody decided: approved or rejected. The one who asked is refused by constraint `adjustments_second_operator`.
pub async fn decide(tx: &mut OrgTx, id: AdjustmentId, state: AdjustmentState, by: UserId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update adjustments set state = $3, decided_by = $4, decided_at = now()
        where organization_id = $1 and id = $2 and state = 'pending'",
        organization.0,
        id.0,
        state.as_str(),
        by.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends what was asked for before `since` and not decided. Answers what, and whose.
pub async fn expire(
    tx: &mut SystemTx,
    since: DateTime<Utc>,
) -> Result<Vec<(OrganizationId, AdjustmentId, Money)>> {
    let rows = sqlx::query!(
        r#"update adjustments set state = 'expired', decided_at = now()
        where state = 'pending' and created_at < $1
        returning organization_id as "organization_id: OrganizationId", id as "id: AdjustmentId",
            amount_micros as "amount: Money""#,
        since
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.organization_id, row.id, row.amount)).collect())
}

/// A correction as operators see it.
#[derive(Debug, Clone)]
pub struct Adjustment {
    /// Its id.
    pub id: AdjustmentId,
    /// Whose wallet.
    pub organization_id: OrganizationId,
    /// Name of that organization.
    pub organization: String,
    /// How much, negative when it takes.
    pub amount: Money,
    /// What for.
    pub reason: String,
    /// How far it is.
    pub state: AdjustmentState,
    /// Who asked.
    pub requested_by: UserId,
    /// Their name, if they are still there.
    pub requester: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl Adjustment {
    /// From when on nobody can decide it any more.
    pub fn lapses_at(&self, after: TimeDelta) -> DateTime<Utc> {
        self.created_at + after
    }
}

/// Up to `limit` corrections, newest first: those that wait, or those of one organization.
pub async fn list(
    db: &mut SystemRead,
    organization: Option<OrganizationId>,
    limit: i64,
) -> Result<Vec<Adjustment>> {
    Ok(sqlx::query_as!(
        Adjustment,
        r#"select a.id as "id: AdjustmentId", a.organization_id as "organization_id: OrganizationId",
            o.name as organization, a.amount_micros as "amount: Money", a.reason, a.state as "state: AdjustmentState",
            a.requested_by as "requested_by: UserId", u.name as "requester?", a.created_at
        from adjustments a join organizations o on o.id = a.organization_id left join users u on u.id = a.requested_by
        where case when $1::uuid is null then a.state = 'pending' else a.organization_id = $1 end
        order by a.id desc limit $2"#,
        organization.map(|id| id.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}
