//! Top-ups.

mod top_up;
pub(crate) mod view;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .post("/wallet/top-ups", top_up::begin)
        .get("/wallet/top-ups/{id}", top_up::show)
        .get("/wallet/top-ups/{id}/return", top_up::returned)
        .get("/wallet/top-ups/{id}/cancel", top_up::cancelled)
}
