//! Disputes about payments.

use chrono::{DateTime, Utc};
use domain::payment::DisputeState;
use domain::{DisputeId, Money, OrganizationId, TopUpId, VpsId};

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, OrgTx, Result, SystemRead};

/// A dispute as its jobs need it.
#[derive(Debug, Clone)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// The gateway's id.
    pub dispute_ref: String,
    /// How it stands.
    pub state: DisputeState,
    /// How far it has gone, in the gateway's words.
    pub stage: String,
    /// How much the payer wants back.
    pub disputed: Money,
    /// How much of it is held in the wallet.
    pub frozen: Money,
    /// What the gateway had taken for it and gave back.
    pub returned: Money,
    /// How often it was decided.
    pub decisions: i32,
    /// When it began, by the gateway's clock.
    pub began_at: DateTime<Utc>,
    /// When it was decided, by the gateway's clock.
    pub decided_at: Option<DateTime<Utc>>,
}

/// All of a top-up, oldest first. The wallet's lock guards them.
pub async fn of_top_up(tx: &mut OrgTx, top_up: TopUpId) -> Result<Vec<Dispute>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Dispute,
        r#"select id as "id: DisputeId", dispute_ref, state as "state: DisputeState", stage,
            disputed_micros as "disputed: Money", frozen_micros as "frozen: Money",
            returned_micros as "returned: Money", decisions, began_at, decided_at
        from disputes where organization_id = $1 and top_up_id = $2 order by id"#,
        organization.0,
        top_up.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Writes a new one down.
pub async fn insert(tx: &mut OrgTx, top_up: TopUpId, dispute: &Dispute, reason: &str) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "insert into disputes (organization_id, id, top_up_id, dispute_ref, state, stage, reason, disputed_micros,
            frozen_micros, began_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        organization.0,
        dispute.id.0,
        top_up.0,
        dispute.dispute_ref,
        dispute.state.as_str(),
        dispute.stage,
        reason,
        dispute.disputed.micros(),
        dispute.frozen.micros(),
        dispute.began_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes down how it stands now.
pub async fn update(tx: &mut OrgTx, dispute: &Dispute) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update disputes set state = $3, stage = $4, frozen_micros = $5, returned_micros = $6, decisions = $7,
            decided_at = $8, changed_at = now()
        where organization_id = $1 and id = $2",
        organization.0,
        dispute.id.0,
        dispute.state.as_str(),
        dispute.stage,
        dispute.frozen.micros(),
        dispute.returned.micros(),
        dispute.decisions,
        dispute.decided_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A dispute as its customer sees it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id.
    pub id: DisputeId,
    /// The payment it is about.
    pub top_up_id: TopUpId,
    /// How it stands.
    pub state: DisputeState,
    /// How much the payer wants back.
    pub disputed: Money,
    /// How much of it is held in the wallet.
    pub frozen: Money,
    /// When we heard of it.
    pub opened_at: DateTime<Utc>,
}

/// The newest `limit` before `before`.
pub async fn list(db: &mut OrgRead, before: Option<DisputeId>, limit: i64) -> Result<Vec<Shown>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Shown,
        r#"select id as "id: DisputeId", top_up_id as "top_up_id: TopUpId", state as "state: DisputeState",
            disputed_micros as "disputed: Money", frozen_micros as "frozen: Money", opened_at
        from disputes where organization_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
        organization.0,
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// All about one top-up, newest first.
pub async fn shown_of(db: &mut OrgRead, top_up: TopUpId) -> Result<Vec<Shown>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Shown,
        r#"select id as "id: DisputeId", top_up_id as "top_up_id: TopUpId", state as "state: DisputeState",
            disputed_micros as "disputed: Money", frozen_micros as "frozen: Money", opened_at
        from disputes where organization_id = $1 and top_up_id = $2 order by id desc limit 100"#,
        organization.0,
        top_up.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// Whose payments the disputes with these ids of the gateway's are about, as far as we know of them.
pub async fn known(db: &mut SystemRead, refs: &[String]) -> Result<Vec<(String, OrganizationId, TopUpId)>> {
    let rows = sqlx::query!(
        r#"select dispute_ref, organization_id as "organization_id: OrganizationId", top_up_id as "top_up_id: TopUpId"
        from disputes where dispute_ref = any($1)"#,
        refs
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.dispute_ref, r.organization_id, r.top_up_id)).collect())
}

/// A dispute as operators see it.
#[derive(Debug, Clone)]
pub struct Any {
    /// Its id.
    pub id: DisputeId,
    /// Whose payment.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization: String,
    /// The gateway's id.
    pub dispute_ref: String,
    /// How it stands.
    pub state: DisputeState,
    /// How far it has gone, in the gateway's words.
    pub stage: String,
    /// What the payer says, in the gateway's words.
    pub reason: String,
    /// What was paid.
    pub captured: Option<Money>,
    /// How much the payer wants back.
    pub disputed: Money,
    /// How much of it is held in the wallet.
    pub frozen: Money,
    /// When the payment came.
    pub paid_at: DateTime<Utc>,
    /// When we heard of the dispute.
    pub opened_at: DateTime<Utc>,
}

/// The undecided first, then the newest.
pub async fn all(db: &mut SystemRead, limit: i64) -> Result<Vec<Any>> {
    Ok(sqlx::query_as!(
        Any,
        r#"select d.id as "id: DisputeId", d.organization_id as "organization_id: OrganizationId",
            o.name as organization, d.dispute_ref, d.state as "state: DisputeState", d.stage, d.reason,
            t.captured_micros as "captured: Money", d.disputed_micros as "disputed: Money",
            d.frozen_micros as "frozen: Money", t.created_at as paid_at, d.opened_at
        from disputes d join organizations o on o.id = d.organization_id
        join top_ups t on t.organization_id = d.organization_id and t.id = d.top_up_id
        order by d.state <> 'open', d.id desc limit $1"#,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// A VPS that was charged after a payment came.
#[derive(Debug, Clone)]
pub struct PaidFor {
    /// The VPS.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// What its hours since cost.
    pub charged: Money,
}

/// What an organization's money was spent on since a payment came, the dearest first.
pub async fn paid_for(
    db: &mut SystemRead,
    organization: OrganizationId,
    since: DateTime<Utc>,
) -> Result<Vec<PaidFor>> {
    Ok(sqlx::query_as!(
        PaidFor,
        r#"select v.id as "id: VpsId", v.name, sum(c.amount_micros)::bigint as "charged!: Money"
        from charged c join meters m on m.id = c.meter_id
        join vps_instances v on v.organization_id = m.organization_id and v.id = m.vps_id
        where c.organization_id = $1 and c.span_start >= $2
        group by v.id order by 3 desc, v.id limit 20"#,
        organization.0,
        since,
    )
    .fetch_all(db.conn())
    .await?)
}
