//! What payers do with the leave they gave.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Paypal;
use super::super::vault::TokenState;

pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new()
        .route("/_sim/paypal/setup-tokens/{id}/approve", post(approve))
        .route("/_sim/paypal/payment-tokens", get(tokens))
        .route("/_sim/paypal/payment-tokens/{id}/decline", post(decline))
        .route("/_sim/paypal/payment-tokens/{id}/revoke", post(revoke))
}

/// Whether charges are refused from now on; without a body they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declining {
    declined: Option<bool>,
}

/// The payer agrees. 404 for an unknown or expired token.
async fn approve(
    State(paypal): State<Arc<Paypal>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let now = paypal.now();
    let mut books = paypal.books();
    let token = books.agree(&id, now).ok_or(StatusCode::NOT_FOUND)?.clone();
    Ok(Json(token.json(&books.aside(&token.account, now))))
}

/// Every payment token, with what became of it.
async fn tokens(State(paypal): State<Arc<Paypal>>) -> Json<Vec<Value>> {
    let books = paypal.books();
    let tokens = books.records.payment_tokens.values();
    let shown =
        tokens.map(|token| json!({ "id": token.id, "state": token.state, "declined": token.is_declined }));
    Json(shown.collect())
}

/// The payer's bank refuses charges, or takes them again. 404 for an unknown token.
async fn decline(
    State(paypal): State<Arc<Paypal>>,
    Path(id): Path<String>,
    declining: Option<Json<Declining>>,
) -> StatusCode {
    let mut books = paypal.books();
    let Some(token) = books.records.payment_tokens.get_mut(&id) else { return StatusCode::NOT_FOUND };
    token.is_declined = declining.and_then(|Json(declining)| declining.declined).unwrap_or(true);
    paypal.core.changes.mark();
    StatusCode::NO_CONTENT
}

/// The payer takes the leave back. 404 for an unknown token.
async fn revoke(State(paypal): State<Arc<Paypal>>, Path(id): Path<String>) -> StatusCode {
    let mut books = paypal.books();
    let Some(token) = books.records.payment_tokens.get(&id) else { return StatusCode::NOT_FOUND };
    let call = books.aside(&token.account, paypal.now());
    books.end_token(&id, TokenState::Revoked, &call);
    StatusCode::NO_CONTENT
}
