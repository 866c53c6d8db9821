//! People, sessions, keys and organizations.

mod confirmation;
pub(crate) mod limits;
mod operator;
mod security;
mod sign_in;
mod theme;
pub(crate) mod view;

pub(crate) use operator::page as organization_page;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/sign-in", sign_in::form)
        .post("/sign-in", sign_in::sign_in)
        .get("/sign-up", sign_in::new)
        .post("/sign-up", sign_in::sign_up)
        .get("/confirm-email", confirmation::form)
        .post("/confirm-email", confirmation::confirm)
        .post("/settings/confirm-email", confirmation::resend)
        .post("/sign-out", sign_in::sign_out)
        .post("/theme", theme::choose)
        .get("/settings/security", security::show)
        .post("/settings/api-keys", security::create_key)
        .post("/settings/api-keys/{id}/revoke", security::revoke_key)
        .post("/settings/sessions/{id}/revoke", security::revoke_session)
        .get("/operator/organizations", operator::list)
        .get("/operator/organizations/{id}", operator::show)
        .post("/operator/organizations/{id}/limits", limits::set)
        .post("/operator/organizations/{id}/limits/restore", limits::restore)
        .post("/operator/people/{id}/suspend", operator::suspend)
        .post("/operator/people/{id}/resume", operator::resume)
}
