//! What payers and banks do when they want money back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::super::Paypal;
use super::super::amount::Amount;
use super::super::books::Books;
use super::super::dispute::{Dispute, Outcome, Stage};
use super::super::payment::{Capture, Returned};
use super::super::sim::SimCapture;

pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new()
        .route("/_sim/paypal/captures/{id}/reverse", post(reverse))
        .route("/_sim/paypal/captures/{id}/dispute", post(dispute))
        .route("/_sim/paypal/disputes", get(disputes))
        .route("/_sim/paypal/disputes/{id}/stage", post(advance))
        .route("/_sim/paypal/disputes/{id}/resolve", post(resolve))
}

/// How much of a capture; without a body all that is left.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// Decimal text in the capture's currency.
    amount: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    /// Decimal text in the capture's currency; all that is left if absent.
    amount: Option<String>,
    /// In PayPal's words; `MERCHANDISE_OR_SERVICE_NOT_RECEIVED` if absent.
    reason: Option<String>,
    /// `INQUIRY` if absent.
    stage: Option<Stage>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    stage: Stage,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolution {
    outcome: Outcome,
}

/// The payer's bank takes money back, without a word before. 404 for an unknown capture, 409 if so much is not there.
async fn reverse(
    State(paypal): State<Arc<Paypal>>,
    Path(id): Path<String>,
    part: Option<Json<Part>>,
) -> Result<Json<SimCapture>, StatusCode> {
    let now = paypal.now();
    let mut books = paypal.books();
    let capture = paid(&mut books, &id, &paypal)?;
    let amount = part.and_then(|Json(part)| part.amount);
    let amount = asked(&capture, amount.as_deref())?.unwrap_or_else(|| capture.refundable());
    if !(1..=capture.refundable().minor).contains(&amount.minor) {
        return Err(StatusCode::CONFLICT);
    }
    let call = books.aside(&capture.account, now);
    books.give_back(&call, &id, amount, Returned::Bank);
    let capture = books.records.captures.get(&id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(SimCapture::of(capture, now)))
}

/// The payer opens a dispute. 404 for an unknown capture, 409 if so much is not there or a dispute is open.
async fn dispute(
    State(paypal): State<Arc<Paypal>>,
    Path(id): Path<String>,
    opening: Option<Json<Opening>>,
) -> Result<Json<Value>, StatusCode> {
    let now = paypal.now();
    let mut books = paypal.books();
    let capture = paid(&mut books, &id, &paypal)?;
    let opening = opening.map(|Json(opening)| opening).unwrap_or_default();
    let amount = asked(&capture, opening.amount.as_deref())?;
    let reason = opening.reason.as_deref().unwrap_or("MERCHANDISE_OR_SERVICE_NOT_RECEIVED");
    let stage = opening.stage.unwrap_or(Stage::Inquiry);
    let dispute =
        books.dispute_capture(&capture, amount, reason, stage, now).ok_or(StatusCode::CONFLICT)?.clone();
    Ok(Json(shown(&books, &dispute, &paypal)))
}

/// Every dispute, as PayPal would show it to the merchant.
async fn disputes(State(paypal): State<Arc<Paypal>>) -> Json<Vec<Value>> {
    let books = paypal.books();
    Json(books.records.disputes.values().map(|dispute| shown(&books, dispute, &paypal)).collect())
}

/// 404 for an unknown dispute, 409 for one that is over.
async fn advance(
    State(paypal): State<Arc<Paypal>>,
    Path(id): Path<String>,
    Json(advance): Json<Advance>,
) -> Result<Json<Value>, StatusCode> {
    change(&paypal, &id, |books| books.move_dispute(&id, advance.stage, paypal.now()))
}

/// The end. A lost one takes the money by a reversal. 404 for an unknown dispute, 409 for one that is over.
async fn resolve(
    State(paypal): State<Arc<Paypal>>,
    Path(id): Path<String>,
    Json(resolution): Json<Resolution>,
) -> Result<Json<Value>, StatusCode> {
    change(&paypal, &id, |books| {
        books.end_dispute(&id, resolution.outcome, Returned::Dispute, paypal.now());
    })
}

fn change(paypal: &Paypal, id: &str, act: impl FnOnce(&mut Books)) -> Result<Json<Value>, StatusCode> {
    let mut books = paypal.books();
    books.pass(paypal.now());
    let dispute = books.records.disputes.get(id).ok_or(StatusCode::NOT_FOUND)?;
    if !dispute.is_open() {
        return Err(StatusCode::CONFLICT);
    }
    act(&mut books);
    let dispute = books.records.disputes.get(id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(shown(&books, dispute, paypal)))
}

fn shown(books: &Books, dispute: &Dispute, paypal: &Paypal) -> Value {
    books.dispute_json(dispute, &books.aside(&dispute.account, paypal.now()))
}

/// A capture whose money has arrived.
fn paid(books: &mut Books, id: &str, paypal: &Paypal) -> Result<Capture, StatusCode> {
    books.pass(paypal.now());
    let capture = books.records.captures.get(id).ok_or(StatusCode::NOT_FOUND)?;
    if capture.is_paid() { Ok(capture.clone()) } else { Err(StatusCode::CONFLICT) }
}

/// An amount in the currency of the capture.
fn asked(capture: &Capture, value: Option<&str>) -> Result<Option<Amount>, StatusCode> {
    let read = |value: &str| Amount::in_currency_of(&capture.amount, value).ok_or(StatusCode::BAD_REQUEST);
    value.map(read).transpose()
}
