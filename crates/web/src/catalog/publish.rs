//! New prices of a plan: looked at, published, taken back.

use std::collections::HashMap;

use app::catalog::{Publication, draft};
use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use chrono::{DateTime, Utc};
use domain::catalog::Markup;
use domain::{Money, PlanId, PriceVersionId, RegionId};
use serde::Deserialize;
use store::catalog::read::{self, RegionPrice};

use super::markup::Typed;
use super::plan;
use super::view::{PlanName, PreviewPage, PreviewRow};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, refused, utc};
use crate::toast::{Said, see_other_saying};

/// Prices as typed.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    pub(super) markup: Typed,
    /// In UTC; empty is at once.
    #[serde(default)]
    pub(super) effective_at: String,
    /// Stands for the costs and prices that were looked at.
    #[serde(default)]
    seen: String,
}

impl Asked {
    fn parse(&self) -> Result<(Markup, Option<DateTime<Utc>>), app::Error> {
        Ok((self.markup.parse()?, utc("effective_at", &self.effective_at)?))
    }
}

/// What publishing would come to. Nothing is saved.
pub(crate) async fn preview(operator: Operator, Id(id): Id<PlanId>, Query(asked): Query<Asked>) -> Result {
    page(&operator, id, asked, StatusCode::OK).await
}

async fn page(operator: &Operator, id: PlanId, mut asked: Asked, status: StatusCode) -> Result {
    let mut db = operator.read_all().await?;
    let plan = read::plan(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let prices = read::region_prices(&mut db, id).await?;
    if asked.markup.markup_percent.is_empty() {
        asked.markup = plan::present_markup(&prices);
    }
    let drafted = match asked.parse() {
        Ok((markup, at)) => draft(&mut *db, id, markup).await.map(|draft| (draft, at)),
        Err(error) => Err(error),
    };
    let (draft, at) = match drafted {
        Ok(drafted) => drafted,
        Err(error) => {
            drop(db);
            return again(operator, id, asked, error).await;
        }
    };
    let present: HashMap<RegionId, &RegionPrice> =
        prices.iter().map(|price| (price.region_id, price)).collect();
    let mut rows = Vec::new();
    for new in &draft.prices {
        let Some(present) = present.get(&new.region_id) else { continue };
        let price = new.price;
        let margin_month = price.sell_month.minus(price.cost_month)?;
        rows.push(PreviewRow {
            region: present.region.clone(),
            cost_hour: price.cost_hour,
            cost_month: price.cost_month,
            old_hour: present.sell_hour,
            old_month: present.sell_month,
            hour: price.sell_hour,
            month: price.sell_month,
            margin_hour: price.sell_hour.minus(price.cost_hour)?,
            margin_month,
            percent: percent(margin_month, price.sell_month),
        });
    }
    rows.sort_by(|a, b| a.region.cmp(&b.region));
    let page = PreviewPage {
        plan: PlanName { id: id.to_string(), name: plan.name },
        markup: asked.markup.view(&operator.state.currency),
        effective_at: asked.effective_at,
        at,
        seen: draft.seen,
        stale: status == StatusCode::CONFLICT,
        rows,
    };
    db.show_with(status, &page)
}

/// A part in whole percent; `None` of nothing.
pub(super) fn percent(part: Money, whole: Money) -> Option<i64> {
    let share = (i128::from(part.micros()) * 100).checked_div(i128::from(whole.micros()))?;
    i64::try_from(share).ok()
}

/// The plan's page with what is wrong with the form.
async fn again(operator: &Operator, id: PlanId, asked: Asked, error: app::Error) -> Result {
    let (status, errors) = refused(error)?;
    plan::page(operator, id, status, Some(asked), errors).await
}

/// Publishes new prices, in force at once or from a time on.
pub(crate) async fn publish(operator: Operator, Id(id): Id<PlanId>, Form(asked): Form<Asked>) -> Result {
    let (markup, effective_at) = match asked.parse() {
        Ok(parsed) => parsed,
        Err(error) => return again(&operator, id, asked, error).await,
    };
    let new = Publication { markup, effective_at, seen: Some(asked.seen.clone()) };
    match app::catalog::publish(&operator.state.app, &operator.operator, id, new).await {
        Ok(()) => {
            let said = if effective_at.is_some() { Said::PricesScheduled } else { Said::PricesPublished };
            Ok(see_other_saying(&operator.state, &format!("/operator/plans/{id}"), said))
        }
        Err(app::Error::StalePrice) => page(&operator, id, asked, StatusCode::CONFLICT).await,
        Err(error) => again(&operator, id, asked, error).await,
    }
}

/// Which prices to take back.
#[derive(Debug, Deserialize)]
pub(crate) struct Withdrawal {
    version: PriceVersionId,
}

/// Takes prices back that are not in force yet.
pub(crate) async fn withdraw(
    operator: Operator,
    Id(id): Id<PlanId>,
    Form(Withdrawal { version }): Form<Withdrawal>,
) -> Result {
    let done = app::catalog::withdraw_prices(&operator.state.app, &operator.operator, id, version).await;
    match done {
        Ok(()) => {
            Ok(see_other_saying(&operator.state, &format!("/operator/plans/{id}"), Said::PricesWithdrawn))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            plan::page(&operator, id, status, None, errors).await
        }
    }
}
