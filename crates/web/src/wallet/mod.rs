//! The wallet and its ledger.

pub(crate) mod finance;
pub(crate) mod finance_view;
mod show;
pub(crate) mod view;

pub(crate) use show::{Asked, page, wallet_view};

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/wallet", show::show)
        .get("/wallet/balance", show::balance)
        .get("/operator/finance", finance::show)
        .get("/operator/finance/csv", finance::show_csv)
        .get("/operator/finance/margin", finance::margin)
        .get("/operator/finance/margin/csv", finance::margin_csv)
}
