//! Offers, and the codes by which they are redeemed.

use chrono::{DateTime, Utc};
use domain::wallet::CampaignKind;
use domain::{CampaignId, Money};

use crate::handle::sealed::Conn as _;
use crate::identity::Digest;
use crate::{OrgDb as _, OrgTx, Result, SystemRead, SystemTx};

/// An offer to make.
#[derive(Debug)]
pub struct NewCampaign<'a> {
    /// Its id.
    pub id: CampaignId,
    /// Operators' word for it.
    pub name: &'a str,
    /// One code for everybody, or one each.
    pub kind: CampaignKind,
    /// The code of a promotion; another campaign with it is refused by constraint `campaigns_code`.
    pub code: Option<&'a str>,
    /// What a code is worth.
    pub amount: Money,
    /// From when on it can be redeemed; `None` for now.
    pub valid_from: Option<DateTime<Utc>>,
    /// From then on it cannot be redeemed any more.
    pub valid_until: Option<DateTime<Utc>>,
    /// What is left of a credit ends after so many days.
    pub expires_days: Option<i32>,
    /// Most redemptions in total.
    pub redemptions_max: Option<i32>,
    /// For organizations made since it began alone.
    pub new_only: bool,
}

/// Makes an offer with these codes.
pub async fn insert(tx: &mut SystemTx, new: &NewCampaign<'_>, codes: &[Digest]) -> Result<()> {
    sqlx::query!(
        "insert into campaigns (id, name, kind, code, amount_micros, valid_from, valid_until, expires_days,
            redemptions_max, new_only)
        values ($1, $2, $3, $4, $5, coalesce($6, now()), $7, $8, $9, $10)",
        new.id.0,
        new.name,
        new.kind.as_str(),
        new.code,
        new.amount.micros(),
        new.valid_from,
        new.valid_until,
        new.expires_days,
        new.redemptions_max,
        new.new_only,
    )
    .execute(tx.conn())
    .await?;
    let digests: Vec<Vec<u8>> = codes.iter().map(|digest| digest.to_vec()).collect();
    sqlx::query!(
        "insert into campaign_codes (digest, campaign_id) select digest, $1 from unnest($2::bytea[]) as digest",
        new.id.0,
        &digests
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends an offer for good. Answers its name, unless it is over or does not exist.
pub async fn disable(tx: &mut SystemTx, id: CampaignId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "update campaigns set disabled_at = now() where id = $1 and disabled_at is null returning name",
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Is there such an offer?
pub async fn exists(tx: &mut SystemTx, id: CampaignId) -> Result<bool> {
    let found =
        sqlx::query_scalar!(r#"select exists (select from campaigns where id = $1) as "there!""#, id.0);
    Ok(found.fetch_one(tx.conn()).await?)
}

/// What a code is worth.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Its kind.
    pub kind: CampaignKind,
    /// How much.
    pub amount: Money,
    /// What is left ends after so many days.
    pub expires_days: Option<i32>,
    /// Is it for newer organizations than this one?
    pub too_old: bool,
    /// Has the organization redeemed it before?
    pub redeemed: bool,
}

/// The offer behind a code that can be redeemed now. The campaign's row stays locked, so that whoever comes at the
/// same time counts what this one takes.
pub async fn lock_offer(tx: &mut OrgTx, code: &Digest) -> Result<Option<Offer>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Offer,
        r#"select c.id as "campaign_id: CampaignId", c.kind as "kind: CampaignKind", c.amount_micros as "amount: Money",
            c.expires_days,
            c.new_only and (select created_at from organizations where id = $1) < c.valid_from as "too_old!",
            exists (select from credits r where r.organization_id = $1 and r.campaign_id = c.id
                and (c.kind = 'promotion' or r.code_digest = $2)) as "redeemed!"
        from campaign_codes k join campaigns c on c.id = k.campaign_id
        where k.digest = $2 and c.disabled_at is null and c.valid_from <= now()
            and (c.valid_until is null or now() < c.valid_until)
        for update of c"#,
        organization.0,
        &code[..]
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Counts a redemption. `false` when there were as many as there may be.
pub async fn count_redemption(tx: &mut OrgTx, id: CampaignId) -> Result<bool> {
    let counted = sqlx::query!(
        "update campaigns set redemptions = redemptions + 1
        where id = $1 and (redemptions_max is null or redemptions < redemptions_max)",
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(counted.rows_affected() == 1)
}

/// An offer as operators see it.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Operators' word for it.
    pub name: String,
    /// One code for everybody, or one each.
    pub kind: CampaignKind,
    /// The code of a promotion.
    pub code: Option<String>,
    /// What a code is worth.
    pub amount: Money,
    /// From when on it can be redeemed.
    pub valid_from: DateTime<Utc>,
    /// Until when.
    pub valid_until: Option<DateTime<Utc>>,
    /// What is left of a credit ends after so many days.
    pub expires_days: Option<i32>,
    /// Most redemptions in total.
    pub redemptions_max: Option<i32>,
    /// How many there were.
    pub redemptions: i32,
    /// For organizations made since it began alone.
    pub new_only: bool,
    /// Ended by an operator.
    pub disabled: bool,
    /// Can it be redeemed at this moment?
    pub open: bool,
}

/// Up to `limit` offers before `before`, newest first.
pub async fn list(db: &mut SystemRead, before: Option<CampaignId>, limit: i64) -> Result<Vec<Campaign>> {
    Ok(sqlx::query_as!(
        Campaign,
        r#"select id as "id: CampaignId", name, kind as "kind: CampaignKind", code, amount_micros as "amount: Money",
            valid_from, valid_until, expires_days, redemptions_max, redemptions, new_only,
            disabled_at is not null as "disabled!",
            disabled_at is null and valid_from <= now() and (valid_until is null or now() < valid_until)
                and (redemptions_max is null or redemptions < redemptions_max) as "open!"
        from campaigns where ($1::uuid is null or id < $1) order by id desc limit $2"#,
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}
