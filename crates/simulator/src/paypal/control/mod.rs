//! `/_sim/paypal/`: what payers, their banks and PayPal do by themselves, for tests without a browser.

mod disputes;
mod payments;
mod refunds;
mod reporting;
mod vault;
mod webhooks;

use std::sync::Arc;

use axum::Router;

use super::Paypal;

/// The routes.
pub(super) fn router(paypal: Arc<Paypal>) -> Router {
    payments::router()
        .merge(refunds::router())
        .merge(disputes::router())
        .merge(reporting::router())
        .merge(vault::router())
        .merge(webhooks::router())
        .with_state(paypal)
}
