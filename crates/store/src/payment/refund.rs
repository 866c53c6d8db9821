//! Money that goes back to the payer.

use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::payment::{RefundKind, RefundState};
use domain::{DisputeId, Money, OrganizationId, RefundId, TopUpId};
use sqlx::types::Json;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, OrgTx, Result, SystemDb, SystemRead};

/// Money that goes back, as its jobs need it.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Who sends it.
    pub kind: RefundKind,
    /// How far it is.
    pub state: RefundState,
    /// How much.
    pub amount: Money,
    /// Reserved for it in the wallet.
    pub held: Money,
    /// The gateway's id.
    pub refund_ref: Option<String>,
    /// When it went back, by the gateway's clock.
    pub returned_at: Option<DateTime<Utc>>,
    /// The dispute it belongs to.
    pub dispute_id: Option<DisputeId>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
}

/// Money that goes back, to be written down.
#[derive(Debug)]
pub struct NewRefund<'a> {
    /// Its id.
    pub id: RefundId,
    /// Of which top-up.
    pub top_up: TopUpId,
    /// Who sends it.
    pub kind: RefundKind,
    /// How far it is.
    pub state: RefundState,
    /// How much.
    pub amount: Money,
    /// Reserved for it in the wallet.
    pub held: Money,
    /// The gateway's id.
    pub refund_ref: Option<&'a str>,
    /// When it went back, by the gateway's clock.
    pub returned_at: Option<DateTime<Utc>>,
    /// The dispute it belongs to.
    pub dispute: Option<DisputeId>,
    /// Why, in the operator's words.
    pub reason: Option<&'a str>,
}

/// Writes it down. The money is moved by the caller's ledger transaction.
pub async fn insert(tx: &mut OrgTx, new: &NewRefund<'_>) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into refunds (organization_id, id, top_up_id, kind, state, amount_micros, held_micros, refund_ref,
            dispute_id, reason, requested_by, returned_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        scope.organization_id().0,
        new.id.0,
        new.top_up.0,
        new.kind.as_str(),
        new.state.as_str(),
        new.amount.micros(),
        new.held.micros(),
        new.refund_ref,
        new.dispute.map(|d| d.0),
        new.reason,
        Json(scope.actor()) as _,
        new.returned_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All that went or is to go back of a top-up, oldest first. The wallet's lock guards them.
pub async fn of_top_up(tx: &mut OrgTx, top_up: TopUpId) -> Result<Vec<Refund>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Refund,
        r#"select id as "id: RefundId", kind as "kind: RefundKind", state as "state: RefundState",
            amount_micros as "amount: Money", held_micros as "held: Money", refund_ref, returned_at,
            dispute_id as "dispute_id: DisputeId", reason
        from refunds where organization_id = $1 and top_up_id = $2 order by id"#,
        organization.0,
        top_up.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How far it is now. Nothing is reserved for one that is over.
pub async fn set(
    tx: &mut OrgTx,
    id: RefundId,
    state: RefundState,
    refund_ref: Option<&str>,
    failure: Option<&str>,
    returned_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update refunds set state = $3, refund_ref = coalesce($4, refund_ref), failure = $5, updated_at = now(),
            returned_at = coalesce($7, returned_at), held_micros = case when $6 then held_micros else 0 end
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        state.as_str(),
        refund_ref,
        failure,
        state.is_open(),
        returned_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It turned out to be another amount.
pub async fn set_amount(tx: &mut OrgTx, id: RefundId, amount: Money) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update refunds set amount_micros = $3 where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        amount.micros(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The dispute it turned out to belong to.
pub async fn set_dispute(tx: &mut OrgTx, id: RefundId, dispute: DisputeId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update refunds set dispute_id = $3 where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        dispute.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Money that goes back, as pages show it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id.
    pub id: RefundId,
    /// Of which top-up.
    pub top_up_id: TopUpId,
    /// Who sends it.
    pub kind: RefundKind,
    /// How far it is.
    pub state: RefundState,
    /// How much.
    pub amount: Money,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Why it came to nothing.
    pub failure: Option<String>,
    /// Who asked for it.
    pub requested_by: Json<Actor>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

/// The newest `limit` before `before`.
pub async fn list(db: &mut OrgRead, before: Option<RefundId>, limit: i64) -> Result<Vec<Shown>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Shown,
        r#"select id as "id: RefundId", top_up_id as "top_up_id: TopUpId", kind as "kind: RefundKind",
            state as "state: RefundState", amount_micros as "amount: Money", reason, failure,
            requested_by as "requested_by: Json<Actor>", created_at
        from refunds where organization_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
        organization.0,
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// All of one top-up, newest first.
pub async fn shown_of(db: &mut OrgRead, top_up: TopUpId) -> Result<Vec<Shown>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Shown,
        r#"select id as "id: RefundId", top_up_id as "top_up_id: TopUpId", kind as "kind: RefundKind",
            state as "state: RefundState", amount_micros as "amount: Money", reason, failure,
            requested_by as "requested_by: Json<Actor>", created_at
        from refunds where organization_id = $1 and top_up_id = $2 order by id desc limit 100"#,
        organization.0,
        top_up.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// The newest `limit` of an organization, for operators.
pub async fn of_organization(
    db: &mut SystemRead,
    organization: OrganizationId,
    limit: i64,
) -> Result<Vec<Shown>> {
    Ok(sqlx::query_as!(
        Shown,
        r#"select id as "id: RefundId", top_up_id as "top_up_id: TopUpId", kind as "kind: RefundKind",
            state as "state: RefundState", amount_micros as "amount: Money", reason, failure,
            requested_by as "requested_by: Json<Actor>", created_at
        from refunds where organization_id = $1 order by id desc limit $2"#,
        organization.0,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// Refunds that have not been looked at for an hour, though they are not over.
pub async fn stale(db: &mut impl SystemDb) -> Result<Vec<(OrganizationId, TopUpId, RefundId)>> {
    let rows = sqlx::query!(
        r#"select organization_id as "organization_id: OrganizationId", top_up_id as "top_up_id: TopUpId",
            id as "id: RefundId"
        from refunds where state in ('requested', 'pending') and updated_at < now() - interval '1 hour'
        order by updated_at limit 500"#
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.organization_id, r.top_up_id, r.id)).collect())
}

/// A payment of which something can go back.
#[derive(Debug, Clone)]
pub struct Refundable {
    /// The top-up.
    pub id: TopUpId,
    /// What was taken.
    pub captured: Money,
    /// ISO 4217 code.
    pub currency: String,
    /// What has not gone back, is not asked back and is not in dispute.
    pub left: Money,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

/// An organization's payments of which something is left with us, newest first.
pub async fn refundable(db: &mut SystemRead, organization: OrganizationId) -> Result<Vec<Refundable>> {
    Ok(sqlx::query_as!(
        Refundable,
        r#"select t.id as "id: TopUpId", t.captured_micros as "captured!: Money", t.currency,
            t.captured_micros - gone as "left!: Money", t.created_at
        from top_ups t
        cross join lateral (select
            coalesce((select sum(amount_micros) from refunds r where r.organization_id = t.organization_id
                and r.top_up_id = t.id and r.state <> 'failed'), 0)::bigint
            - coalesce((select sum(returned_micros) from disputes d where d.organization_id = t.organization_id
                and d.top_up_id = t.id), 0)::bigint
            + coalesce((select sum(disputed_micros) from disputes d where d.organization_id = t.organization_id
                and d.top_up_id = t.id and d.state = 'open'), 0)::bigint as gone) g
        where t.organization_id = $1 and t.state = 'completed' and t.captured_micros > gone
        order by t.id desc limit 100"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?)
}
