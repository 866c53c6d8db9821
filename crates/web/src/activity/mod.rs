//! The audit trail.

mod list;
pub(crate) mod view;
pub(crate) mod words;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/activity", list::list).get("/operator/activity", list::list_all)
}
