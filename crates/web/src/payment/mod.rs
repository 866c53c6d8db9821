//! Top-ups.

mod auto;
pub(crate) mod auto_view;
mod operator;
pub(crate) mod operator_view;
mod top_up;
pub(crate) mod view;
mod webhook;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .post("/wallet/top-ups", top_up::begin)
        .get("/wallet/top-ups/{id}", top_up::show)
        .get("/wallet/top-ups/{id}/return", top_up::returned)
        .get("/wallet/top-ups/{id}/cancel", top_up::cancelled)
        .get("/wallet/auto-top-up", auto::show)
        .post("/wallet/auto-top-up", auto::save)
        .post("/wallet/auto-top-up/off", auto::turn_off)
        .get("/wallet/auto-top-up/return", auto::returned)
        .get("/wallet/auto-top-up/cancel", auto::cancelled)
        .post("/webhooks/payments", webhook::receive)
        .get("/operator/payments", operator::show)
        .get("/operator/organizations/{id}/payments", operator::organization)
        .post("/operator/organizations/{id}/refunds", operator::refund)
}
