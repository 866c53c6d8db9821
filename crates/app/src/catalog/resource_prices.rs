//! Publishing prices of what is sold besides VPSs.

use domain::activity::Action;
use domain::catalog::{Cost, Markup, Price, Product, UnitPrice};
use domain::notify::Topic;
use domain::{PlanId, PriceVersionId, RegionId};
use serde_json::json;
use store::{SystemPurpose, catalog as rows, notify};

use super::check;
use crate::{App, Error, Operator, Result};

/// A price to publish, in force at once for new orders.
#[derive(Debug, Clone, Copy)]
pub struct NewResourcePrice {
    /// Of what.
    pub kind: Product,
    /// Where.
    pub region_id: RegionId,
    /// Of backups: of VPSs of which plan.
    pub backs_up: Option<PlanId>,
    /// Of what is sold by the GiB: for how many GiB the cost is, else 1. So many that a rounded micro-unit does not
    /// matter: 1,000 say.
    pub per_units: i64,
    /// What that costs us.
    pub cost: Cost,
    /// What is added.
    pub markup: Markup,
}

/// Publishes a price. What was sold before keeps the price it was sold at.
pub async fn publish_resource_price(
    app: &App,
    operator: &Operator,
    new: NewResourcePrice,
) -> Result<PriceVersionId> {
    check(new.markup)?;
    if new.kind == Product::Vps {
        return Err(Error::invalid("kind", "Prices of VPSs are published by plan."));
    }
    if (new.kind == Product::Backups) != new.backs_up.is_some() {
        return Err(Error::invalid(
            "plan",
            "Backups, and nothing else, are priced by the plan of their VPS.",
        ));
    }
    if new.per_units < 1 || (new.per_units > 1 && !new.kind.is_by_quantity()) {
        return Err(Error::invalid("per_units", "Use 1, or more for what is sold by the GiB."));
    }
    if !new.cost.hour.is_positive() || !new.cost.month.is_positive() {
        return Err(Error::invalid("cost", "Use more than 0."));
    }
    let unit = UnitPrice { price: Price::new(new.cost, new.markup)?, per_units: new.per_units };
    let id = PriceVersionId::new();
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let place = rows::ResourcePlace { kind: new.kind, region_id: new.region_id, backs_up: new.backs_up };
    rows::insert_resource_price(&mut tx, id, place, &unit, new.markup, operator.actor()).await?;
    notify::publish_system(&mut tx, None, Topic::Catalog, &[id.0]).await?;
    let detail = json!({ "name": new.kind, "region_id": new.region_id, "hour": unit.price.sell_hour.to_string(), "per_units": unit.per_units,
        "markup_basis_points": new.markup.basis_points });
    tx.commit(operator.did(Action::PricesPublished).with(detail)).await?;
    Ok(id)
}
