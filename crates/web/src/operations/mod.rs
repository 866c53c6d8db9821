//! What operators watch and repair: alarms, jobs and metrics.

mod jobs;
pub(crate) mod metrics;
pub(crate) mod view;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/metrics", metrics::show)
        .get("/operator/jobs", jobs::list)
        .get("/operator/jobs/{id}", jobs::show)
        .post("/operator/jobs/{id}/retry", jobs::retry)
        .get("/operator/jobs/{id}/discard", jobs::discard_form)
        .post("/operator/jobs/{id}/discard", jobs::discard)
}
