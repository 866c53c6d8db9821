//! The wallet and its ledger.

mod show;
pub(crate) mod view;

pub(crate) use show::{Asked, page, wallet_view};

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/wallet", show::show).get("/wallet/balance", show::balance)
}
