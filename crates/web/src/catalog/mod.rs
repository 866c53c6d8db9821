//! Plans and prices, for operators.

mod markup;
mod new_plan;
mod plan;
pub(crate) mod view;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/operator/plans", plan::list)
        .get("/operator/plans/new", new_plan::form)
        .post("/operator/plans", new_plan::create)
        .get("/operator/plans/{id}", plan::show)
        .post("/operator/plans/{id}/prices", plan::publish)
        .post("/operator/plans/{id}/active", plan::set_active)
}
