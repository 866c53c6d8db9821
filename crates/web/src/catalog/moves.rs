//! Moving VPSs of a plan to another price: what it would mean, who is told, what became of it.

use app::catalog::moves::Wish;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use chrono::{DateTime, Days, Utc};
use domain::{OrganizationId, PlanId, PriceMoveId, PriceVersionId};
use serde::{Deserialize, Serialize};
use store::SystemRead;
use store::catalog::moves::{self, Effect, Effects, KeptPrice, Listed};
use store::catalog::read;
use store::identity::read as identity;

use super::moves_view::{EffectRow, EffectView, KeptRow, MoveRow, MovesPage};
use super::view::PlanName;
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, refused, utc};
use crate::spreadsheet::{Amount, file, plain};
use crate::toast::{Said, see_other_saying};
use crate::view::{Chip, Choice, Errors, PAGE, Pages};
use crate::{format, link};

/// Moves on the page.
const MOVES: i64 = 20;
/// Lines of the file.
const LINES: i64 = 100_000;

/// A move as typed, in the address and in forms.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    version: String,
    moves_at: String,
    organization: Vec<OrganizationId>,
    after: Option<OrganizationId>,
}

impl Asked {
    fn link(&self, path: &str, plan: PlanId) -> String {
        let organizations: Vec<String> = self.organization.iter().map(ToString::to_string).collect();
        let after = self.after.map(|id| id.to_string()).unwrap_or_default();
        let mut pairs =
            vec![("version", self.version.as_str()), ("moves_at", &self.moves_at), ("after", &after)];
        pairs.extend(organizations.iter().map(|id| ("organization", id.as_str())));
        link::with_query(&format!("/operator/plans/{plan}/{path}"), &pairs)
    }

    /// Only these organizations, if some are chosen.
    fn chosen(&self) -> Option<&[OrganizationId]> {
        Some(&*self.organization).filter(|chosen| !chosen.is_empty())
    }

    fn hours_ahead(at: Option<DateTime<Utc>>) -> i64 {
        at.map_or(0, |at| (at - Utc::now()).num_hours().max(0))
    }
}

/// The page.
pub(crate) async fn show(operator: Operator, Id(id): Id<PlanId>, Form(asked): Form<Asked>) -> Result {
    page(&operator, id, asked, StatusCode::OK, Errors::new()).await
}

async fn page(
    operator: &Operator,
    id: PlanId,
    mut asked: Asked,
    mut status: StatusCode,
    mut errors: Errors,
) -> Result {
    let notice_days = operator.state.app.settings().notice_days;
    let mut db = operator.read_all().await?;
    let plan = read::plan(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let kept = moves::kept_prices(&mut db, id).await?;
    let target = kept.iter().find(|price| price.id.to_string() == asked.version && is_target(price));
    let mut effect = None;
    if let Some(target) = target {
        match utc("moves_at", &asked.moves_at) {
            Ok(at) => effect = Some(effect_of(&mut db, id, &asked, target, at).await?),
            Err(error) => (status, errors) = refused(error)?,
        }
    } else {
        asked.moves_at = first_day(notice_days);
    }
    let mut organizations = Vec::new();
    for organization in &asked.organization {
        let found = identity::organization(&mut db, *organization).await?.ok_or(Failure::NOT_FOUND)?;
        organizations.push(Choice::new(organization.to_string(), found.name));
    }
    let currency = &operator.state.currency;
    let label = |price: &KeptPrice| {
        let (hour, month) = (format::rate(currency, price.hour), format::money(currency, price.month));
        let from = price.scheduled.then(|| format!(", from {}", format::date_time(price.effective_at)));
        format!("{}: {hour}, {month} a month{}", price.region, from.unwrap_or_default())
    };
    let versions = kept.iter().filter(|price| is_target(price));
    let page = MovesPage {
        plan: PlanName { id: id.to_string(), name: plan.name },
        notice_days,
        versions: versions.map(|price| Choice::new(price.id.to_string(), label(price))).collect(),
        kept: kept.iter().map(|price| kept_row(id, price, notice_days)).collect(),
        version: asked.version,
        moves_at: asked.moves_at,
        organizations,
        effect,
        moves: moves::list(&mut db, id, MOVES).await?.into_iter().map(move_row).collect(),
        errors,
    };
    db.show_with(status, &page)
}

/// The beginning of the first day (UTC) from which a price may rise.
fn first_day(notice_days: i32) -> String {
    let days = Days::new(u64::try_from(notice_days).unwrap_or_default() + 1);
    let day = Utc::now().date_naive().checked_add_days(days).unwrap_or_default();
    format!("{day}T00:00")
}

/// Can VPSs be moved to it?
fn is_target(price: &KeptPrice) -> bool {
    price.in_force || price.scheduled
}

fn kept_row(plan: PlanId, price: &KeptPrice, notice_days: i32) -> KeptRow {
    let chosen =
        Asked { version: price.id.to_string(), moves_at: first_day(notice_days), ..Asked::default() };
    KeptRow {
        region: price.region.clone(),
        hour: price.hour,
        month: price.month,
        effective_at: price.effective_at,
        status: Chip::price(price.in_force, price.scheduled),
        vps: price.vps,
        below_cost: price.below_cost,
        href: is_target(price).then(|| chosen.link("moves", plan)),
    }
}

fn move_row(listed: Listed) -> MoveRow {
    MoveRow {
        id: listed.id.to_string(),
        region: listed.region,
        hour: listed.hour,
        month: listed.month,
        moves_at: listed.moves_at,
        created_at: listed.created_at,
        status: match (listed.cancelled_at, listed.due, listed.open) {
            (Some(_), ..) => Chip::CANCELLED,
            (None, false, _) => Chip::ANNOUNCED,
            (None, true, 0) => Chip::MOVED,
            (None, true, _) => Chip::MOVING,
        },
        vps: listed.vps,
        organizations: listed.organizations,
        told: listed.told,
        moved: listed.moved,
        open: listed.cancelled_at.is_none() && !listed.due,
    }
}

async fn effect_of(
    db: &mut SystemRead,
    plan: PlanId,
    asked: &Asked,
    target: &KeptPrice,
    at: Option<DateTime<Utc>>,
) -> Result<EffectView> {
    let ahead = Asked::hours_ahead(at);
    let total: Effects = moves::total_effects(db, target.id, asked.chosen(), ahead).await?;
    let mut rows = moves::effects(db, target.id, asked.chosen(), ahead, asked.after, PAGE + 1).await?;
    let from = |after: Option<OrganizationId>| Asked { after, ..asked.clone() }.link("moves", plan);
    let pages =
        Pages::of(&mut rows, asked.after.map(|_| from(None)), |last| from(Some(last.organization_id)));
    let costs = read::region_prices(db, plan).await?;
    let cost = costs.iter().find(|price| price.region_id == target.region_id);
    Ok(EffectView {
        region: target.region.clone(),
        hour: target.hour,
        month: target.month,
        margin_hour: cost.and_then(|c| c.cost_hour).map(|cost| target.hour.minus(cost)).transpose()?,
        margin_month: cost.and_then(|c| c.cost_month).map(|cost| target.month.minus(cost)).transpose()?,
        at,
        organizations: total.organizations,
        vps: total.vps,
        old_hour: total.old_hour,
        new_hour: total.new_hour,
        month_change: total.new_month.minus(total.old_month)?,
        below_72: total.below_72,
        below_24: total.below_24,
        below_1: total.below_1,
        below_zero: total.below_zero,
        rows: rows.into_iter().map(|row| effect_row(plan, asked, row)).collect::<Result<_>>()?,
        pages,
        csv_href: Asked { after: None, ..asked.clone() }.link("moves/csv", plan),
    })
}

fn effect_row(plan: PlanId, asked: &Asked, effect: Effect) -> Result<EffectRow> {
    let only = Asked { organization: vec![effect.organization_id], after: None, ..asked.clone() };
    let lasts = |hours: Option<i64>| hours.map_or_else(|| "—".to_owned(), format::hours);
    Ok(EffectRow {
        id: effect.organization_id.to_string(),
        vps: effect.vps,
        old_hour: effect.old_hour,
        new_hour: effect.new_hour,
        month_change: effect.new_month.minus(effect.old_month)?,
        lasts_before: lasts(effect.runway_before),
        lasts_after: lasts(effect.runway_after),
        falls_below: falls_below(effect.runway_before, effect.runway_after),
        empty_by_then: effect.left_then.micros() < 0,
        only_href: only.link("moves", plan),
        name: effect.organization,
    })
}

/// The lowest of the notices that a wallet is above before and below after.
fn falls_below(before: Option<i64>, after: Option<i64>) -> Option<&'static str> {
    let after = after?;
    [(1, "1 h"), (24, "24 h"), (72, "72 h")]
        .into_iter()
        .find(|(limit, _)| after < *limit && before.is_none_or(|before| before >= *limit))
        .map(|(_, word)| word)
}

#[derive(Serialize)]
struct EffectLine<'a> {
    organization: String,
    vps: i64,
    old_per_hour: Amount,
    new_per_hour: Amount,
    old_per_month: Amount,
    new_per_month: Amount,
    runway_hours_before: Option<i64>,
    runway_hours_after: Option<i64>,
    left_at_that_time: Amount,
    currency: &'a str,
}

/// What the move would mean for each organization, as a file.
pub(crate) async fn show_csv(operator: Operator, Id(id): Id<PlanId>, Form(asked): Form<Asked>) -> Result {
    let mut db = operator.read_all().await?;
    let kept = moves::kept_prices(&mut db, id).await?;
    let target = kept.iter().find(|price| price.id.to_string() == asked.version && is_target(price));
    let target = target.ok_or(Failure::NOT_FOUND)?;
    let ahead = Asked::hours_ahead(utc("moves_at", &asked.moves_at)?);
    let rows = moves::effects(&mut db, target.id, asked.chosen(), ahead, None, LINES).await?;
    let currency = operator.state.currency.code();
    let lines = rows.iter().map(|row| EffectLine {
        organization: plain(&row.organization),
        vps: row.vps,
        old_per_hour: row.old_hour.into(),
        new_per_hour: row.new_hour.into(),
        old_per_month: row.old_month.into(),
        new_per_month: row.new_month.into(),
        runway_hours_before: row.runway_before,
        runway_hours_after: row.runway_after,
        left_at_that_time: row.left_then.into(),
        currency,
    });
    file("price-move.csv", lines)
}

/// Announces the move.
pub(crate) async fn announce(operator: Operator, Id(id): Id<PlanId>, Form(asked): Form<Asked>) -> Result {
    let done = match wish(&asked) {
        Ok(wish) => app::catalog::moves::announce(&operator.state.app, &operator.operator, id, &wish).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => {
            let to = format!("/operator/plans/{id}/moves");
            Ok(see_other_saying(&operator.state, &to, Said::MoveAnnounced))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, id, asked, status, errors).await
        }
    }
}

fn wish(asked: &Asked) -> Result<Wish, app::Error> {
    let version = asked.version.parse::<PriceVersionId>();
    Ok(Wish {
        version: version.map_err(|_| app::Error::invalid("version", "Choose a price."))?,
        moves_at: utc("moves_at", &asked.moves_at)?,
        organizations: asked.organization.clone(),
    })
}

/// Which move to cancel.
#[derive(Debug, Deserialize)]
pub(crate) struct Cancel {
    #[serde(rename = "move")]
    id: PriceMoveId,
}

/// Cancels a move before its time.
pub(crate) async fn cancel(
    operator: Operator,
    Id(id): Id<PlanId>,
    Form(Cancel { id: move_id }): Form<Cancel>,
) -> Result {
    match app::catalog::moves::cancel(&operator.state.app, &operator.operator, id, move_id).await {
        Ok(()) => {
            let to = format!("/operator/plans/{id}/moves");
            Ok(see_other_saying(&operator.state, &to, Said::MoveCancelled))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, id, Asked::default(), status, errors).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_notice_counts_and_only_when_it_is_crossed() {
        assert_eq!(falls_below(Some(100), Some(80)), None);
        assert_eq!(falls_below(Some(80), Some(71)), Some("72 h"));
        assert_eq!(falls_below(Some(80), Some(0)), Some("1 h"));
        assert_eq!(falls_below(Some(20), Some(10)), None);
        assert_eq!((falls_below(None, Some(10)), falls_below(Some(5), None)), (Some("24 h"), None));
    }

    #[test]
    fn the_first_day_leaves_the_whole_notice() {
        let first = utc("moves_at", &first_day(30)).ok().flatten();
        assert!(first.is_some_and(|at| at - Utc::now() >= chrono::TimeDelta::days(30)));
    }
}
