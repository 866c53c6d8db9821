//! Top-ups, what goes back of them, and what the gateway tells.

pub mod auto;
pub mod difference;
pub mod dispute;
pub mod event;
pub mod read;
pub mod refund;

use chrono::{DateTime, Utc};
use domain::payment::{PaymentRef, TopUpState};
use domain::{AutoTopUpId, Money, OrganizationId, TopUpId};
use sqlx::types::Json;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result, SystemDb};

/// Writes the intent to pay.
pub async fn insert(tx: &mut OrgTx, id: TopUpId, amount: Money, currency: &str) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into top_ups (organization_id, id, amount_micros, currency, state, requested_by)
        values ($1, $2, $3, $4, 'created', $5)",
        scope.organization_id().0,
        id.0,
        amount.micros(),
        currency,
        Json(scope.actor()) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A top-up as its jobs need it.
#[derive(Debug, Clone)]
pub struct TopUp {
    /// Its id.
    pub id: TopUpId,
    /// What the payer was asked for.
    pub amount: Money,
    /// ISO 4217 code.
    pub currency: String,
    /// How far it is.
    pub state: TopUpState,
    /// The gateway's order.
    pub order_ref: Option<String>,
    /// The gateway's capture.
    pub capture_ref: Option<String>,
    /// What was really taken.
    pub captured: Option<Money>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// What asked for it, if it was not a person.
    pub automatic: Option<AutoTopUpId>,
    /// Since when the gateway may have been asked to charge, without the payer.
    pub charge_sent_at: Option<DateTime<Utc>>,
}

/// A top-up, locked until the transaction ends.
pub async fn lock(tx: &mut OrgTx, id: TopUpId) -> Result<Option<TopUp>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        TopUp,
        r#"select id as "id: TopUpId", amount_micros as "amount: Money", currency, state as "state: TopUpState",
            order_ref, capture_ref, captured_micros as "captured: Money", created_at,
            auto_top_up_id as "automatic: AutoTopUpId", charge_sent_at
        from top_ups where organization_id = $1 and id = $2 for update"#,
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The gateway made the order: the payer can approve.
pub async fn set_ordered(tx: &mut OrgTx, id: TopUpId, order: &str, approve_url: &str) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update top_ups set state = 'awaiting_approval', order_ref = $3, approve_url = $4, updated_at = now()
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        order,
        approve_url,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The gateway took the money; whether it is ours already says `state`.
pub async fn set_captured(
    tx: &mut OrgTx,
    id: TopUpId,
    state: TopUpState,
    capture: &str,
    captured: Money,
) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update top_ups set state = $3, capture_ref = $4, captured_micros = $5, approve_url = null, failure = null,
            updated_at = now()
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        state.as_str(),
        capture,
        captured.micros(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The top-up came to nothing, for a reason the payer can read.
pub async fn set_over(tx: &mut OrgTx, id: TopUpId, state: TopUpState, failure: &str) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update top_ups set state = $3, failure = $4, approve_url = null, updated_at = now()
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        state.as_str(),
        failure,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Orders that were made more than two minutes ago and are still open: the payer may have approved
/// without coming back.
pub async fn stale(db: &mut impl SystemDb) -> Result<Vec<(OrganizationId, TopUpId)>> {
    let rows = sqlx::query!(
        r#"select organization_id as "organization_id: OrganizationId", id as "id: TopUpId" from top_ups
        where state in ('awaiting_approval', 'pending') and updated_at < now() - interval '2 minutes'
        order by updated_at limit 500"#
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.organization_id, r.id)).collect())
}

/// Whose payment the gateway speaks of: by its capture, its order or our own reference.
pub async fn find(db: &mut impl SystemDb, payment: &PaymentRef) -> Result<Option<(OrganizationId, TopUpId)>> {
    let reference = payment.reference.as_deref().and_then(|text| text.parse::<TopUpId>().ok());
    let row = sqlx::query!(
        r#"select organization_id as "organization_id: OrganizationId", id as "id: TopUpId" from top_ups
        where capture_ref = $1 or order_ref = $2 or id = $3
        order by capture_ref is not distinct from $1 desc, order_ref is not distinct from $2 desc limit 1"#,
        payment.capture,
        payment.order,
        reference.map(|id| id.0),
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(row.map(|r| (r.organization_id, r.id)))
}
