//! `/_sim/paypal/`: what the payer and the payer's bank do, for tests without a browser.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::Paypal;
use super::order::Instrument;
use super::payment::Settlement;
use super::sim::{SimCapture, SimOrder};

/// The routes.
pub(super) fn router(paypal: Arc<Paypal>) -> Router {
    Router::new()
        .route("/_sim/paypal/orders", get(orders))
        .route("/_sim/paypal/orders/{id}/approve", post(approve))
        .route("/_sim/paypal/captures/{id}/complete", post(complete))
        .route("/_sim/paypal/captures/{id}/deny", post(deny))
        .with_state(paypal)
}

/// How the payer approves; without a body from the balance.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approving {
    /// With an e-check: captures stay pending.
    #[serde(default)]
    pending: bool,
    /// With an instrument that is declined at capture.
    #[serde(default)]
    declined: bool,
}

impl Approving {
    fn instrument(&self) -> Instrument {
        match (self.declined, self.pending) {
            (true, _) => Instrument::Declined,
            (false, true) => Instrument::ECheck,
            (false, false) => Instrument::Balance,
        }
    }
}

async fn orders(State(paypal): State<Arc<Paypal>>) -> Json<Vec<SimOrder>> {
    Json(paypal.orders())
}

/// 404 for an unknown or expired order, 409 for one that is over.
async fn approve(
    State(paypal): State<Arc<Paypal>>,
    Path(id): Path<String>,
    approving: Option<Json<Approving>>,
) -> Result<Json<SimOrder>, StatusCode> {
    let instrument = approving.map(|Json(approving)| approving).unwrap_or_default().instrument();
    paypal.approve(&id, instrument).map(Json)
}

impl Paypal {
    /// The payer approves with this instrument.
    fn approve(&self, id: &str, instrument: Instrument) -> Result<SimOrder, StatusCode> {
        let now = self.now();
        let mut books = self.books();
        let order = books.records.orders.get_mut(id).filter(|order| !order.is_expired(now));
        let order = order.ok_or(StatusCode::NOT_FOUND)?;
        if order.outcome.is_some() {
            return Err(StatusCode::CONFLICT);
        }
        order.approve(instrument, now);
        self.core.changes.mark();
        let order = order.clone();
        Ok(books.sim_order(&order, now))
    }

    /// The payer approves with the money in the account.
    pub(crate) fn approve_with_balance(&self, id: &str) -> bool {
        self.approve(id, Instrument::Balance).is_ok()
    }
}

async fn complete(state: State<Arc<Paypal>>, id: Path<String>) -> Result<Json<SimCapture>, StatusCode> {
    settle(&state, &id, Settlement::Completed)
}

async fn deny(state: State<Arc<Paypal>>, id: Path<String>) -> Result<Json<SimCapture>, StatusCode> {
    settle(&state, &id, Settlement::Declined)
}

/// 404 for an unknown capture, 409 for one that is not pending.
fn settle(paypal: &Paypal, id: &str, settlement: Settlement) -> Result<Json<SimCapture>, StatusCode> {
    let now = paypal.now();
    let mut books = paypal.books();
    let capture = books.records.captures.get_mut(id).ok_or(StatusCode::NOT_FOUND)?;
    if !matches!(capture.settlement.at(now), Settlement::Pending { .. }) {
        return Err(StatusCode::CONFLICT);
    }
    capture.settlement = settlement;
    capture.updated_at = now;
    paypal.core.changes.mark();
    Ok(Json(SimCapture::of(capture, now)))
}
