//! Live updates: one listener per process, fanned out to the open pages. And the outbox.

mod hub;
mod mail;
pub(crate) mod mail_view;
mod seats;
mod stream;

pub(crate) use hub::Hub;

use crate::routes::Routes;

/// Pages of the area.
pub(crate) fn pages(routes: Routes) -> Routes {
    routes.get("/operator/mails", mail::list).post("/operator/mails/{id}/resend", mail::resend)
}

/// Streams of the area. They answer as long as the page is open, so no time limit may wrap them.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/events", stream::customer).get("/operator/events", stream::operator)
}
