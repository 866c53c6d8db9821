//! Plans, their prices by region, and whether they are sold.

use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::{Money, PlanId};
use serde::Deserialize;
use store::catalog::read::{self, Plan, RegionPrice};

use super::markup::Typed;
use super::view::{PlanPage, PlanRow, PlanView, PlansPage, RegionPriceRow};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, refused};
use crate::format;
use crate::toast::{Said, see_other_saying};
use crate::view::{Chip, Errors};

/// The list.
pub(crate) async fn list(operator: Operator) -> Result {
    let mut db = operator.read_all().await?;
    let plans = read::plans(&mut db).await?;
    db.show(&PlansPage { plans: plans.into_iter().map(row).collect() })
}

fn row(plan: Plan) -> PlanRow {
    PlanRow {
        id: plan.id.to_string(),
        name: plan.name,
        vcpus: plan.vcpus,
        memory_mib: plan.memory_mib,
        disk_gib: plan.disk_gib,
        dedicated: plan.dedicated,
        status: Chip::for_sale(plan.active),
        regions: plan.regions,
        hour: plan.sell_hour,
        month: plan.sell_month,
        vps_count: plan.vps_count,
        changed: plan.changed > 0,
    }
}

/// One plan.
pub(crate) async fn show(operator: Operator, Id(id): Id<PlanId>) -> Result {
    page(&operator, id, StatusCode::OK, None, Errors::new()).await
}

async fn page(
    operator: &Operator,
    id: PlanId,
    status: StatusCode,
    form: Option<Typed>,
    errors: Errors,
) -> Result {
    let mut db = operator.read_all().await?;
    let plan = read::plan(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let prices = read::region_prices(&mut db, id).await?;
    let page = PlanPage {
        plan: PlanView {
            id: plan.id.to_string(),
            name: plan.name,
            vcpus: plan.vcpus,
            memory_mib: plan.memory_mib,
            disk_gib: plan.disk_gib,
            transfer_gb: plan.transfer_gb,
            active: plan.active,
            status: Chip::for_sale(plan.active),
        },
        below_cost: prices.iter().filter(|price| is_below_cost(price)).count(),
        markup: form.unwrap_or_else(|| present_markup(&prices)).view(&operator.state.currency),
        prices: prices.into_iter().map(price_row).collect(),
        errors,
    };
    db.show_with(status, &page)
}

/// Is the published price below what it costs today?
fn is_below_cost(price: &RegionPrice) -> bool {
    let below =
        |sell: Option<Money>, cost: Option<Money>| sell.zip(cost).is_some_and(|(sell, cost)| sell < cost);
    below(price.sell_hour, price.cost_hour) || below(price.sell_month, price.cost_month)
}

/// The markup last published, to begin the form with.
fn present_markup(prices: &[RegionPrice]) -> Typed {
    let newest = prices.iter().filter(|p| p.effective_at.is_some()).max_by_key(|p| p.effective_at);
    newest.map_or_else(Typed::default, |p| {
        let fixed = |amount: Option<Money>| amount.unwrap_or_default();
        Typed::of(p.markup_basis_points.unwrap_or_default(), fixed(p.markup_hour), fixed(p.markup_month))
    })
}

fn price_row(price: RegionPrice) -> RegionPriceRow {
    let changed = price.sell_hour.is_some()
        && price.cost_hour.is_some()
        && (price.cost_hour, price.cost_month) != (price.priced_cost_hour, price.priced_cost_month);
    RegionPriceRow {
        region: price.region,
        cost_hour: price.cost_hour,
        cost_month: price.cost_month,
        markup: price.markup_basis_points.map(|points| format::percent(i64::from(points))),
        hour: price.sell_hour,
        month: price.sell_month,
        effective_at: price.effective_at,
        orderable: price.orderable,
        changed,
    }
}

/// Publishes new prices.
pub(crate) async fn publish(operator: Operator, Id(id): Id<PlanId>, Form(form): Form<Typed>) -> Result {
    let done = match form.parse() {
        Ok(markup) => app::catalog::publish_prices(&operator.state.app, &operator.operator, id, markup).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => {
            Ok(see_other_saying(&operator.state, &format!("/operator/plans/{id}"), Said::PricesPublished))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, id, status, Some(form), errors).await
        }
    }
}

/// On sale or not.
#[derive(Debug, Deserialize)]
pub(crate) struct Sale {
    active: bool,
}

/// Puts the plan on or off sale.
pub(crate) async fn set_active(
    operator: Operator,
    Id(id): Id<PlanId>,
    Form(Sale { active }): Form<Sale>,
) -> Result {
    app::catalog::set_plan_active(&operator.state.app, &operator.operator, id, active).await?;
    let said = if active { Said::PlanOnSale } else { Said::PlanOffSale };
    Ok(see_other_saying(&operator.state, &format!("/operator/plans/{id}"), said))
}
