//! Provider accounts, for operators.

mod account;
pub(crate) mod view;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/operator/providers", account::list)
        .get("/operator/providers/new", account::form)
        .post("/operator/providers", account::add)
        .get("/operator/providers/{id}", account::show)
        .post("/operator/providers/{id}/validate", account::validate)
        .post("/operator/providers/{id}/rotate", account::rotate)
        .post("/operator/providers/{id}/disable", account::disable)
        .post("/operator/providers/{id}/enable", account::enable)
}
