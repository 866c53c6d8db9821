//! Live updates: one listener per process, fanned out to the open pages.

mod hub;
mod stream;

pub(crate) use hub::Hub;

use crate::routes::Routes;

/// Routes of the area. They answer as long as the page is open, so no time limit may wrap them.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/events", stream::customer).get("/operator/events", stream::operator)
}
