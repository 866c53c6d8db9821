//! What becomes of refunds that do not go through at once.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use super::super::Paypal;
use super::super::payment::RefundState;
use super::payments::Later;

pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new()
        .route("/_sim/paypal/refunds/{id}/complete", post(complete))
        .route("/_sim/paypal/refunds/{id}/fail", post(fail))
}

async fn complete(
    state: State<Arc<Paypal>>,
    id: Path<String>,
    later: Option<Json<Later>>,
) -> Result<Json<Value>, StatusCode> {
    settle(&state, &id, RefundState::Completed, later)
}

async fn fail(
    state: State<Arc<Paypal>>,
    id: Path<String>,
    later: Option<Json<Later>>,
) -> Result<Json<Value>, StatusCode> {
    settle(&state, &id, RefundState::Failed, later)
}

/// 404 for an unknown refund, 409 for one that is not pending.
fn settle(
    paypal: &Paypal,
    id: &str,
    state: RefundState,
    later: Option<Json<Later>>,
) -> Result<Json<Value>, StatusCode> {
    let now = paypal.now();
    let mut books = paypal.books();
    books.pass(now);
    let refund = books.records.refunds.get_mut(id).ok_or(StatusCode::NOT_FOUND)?;
    if !matches!(refund.state, RefundState::Pending { .. }) {
        return Err(StatusCode::CONFLICT);
    }
    match later.and_then(|Json(later)| later.delay()) {
        Some(delay) => {
            refund.state =
                RefundState::Pending { until: Some(now + delay), fails: state == RefundState::Failed };
            paypal.core.changes.mark();
        }
        None => books.settle_refund(id, state, now),
    }
    let refund = books.records.refunds.get(id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(books.refund_json(refund, &books.aside(&refund.account, now))))
}
