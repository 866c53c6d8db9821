//! How far reports are behind.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::super::Paypal;

pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new().route("/_sim/paypal/reporting", post(set))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reporting {
    /// In virtual time; PayPal's reports are up to three hours behind. 0 at the start.
    lag_seconds: u32,
}

async fn set(State(paypal): State<Arc<Paypal>>, Json(reporting): Json<Reporting>) -> StatusCode {
    paypal.books().records.reporting_lag_seconds = reporting.lag_seconds;
    paypal.core.changes.mark();
    StatusCode::NO_CONTENT
}
