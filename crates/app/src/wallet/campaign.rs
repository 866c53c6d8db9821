//! Offers: made by operators, redeemed by customers.

use chrono::{DateTime, Utc};
use domain::activity::{Action, TargetKind};
use domain::identity::Permission;
use domain::wallet::{CampaignKind, Code};
use domain::{CampaignId, CreditId, Money};
use serde_json::json;
use store::wallet::campaign::{self as rows, NewCampaign, Offer};
use store::wallet::credit::Source;
use store::{SystemPurpose, wallet};

use super::credit::{Gift, days, give, positive};
use crate::identity::{idempotency, short_text};
use crate::{App, Caller, Done, Error, IdempotencyKey, Operator, Result};

/// Most vouchers of one batch.
const VOUCHERS_MAX: usize = 10_000;

/// An offer by one code.
#[derive(Debug)]
pub struct NewPromotion<'a> {
    /// Operators' word for it.
    pub name: &'a str,
    /// The code.
    pub code: &'a str,
    /// What it is worth.
    pub amount: Money,
    /// From when on; `None` for now.
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when.
    pub valid_until: Option<DateTime<Utc>>,
    /// What is left of a credit ends after so many days.
    pub days: Option<i32>,
    /// Most redemptions in total.
    pub redemptions_max: Option<i32>,
    /// For organizations made since it began alone.
    pub new_only: bool,
}

/// Makes an offer that each organization can redeem once.
pub async fn create_promotion(app: &App, operator: &Operator, new: NewPromotion<'_>) -> Result<CampaignId> {
    let code = Code::parse(new.code)
        .ok_or_else(|| Error::invalid("code", "Use 6 to 40 letters and digits; dashes do not count."))?;
    if new.redemptions_max.is_some_and(|most| most < 1) {
        return Err(Error::invalid("redemptions_max", "Use a whole number above 0, or leave it empty."));
    }
    let id = CampaignId::new();
    let row = NewCampaign {
        id,
        name: &short_text("name", new.name)?,
        kind: CampaignKind::Promotion,
        code: Some(code.as_str()),
        amount: positive(new.amount)?,
        valid_from: new.valid_from,
        valid_until: new.valid_until,
        expires_days: days(new.days)?,
        redemptions_max: new.redemptions_max,
        new_only: new.new_only,
    };
    create(app, operator, row, std::slice::from_ref(&code)).await?;
    Ok(id)
}

/// A batch of codes that work once each.
#[derive(Debug)]
pub struct NewVouchers<'a> {
    /// Operators' word for it.
    pub name: &'a str,
    /// How many codes.
    pub count: usize,
    /// What each is worth.
    pub amount: Money,
    /// Until when.
    pub valid_until: Option<DateTime<Utc>>,
    /// What is left of a credit ends after so many days.
    pub days: Option<i32>,
}

/// Makes vouchers. Their codes are answered here and never again: only digests are kept.
pub async fn create_vouchers(
    app: &App,
    operator: &Operator,
    new: NewVouchers<'_>,
) -> Result<(CampaignId, Vec<Code>)> {
    if !(1..=VOUCHERS_MAX).contains(&new.count) {
        return Err(Error::invalid("count", format!("Choose 1 to {VOUCHERS_MAX} vouchers.")));
    }
    let id = CampaignId::new();
    let codes: Vec<Code> = (0..new.count).map(|_| Code::from_random(rand::random())).collect();
    let row = NewCampaign {
        id,
        name: &short_text("name", new.name)?,
        kind: CampaignKind::Voucher,
        code: None,
        amount: positive(new.amount)?,
        valid_from: None,
        valid_until: new.valid_until,
        expires_days: days(new.days)?,
        redemptions_max: Some(i32::try_from(new.count).map_err(Error::internal)?),
        new_only: false,
    };
    create(app, operator, row, &codes).await?;
    Ok((id, codes))
}

async fn create(app: &App, operator: &Operator, row: NewCampaign<'_>, codes: &[Code]) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let digests: Vec<_> = codes.iter().map(Code::digest).collect();
    rows::insert(&mut tx, &row, &digests).await.map_err(|error| {
        let taken = ["campaigns_code", "campaign_codes_pkey"].iter().any(|name| error.is_constraint(name));
        match taken {
            true => Error::invalid("code", "This code is taken, or was once."),
            false if error.is_constraint("campaigns_last") => {
                Error::invalid("valid_until", "It would end before it begins.")
            }
            false => error.into(),
        }
    })?;
    let detail = json!({ "name": row.name, "amount": row.amount.to_string(), "kind": row.kind.as_str(),
        "redemptions_max": row.redemptions_max });
    tx.commit(operator.did(Action::CampaignCreated).on(TargetKind::Campaign, row.id).with(detail)).await?;
    Ok(())
}

/// Ends an offer for good; credits that were given stay. Does nothing when it is over.
pub async fn disable(app: &App, operator: &Operator, id: CampaignId) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let Some(name) = rows::disable(&mut tx, id).await? else {
        return if rows::exists(&mut tx, id).await? { Ok(()) } else { Err(Error::NotFound) };
    };
    let entry = operator.did(Action::CampaignDisabled).on(TargetKind::Campaign, id);
    Ok(tx.commit(entry.with(json!({ "name": name }))).await?)
}

/// What everybody is told whose code is worth nothing now, whatever the reason: who guesses learns nothing.
fn worthless() -> Error {
    Error::invalid("code", "This code is not right, was used, or is not valid at this time.")
}

/// Turns a code into a credit of the caller's organization.
pub async fn redeem(
    app: &App,
    caller: &Caller,
    code: &str,
    key: Option<&IdempotencyKey>,
) -> Result<Done<CreditId>> {
    caller.require(Permission::WalletTopUp)?;
    let digest = Code::parse(code).ok_or_else(worthless)?.digest();
    let id = CreditId::new();
    let mut tx = app.store.org_tx(&caller.scope).await?;
    if let Some(before) = idempotency::begin(&mut tx, key, &id).await? {
        return Ok(before);
    }
    let mut wallet = wallet::lock(&mut tx).await?;
    let offer = rows::lock_offer(&mut tx, &digest).await?.ok_or_else(worthless)?;
    refuse(&offer)?;
    if !rows::count_redemption(&mut tx, offer.campaign_id).await? {
        return Err(worthless());
    }
    let source = Source::Code { source: offer.kind.source(), campaign: offer.campaign_id, digest: &digest };
    let given_by = caller.scope.actor();
    let gift = Gift { id, source, amount: offer.amount, days: offer.expires_days, given_by };
    let detail = give(&mut tx, &mut wallet, gift).await.map_err(|error| match error {
        Error::Internal(source)
            if source
                .downcast_ref::<store::Error>()
                .is_some_and(|e| e.is_constraint("credits_voucher_once")) =>
        {
            worthless()
        }
        error => error,
    })?;
    tx.commit(caller.did(Action::CreditRedeemed).on(TargetKind::Credit, id).with(detail)).await?;
    Ok(Done::Now(id))
}

/// What somebody who has a good code may be told.
fn refuse(offer: &Offer) -> Result<()> {
    if offer.redeemed {
        return Err(Error::conflict("already_redeemed", "Your organization has redeemed this code."));
    }
    if offer.too_old {
        return Err(Error::conflict("new_organizations_only", "This code is for new organizations."));
    }
    Ok(())
}
