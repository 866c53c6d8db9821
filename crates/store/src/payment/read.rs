//! Top-ups as pages show them.

use chrono::{DateTime, Utc};
use domain::payment::TopUpState;
use domain::{Money, OrganizationId, TopUpId};

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, Result, SystemRead};

/// A payment into the wallet.
#[derive(Debug, Clone)]
pub struct TopUp {
    /// Its id.
    pub id: TopUpId,
    /// What was asked for.
    pub amount: Money,
    /// How far it is.
    pub state: TopUpState,
    /// Where the payer approves, while that is possible.
    pub approve_url: Option<String>,
    /// What was really taken.
    pub captured: Option<Money>,
    /// Why it came to nothing, in words for the payer.
    pub failure: Option<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// Did the panel ask for it by itself?
    pub automatic: bool,
}

/// One top-up.
pub async fn find(db: &mut OrgRead, id: TopUpId) -> Result<Option<TopUp>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        TopUp,
        r#"select id as "id: TopUpId", amount_micros as "amount: Money", state as "state: TopUpState", approve_url,
            captured_micros as "captured: Money", failure, created_at,
            auto_top_up_id is not null as "automatic!"
        from top_ups where organization_id = $1 and id = $2"#,
        organization.0,
        id.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// The newest `limit` top-ups before `before`.
pub async fn list(db: &mut OrgRead, before: Option<TopUpId>, limit: i64) -> Result<Vec<TopUp>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        TopUp,
        r#"select id as "id: TopUpId", amount_micros as "amount: Money", state as "state: TopUpState", approve_url,
            captured_micros as "captured: Money", failure, created_at,
            auto_top_up_id is not null as "automatic!"
        from top_ups where organization_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
        organization.0,
        before.map(|t| t.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// The newest `limit` top-ups of an organization, for operators.
pub async fn of_organization(
    db: &mut SystemRead,
    organization: OrganizationId,
    limit: i64,
) -> Result<Vec<TopUp>> {
    Ok(sqlx::query_as!(
        TopUp,
        r#"select id as "id: TopUpId", amount_micros as "amount: Money", state as "state: TopUpState", approve_url,
            captured_micros as "captured: Money", failure, created_at,
            auto_top_up_id is not null as "automatic!"
        from top_ups where organization_id = $1 order by id desc limit $2"#,
        organization.0,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// What was ever credited for an organization's payments: captured less tax.
pub async fn paid_in(db: &mut SystemRead, organization: OrganizationId) -> Result<Money> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(captured_micros - tax_micros), 0)::bigint as "sum!: Money" from top_ups
        where organization_id = $1 and state = 'completed'"#,
        organization.0
    )
    .fetch_one(db.conn())
    .await?)
}
