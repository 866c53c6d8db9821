//! What payers and their banks do.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::TimeDelta;
use serde::Deserialize;

use super::super::Paypal;
use super::super::event_type::EventType;
use super::super::order::Instrument;
use super::super::payment::Settlement;
use super::super::sim::{SimCapture, SimOrder};

pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new()
        .route("/_sim/paypal/orders", get(orders))
        .route("/_sim/paypal/orders/{id}/approve", post(approve))
        .route("/_sim/paypal/captures/{id}/complete", post(complete))
        .route("/_sim/paypal/captures/{id}/deny", post(deny))
        .route("/_sim/paypal/captures/{id}/decline", post(decline))
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
        let order = books.records.orders.get(id).filter(|order| !order.is_expired(now));
        let order = order.ok_or(StatusCode::NOT_FOUND)?;
        if order.outcome.is_some() {
            return Err(StatusCode::CONFLICT);
        }
        let order = books.approve(id, instrument, now).ok_or(StatusCode::NOT_FOUND)?.clone();
        Ok(books.sim_order(&order, now))
    }

    /// The payer approves with the money in the account.
    pub(crate) fn approve_with_balance(&self, id: &str) -> bool {
        self.approve(id, Instrument::Balance).is_ok()
    }
}

/// When it happens; without a body at once.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Later {
    /// In virtual time.
    #[serde(default)]
    after_seconds: Option<u32>,
}

impl Later {
    pub(super) fn delay(&self) -> Option<TimeDelta> {
        self.after_seconds.map(|seconds| TimeDelta::seconds(seconds.into()))
    }
}

type Settled = Result<Json<SimCapture>, StatusCode>;

/// The payer's bank pays what is pending.
async fn complete(state: State<Arc<Paypal>>, id: Path<String>, later: Option<Json<Later>>) -> Settled {
    settle(&state, &id, Settlement::Completed, EventType::CaptureDenied, later)
}

/// The payer's bank does not pay.
async fn deny(state: State<Arc<Paypal>>, id: Path<String>, later: Option<Json<Later>>) -> Settled {
    settle(&state, &id, Settlement::Declined, EventType::CaptureDenied, later)
}

/// As [`deny`], under the other name that PayPal's documents have for it.
async fn decline(state: State<Arc<Paypal>>, id: Path<String>) -> Settled {
    settle(&state, &id, Settlement::Declined, EventType::CaptureDeclined, None)
}

/// 404 for an unknown capture, 409 for one that is not pending.
fn settle(
    paypal: &Paypal,
    id: &str,
    settlement: Settlement,
    refusal: EventType,
    later: Option<Json<Later>>,
) -> Settled {
    let now = paypal.now();
    let mut books = paypal.books();
    books.pass(now);
    let capture = books.records.captures.get_mut(id).ok_or(StatusCode::NOT_FOUND)?;
    if !matches!(capture.settlement, Settlement::Pending { .. }) {
        return Err(StatusCode::CONFLICT);
    }
    match later.and_then(|Json(later)| later.delay()) {
        Some(delay) => {
            let denied = settlement == Settlement::Declined;
            capture.settlement = Settlement::Pending { until: Some(now + delay), denied };
            paypal.core.changes.mark();
        }
        None => books.settle(id, settlement, refusal, now),
    }
    let capture = books.records.captures.get(id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(SimCapture::of(capture, now)))
}
