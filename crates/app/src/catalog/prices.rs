//! Publishing prices, at once or ahead, and taking them back.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::activity::{Action, TargetKind};
use domain::catalog::{Cost, Markup, Price};
use domain::notify::Topic;
use domain::{PlanId, PriceVersionId, RegionId};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::catalog as rows;
use store::{SystemDb, SystemPurpose, SystemTx, notify};

use super::check;
use crate::{App, Error, Operator, Result};

/// What is scheduled can be taken back until so long before: a change that others already go by is none.
pub(super) const LAST_CALL: TimeDelta = TimeDelta::seconds(60);

/// Prices as they would be published now.
#[derive(Debug, Clone)]
pub struct Draft {
    /// One for each region in which some account sells the plan's size.
    pub prices: Vec<DraftPrice>,
    /// Stands for the costs and the prices it was made from.
    pub seen: String,
}

/// A price that would be published.
#[derive(Debug, Clone, Copy)]
pub struct DraftPrice {
    /// The region.
    pub region_id: RegionId,
    /// The price.
    pub price: Price,
}

/// What publishing a plan's prices with this markup would come to.
pub async fn draft(db: &mut impl SystemDb, plan: PlanId, markup: Markup) -> Result<Draft> {
    check(markup)?;
    let (mut prices, mut seen) = (Vec::new(), Sha256::new());
    for cost in rows::plan_costs(db, plan).await? {
        let price = Price::new(Cost { hour: cost.hour, month: cost.month, minimum: cost.minimum }, markup)?;
        prices.push(DraftPrice { region_id: cost.region_id, price });
        let newest = cost.newest.map(|version| version.to_string()).unwrap_or_default();
        seen.update(format!("{} {} {} {} {newest};", cost.region_id, cost.hour, cost.month, cost.minimum));
    }
    let seen = seen.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Draft { prices, seen })
}

/// Prices to publish.
#[derive(Debug, Clone)]
pub struct Publication {
    /// What is added to today's costs.
    pub markup: Markup,
    /// From when on they are in force for orders; `None` is at once.
    pub effective_at: Option<DateTime<Utc>>,
    /// [`Draft::seen`] of the draft that the operator looked at. When costs or prices are others by now, nothing is
    /// published and the answer is [`Error::StalePrice`].
    pub seen: Option<String>,
}

/// Publishes prices from the present costs, in force at once for new orders. VPSs keep the price
/// they were sold at.
pub async fn publish_prices(app: &App, operator: &Operator, plan: PlanId, markup: Markup) -> Result<()> {
    publish(app, operator, plan, Publication { markup, effective_at: None, seen: None }).await
}

/// Publishes prices from the present costs, in force for new orders at once or from a time on that is still to come.
/// VPSs keep the price they were sold at.
pub async fn publish(app: &App, operator: &Operator, plan: PlanId, new: Publication) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = rows::lock_plan(&mut tx, plan).await?.ok_or(Error::NotFound)?;
    if let Some(at) = new.effective_at
        && at <= rows::clock(&mut tx).await?
    {
        return Err(Error::invalid("effective_at", "Choose a time that is still to come (UTC)."));
    }
    let draft = draft(&mut tx, plan, new.markup).await?;
    if new.seen.is_some_and(|seen| seen != draft.seen) {
        return Err(Error::StalePrice);
    }
    let regions = insert(&mut tx, operator, plan, new.markup, &draft, new.effective_at).await?;
    let detail = json!({ "name": name, "markup_basis_points": new.markup.basis_points, "regions": regions,
        "effective_at": new.effective_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)) });
    Ok(tx.commit(operator.did(Action::PricesPublished).on(TargetKind::Plan, plan).with(detail)).await?)
}

pub(super) async fn insert(
    tx: &mut SystemTx,
    operator: &Operator,
    plan: PlanId,
    markup: Markup,
    draft: &Draft,
    effective_at: Option<DateTime<Utc>>,
) -> Result<usize> {
    let prices: Vec<(RegionId, Price)> = draft.prices.iter().map(|p| (p.region_id, p.price)).collect();
    rows::insert_prices(tx, plan, markup, &prices, effective_at, operator.actor()).await?;
    notify::publish_system(tx, None, Topic::Catalog, &[plan.0]).await?;
    Ok(prices.len())
}

/// Takes back a price that is not in force yet, with everything that was published together with it.
pub async fn withdraw_prices(
    app: &App,
    operator: &Operator,
    plan: PlanId,
    version: PriceVersionId,
) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = rows::lock_plan(&mut tx, plan).await?.ok_or(Error::NotFound)?;
    let at = rows::effective_at(&mut tx, plan, version).await?.ok_or(Error::NotFound)?;
    if at <= rows::clock(&mut tx).await? + LAST_CALL {
        return Err(Error::conflict("price_in_force", "These prices are in force, or will be in a minute."));
    }
    if rows::moves::is_target(&mut tx, version).await? {
        return Err(Error::conflict(
            "price_promised",
            "VPSs are announced to move to these prices. Cancel the move first.",
        ));
    }
    let regions = rows::withdraw_prices(&mut tx, version, operator.actor()).await?;
    notify::publish_system(&mut tx, None, Topic::Catalog, &[plan.0]).await?;
    let detail = json!({ "name": name, "regions": regions,
        "effective_at": at.to_rfc3339_opts(SecondsFormat::Secs, true) });
    Ok(tx.commit(operator.did(Action::PricesWithdrawn).on(TargetKind::Plan, plan).with(detail)).await?)
}
