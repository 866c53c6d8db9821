//! Credits that were given, and their end.

use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::wallet::CreditSource;
use domain::{CampaignId, CreditId, Money, OrganizationId};
use sqlx::types::Json;

use crate::handle::sealed::Conn as _;
use crate::identity::Digest;
use crate::{OrgDb, OrgTx, Result, SystemRead};

/// Where a credit comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A code was redeemed.
    Code {
        /// One code for everybody, or one each.
        source: CreditSource,
        /// The offer.
        campaign: CampaignId,
        /// The code.
        digest: &'a Digest,
    },
    /// An operator gave it, for this reason.
    Goodwill {
        /// What for.
        reason: &'a str,
    },
}

/// A credit to give.
#[derive(Debug)]
pub struct NewCredit<'a> {
    /// Its id.
    pub id: CreditId,
    /// Where it comes from.
    pub source: Source<'a>,
    /// How much.
    pub amount: Money,
    /// When what is left of it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who gives it or redeemed it.
    pub given_by: Actor,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Writes a credit down. The money is moved by the caller's ledger transaction. A second redemption is refused by
/// constraint `credits_promotion_once` or `credits_voucher_once`.
pub async fn insert(tx: &mut OrgTx, new: &NewCredit<'_>) -> Result<()> {
    let organization = tx.organization_id();
    let (source, campaign, digest, reason) = match new.source {
        Source::Code { source, campaign, digest } => (source, Some(campaign.0), Some(&digest[..]), None),
        Source::Goodwill { reason } => (CreditSource::Goodwill, None, None, Some(reason)),
    };
    sqlx::query!(
        "insert into credits (organization_id, id, source, campaign_id, code_digest, amount_micros, reason, given_by,
            expires_at, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        organization.0,
        new.id.0,
        source.as_str(),
        campaign,
        digest,
        new.amount.micros(),
        reason,
        Json(new.given_by) as _,
        new.expires_at,
        new.created_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A credit.
#[derive(Debug, Clone)]
pub struct Credit {
    /// Its id.
    pub id: CreditId,
    /// Where it comes from.
    pub source: CreditSource,
    /// How much.
    pub amount: Money,
    /// What an operator gave it for.
    pub reason: Option<String>,
    /// When what is left of it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// Up to `limit` credits of the organization before `before`, newest first.
pub async fn list(db: &mut impl OrgDb, before: Option<CreditId>, limit: i64) -> Result<Vec<Credit>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Credit,
        r#"select id as "id: CreditId", source as "source: CreditSource", amount_micros as "amount: Money", reason,
            expires_at, created_at
        from credits where organization_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
        organization.0,
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// One credit of the organization.
pub async fn find(db: &mut impl OrgDb, id: CreditId) -> Result<Option<Credit>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Credit,
        r#"select id as "id: CreditId", source as "source: CreditSource", amount_micros as "amount: Money", reason,
            expires_at, created_at
        from credits where organization_id = $1 and id = $2"#,
        organization.0,
        id.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// Organizations with a credit that has ended by `now`, or that ends by `soon` and nobody was told of.
pub async fn ending(
    db: &mut SystemRead,
    now: DateTime<Utc>,
    soon: DateTime<Utc>,
) -> Result<Vec<OrganizationId>> {
    Ok(sqlx::query_scalar!(
        r#"select distinct organization_id as "organization_id: OrganizationId" from credits
        where ended_at is null and expires_at <= $2 and (expires_at <= $1 or warned_at is null)
        order by 1 limit 10000"#,
        now,
        soon
    )
    .fetch_all(db.conn())
    .await?)
}

/// A credit whose end is near or past.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// Its id.
    pub id: CreditId,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Were people told?
    pub warned: bool,
}

/// The organization's credits that end by `soon` and were not closed, earliest first. Lock the wallet first.
pub async fn ending_here(tx: &mut OrgTx, soon: DateTime<Utc>) -> Result<Vec<Ending>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Ending,
        r#"select id as "id: CreditId", expires_at as "expires_at!", warned_at is not null as "warned!"
        from credits where organization_id = $1 and ended_at is null and expires_at <= $2 order by expires_at, id"#,
        organization.0,
        soon
    )
    .fetch_all(tx.conn())
    .await?)
}

/// People were told that it ends.
pub async fn set_warned(tx: &mut OrgTx, id: CreditId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update credits set warned_at = now() where organization_id = $1 and id = $2",
        organization.0,
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// So much of what was left was taken; `over` when nothing of it is reserved any more.
pub async fn end(tx: &mut OrgTx, id: CreditId, taken: Money, over: bool) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update credits set ended_micros = ended_micros + $3, ended_at = case when $4 then now() end
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        taken.micros(),
        over
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
