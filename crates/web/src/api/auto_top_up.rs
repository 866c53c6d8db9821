//! Automatic top-ups.

use app::payment::{ask_for_answer, set_auto_top_up, turn_off_auto_top_up};
use axum::Json;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::payment::{AutoTerms, AutoTopUpState, Threshold};
use serde::{Deserialize, Serialize};
use store::payment::auto::{self, Shown};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Problem;
use super::access::{Allowed, Client};
use super::endpoints::{Endpoints, endpoint};
use super::input::Body;
use super::value::{Amount, AutoTopUpEnd, AutoTopUpStatus};
use crate::access::may;

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(show)).add(endpoint!(set)).add(endpoint!(turn_off)).add(endpoint!(confirm))
}

/// Payments into the wallet that are asked for by itself when it falls below a threshold. All but the status and
/// `taken_this_month` is `null` before it was ever set up.
#[derive(Debug, Serialize, ToSchema)]
struct AutoTopUp {
    status: AutoTopUpStatus,
    /// Money is added when the wallet lasts less than so many hours; `null` if `threshold_amount` counts.
    #[schema(required)]
    threshold_hours: Option<i32>,
    /// Money is added when less than this is available; `null` if `threshold_hours` counts.
    #[schema(required)]
    threshold_amount: Option<Amount>,
    /// What is added each time, tax included.
    #[schema(required)]
    amount: Option<Amount>,
    /// What is added at most in one month (UTC).
    #[schema(required)]
    monthly_ceiling: Option<Amount>,
    /// What was added in this month, or is under way.
    #[schema(example = "25.00")]
    taken_this_month: Amount,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// Where a person agrees; `null` unless the status is `awaiting_approval`.
    #[schema(required)]
    approve_url: Option<String>,
    /// After a declined payment: when it is tried for the last time.
    #[schema(required)]
    retry_at: Option<DateTime<Utc>>,
    /// Why it is off.
    #[schema(required)]
    off_reason: Option<AutoTopUpEnd>,
    /// The last top-up that was asked for by itself.
    #[schema(required)]
    last_top_up_id: Option<Uuid>,
}

impl AutoTopUp {
    async fn read(client: &Client) -> Result<Json<Self>, Problem> {
        let shown = auto::current(&mut client.read().await?).await?;
        Ok(Json(Self::new(shown, client.currency())))
    }

    fn new(shown: Option<Shown>, currency: String) -> Self {
        let terms = shown.as_ref().map(|shown| shown.terms);
        let is_on = shown.as_ref().is_some_and(|shown| shown.state == AutoTopUpState::On);
        Self {
            status: AutoTopUpStatus(shown.as_ref().map_or(AutoTopUpState::Off, |shown| shown.state)),
            threshold_hours: terms.and_then(|terms| terms.threshold.hours()),
            threshold_amount: terms.and_then(|terms| terms.threshold.amount()).map(Amount),
            amount: terms.map(|terms| Amount(terms.amount)),
            monthly_ceiling: terms.map(|terms| Amount(terms.ceiling)),
            taken_this_month: Amount(shown.as_ref().map(|shown| shown.taken).unwrap_or_default()),
            currency,
            approve_url: shown.as_ref().and_then(|shown| shown.approve_url.clone()),
            retry_at: shown.as_ref().and_then(|shown| shown.retry_at).filter(|_| is_on),
            off_reason: shown.as_ref().and_then(|shown| shown.off_reason).map(AutoTopUpEnd),
            last_top_up_id: shown.and_then(|shown| shown.last).map(|last| last.id.into()),
        }
    }
}

/// When money is added by itself, and how much. Exactly one of the two thresholds is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct AutoTopUpTerms {
    /// Below so many hours of everything that runs, at most 720.
    #[schema(example = 72)]
    threshold_hours: Option<i32>,
    /// Below so much money.
    threshold_amount: Option<Amount>,
    /// How much to add each time, with at most two digits after the point.
    #[schema(example = "25.00")]
    amount: Amount,
    /// How much to add at most in one month (UTC).
    #[schema(example = "100.00")]
    monthly_ceiling: Amount,
}

/// Show automatic top-ups
#[utoipa::path(get, path = "/auto-top-up", operation_id = "show_auto_top_up", tag = "wallet",
    responses((status = 200, description = "How they stand.", body = AutoTopUp)))]
async fn show(client: Allowed<may::WalletView>) -> Result<Json<AutoTopUp>, Problem> {
    AutoTopUp::read(&client).await
}

/// Set up or change automatic top-ups
///
/// While they are off this begins to set them up: follow it with `GET /api/v1/auto-top-up` until the status is
/// `awaiting_approval`, let a person agree at `approve_url`, then confirm. Otherwise it changes the terms, which count
/// at once.
#[utoipa::path(put, path = "/auto-top-up", operation_id = "set_auto_top_up", tag = "wallet",
    request_body = AutoTopUpTerms,
    responses((status = 200, description = "How they stand now.", body = AutoTopUp)))]
async fn set(
    client: Allowed<may::WalletTopUp>,
    Body(new): Body<AutoTopUpTerms>,
) -> Result<Json<AutoTopUp>, Problem> {
    let threshold = match (new.threshold_hours, new.threshold_amount) {
        (Some(hours), None) => Threshold::Hours(hours),
        (None, Some(amount)) => Threshold::Amount(amount.0),
        _ => {
            let message = "Give either threshold_hours or threshold_amount.";
            return Err(app::Error::invalid("threshold_hours", message).into());
        }
    };
    let terms = AutoTerms { threshold, amount: new.amount.0, ceiling: new.monthly_ceiling.0 };
    set_auto_top_up(client.app(), &client.caller, terms).await?;
    AutoTopUp::read(&client).await
}

/// Turn automatic top-ups off
///
/// A payment that is under way goes on. Asking again does no harm.
#[utoipa::path(delete, path = "/auto-top-up", operation_id = "turn_off_auto_top_up", tag = "wallet",
    responses((status = 204, description = "They are off.")))]
async fn turn_off(client: Allowed<may::WalletTopUp>) -> Result<StatusCode, Problem> {
    turn_off_auto_top_up(client.app(), &client.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Confirm automatic top-ups
///
/// Asks for the answer after a person has agreed. Asking early, or again, does no harm.
#[utoipa::path(post, path = "/auto-top-up/confirm", operation_id = "confirm_auto_top_up", tag = "wallet",
    responses((status = 202, description = "The answer is being asked for, or is known.", body = AutoTopUp)))]
async fn confirm(client: Allowed<may::WalletTopUp>) -> Result<(StatusCode, Json<AutoTopUp>), Problem> {
    ask_for_answer(client.app(), &client.caller).await?;
    Ok((StatusCode::ACCEPTED, AutoTopUp::read(&client).await?))
}
