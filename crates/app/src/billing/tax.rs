//! Tax on payments: rates, and how a payment is taxed.

use chrono::NaiveDate;
use domain::activity::{Action, TargetKind};
use domain::billing::{Country, Split, Tax};
use domain::money::Overflow;
use domain::{Money, TaxRateId, TopUpId};
use serde_json::json;
use store::billing::profile::Buyer;
use store::billing::tax::{self as rows, Frozen};
use store::billing::{self, profile};
use store::{OrgDb, OrgTx, SystemPurpose};

use super::vat::taxed_as;
use crate::{App, Error, Operator, Result, Settings};

/// Highest rate that is not a slip of the finger.
const RATE_MAX: i32 = 5_000;

/// Publishes a country's rate, in hundredths of a percent, from a day (UTC) on; `None` ends it. Payments that were
/// asked for before keep theirs.
pub async fn publish_rate(
    app: &App,
    operator: &Operator,
    country: Country,
    basis_points: Option<i32>,
    effective_on: NaiveDate,
) -> Result<TaxRateId> {
    if basis_points.is_some_and(|points| !(0..=RATE_MAX).contains(&points)) {
        return Err(Error::invalid("rate", "Choose a rate between 0 and 50 percent."));
    }
    if effective_on < billing::now(&app.store).await?.date_naive() {
        return Err(Error::invalid("effective_on", "Choose today or a later day (UTC)."));
    }
    let id = TaxRateId::new();
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    rows::insert_rate(&mut tx, id, country, basis_points, effective_on, operator.actor()).await?;
    let detail =
        json!({ "name": country.name(), "basis_points": basis_points, "effective_on": effective_on });
    tx.commit(operator.did(Action::TaxRatePublished).on(TargetKind::TaxRate, id).with(detail)).await?;
    Ok(id)
}

/// How this buyer's next payment would be taxed; `None` when that cannot be said before the buyer's country is known.
pub async fn quote(settings: &Settings, db: &mut impl OrgDb, buyer: &Buyer) -> Result<Option<Tax>> {
    if !settings.tax {
        return Ok(Some(Tax::OFF));
    }
    let Some(country) = buyer.party.country else { return Ok(None) };
    let rate = rows::rate(db, country).await?;
    Ok(Some(Tax::of(&settings.seller, &taxed_as(settings, buyer), rate)))
}

/// Code of the refusal of a payment whose tax nobody can tell.
pub(crate) const PROFILE_NEEDED: &str = "billing_profile_needed";

/// Refuses a payment whose tax nobody can tell.
pub(crate) fn profile_needed() -> Error {
    Error::conflict(
        PROFILE_NEEDED,
        "Fill in your billing details first: the tax on a payment depends on your country.",
    )
}

/// Freezes how a top-up is taxed and whom its receipt is for, in the transaction that asks for it. Every way to begin
/// a top-up must go through here.
pub(crate) async fn freeze(app: &App, tx: &mut OrgTx, id: TopUpId) -> Result<()> {
    let buyer = profile::buyer(tx).await?;
    let tax = quote(app.settings(), tx, &buyer).await?.ok_or_else(profile_needed)?;
    Ok(rows::freeze(tx, id, tax, &buyer.party).await?)
}

/// A captured payment as credit and tax, by what was frozen with it.
pub(crate) struct Taxed {
    pub(crate) split: Split,
    pub(crate) frozen: Frozen,
}

/// Divides what was captured of a top-up.
pub(crate) async fn divide(tx: &mut OrgTx, id: TopUpId, captured: Money) -> Result<Taxed> {
    let frozen = rows::frozen(tx, id).await?;
    let split = frozen.tax.split(captured).map_err(|error: Overflow| Error::internal(error))?;
    Ok(Taxed { split, frozen })
}
