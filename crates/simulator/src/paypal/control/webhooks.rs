//! What was told to whom, and what vouches for it. What goes wrong on the way are faults of `webhook.` and the type of
//! the event.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::super::Paypal;

pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new()
        .route("/_sim/paypal/deliveries", get(deliveries))
        .route("/_sim/paypal/events", get(events))
        .route("/_sim/paypal/root.pem", get(root))
}

/// Every attempt, and how many deliveries are not through.
async fn deliveries(State(paypal): State<Arc<Paypal>>) -> Json<Value> {
    Json(json!({ "attempts": paypal.deliveries(), "undelivered": paypal.undelivered() }))
}

/// Every event of all merchants, oldest first, as it is told.
async fn events(State(paypal): State<Arc<Paypal>>) -> Json<Vec<Value>> {
    Json(paypal.books().records.events.iter().map(|event| event.body.clone()).collect())
}

/// The root certificate that listeners have to trust.
async fn root(State(paypal): State<Arc<Paypal>>) -> Result<impl IntoResponse, StatusCode> {
    let pem = paypal.root().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], pem))
}
