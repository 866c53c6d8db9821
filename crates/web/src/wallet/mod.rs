//! The wallet and its ledger.

mod campaign;
mod credit;
pub(crate) mod finance;
pub(crate) mod finance_view;
mod ledger;
mod operator;
pub(crate) mod operator_view;
mod show;
pub(crate) mod statement;
mod transaction;
pub(crate) mod transaction_view;
pub(crate) mod view;

pub(crate) use show::{Asked, page, wallet_view};

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/wallet", show::show)
        .get("/wallet/balance", show::balance)
        .get("/wallet/credits", credit::list)
        .post("/wallet/credits", credit::redeem)
        .get("/wallet/transactions/{id}", transaction::show)
        .get("/wallet/ledger", statement::show)
        .get("/wallet/ledger/file", statement::download)
        .get("/statement-keys", statement::keys)
        .get("/operator/transactions/{id}", transaction::show_any)
        .get("/operator/finance", finance::show)
        .get("/operator/finance/csv", finance::show_csv)
        .get("/operator/finance/margin", finance::margin)
        .get("/operator/finance/margin/csv", finance::margin_csv)
        .get("/operator/organizations/{id}/wallet", operator::show)
        .post("/operator/organizations/{id}/credits", operator::grant)
        .post("/operator/organizations/{id}/adjustments", operator::adjust)
        .get("/operator/adjustments", operator::pending)
        .post("/operator/adjustments/{id}/approve", operator::approve)
        .post("/operator/adjustments/{id}/reject", operator::reject)
        .get("/operator/campaigns", campaign::list)
        .post("/operator/campaigns", campaign::create_promotion)
        .post("/operator/campaigns/vouchers", campaign::create_vouchers)
        .post("/operator/campaigns/{id}/disable", campaign::disable)
}
