//! Plans, their prices by region, and whether they are sold.

use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::{Money, PlanId};
use serde::Deserialize;
use store::catalog::read::{self, Plan, Publication, RegionPrice};

use super::markup::Typed;
use super::publish::Asked;
use super::view::{PlanPage, PlanRow, PlanView, PlansPage, PublicationRow, RegionPriceRow};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::Id;
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

/// Publications on the page.
const PUBLICATIONS: i64 = 20;

/// The page, with what was typed into its form.
pub(super) async fn page(
    operator: &Operator,
    id: PlanId,
    status: StatusCode,
    form: Option<Asked>,
    errors: Errors,
) -> Result {
    let mut db = operator.read_all().await?;
    let plan = read::plan(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let prices = read::region_prices(&mut db, id).await?;
    let publications = read::publications(&mut db, id, PUBLICATIONS).await?;
    let (markup, effective_at) = match form {
        Some(form) => (form.markup, form.effective_at),
        None => (present_markup(&prices), String::new()),
    };
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
        markup: markup.view(&operator.state.currency),
        effective_at,
        publications: publications.into_iter().map(publication_row).collect(),
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
pub(super) fn present_markup(prices: &[RegionPrice]) -> Typed {
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

fn publication_row(publication: Publication) -> PublicationRow {
    PublicationRow {
        id: publication.id.to_string(),
        effective_at: publication.effective_at,
        created_at: publication.created_at,
        status: match publication.withdrawn_at {
            Some(_) => Chip::WITHDRAWN,
            None => Chip::price(publication.in_force > 0, publication.scheduled),
        },
        scheduled: publication.scheduled,
        regions: publication.regions,
        markup: format::percent(i64::from(publication.markup_basis_points)),
        lowest_hour: publication.lowest_hour,
        highest_hour: publication.highest_hour,
        lowest_month: publication.lowest_month,
        highest_month: publication.highest_month,
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
