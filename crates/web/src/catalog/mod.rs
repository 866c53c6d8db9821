//! Plans and prices, for operators.

mod markup;
mod moves;
pub(crate) mod moves_view;
mod new_plan;
mod plan;
mod publish;
pub(crate) mod view;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/operator/plans", plan::list)
        .get("/operator/plans/new", new_plan::form)
        .post("/operator/plans", new_plan::create)
        .get("/operator/plans/{id}", plan::show)
        .get("/operator/plans/{id}/prices", publish::preview)
        .post("/operator/plans/{id}/prices", publish::publish)
        .post("/operator/plans/{id}/prices/withdraw", publish::withdraw)
        .get("/operator/plans/{id}/moves", moves::show)
        .get("/operator/plans/{id}/moves/csv", moves::show_csv)
        .post("/operator/plans/{id}/moves", moves::announce)
        .post("/operator/plans/{id}/moves/cancel", moves::cancel)
        .post("/operator/plans/{id}/active", plan::set_active)
}
