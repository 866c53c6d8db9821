//! Receipts, credit notes and statements, whom they are made out to, and tax; what is unpaid, and the terms of payment.

mod document;
mod operator;
mod overview;
pub(crate) mod pdf;
mod profile;
mod tax;
mod terms;
mod unpaid;
pub(crate) mod unpaid_view;
pub(crate) mod view;

pub(crate) use document::preview_of;
pub(crate) use tax::lines;
pub(crate) use terms::of as terms_of;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/billing", overview::show)
        .get("/billing/tax", tax::show)
        .get("/billing/details", profile::form)
        .post("/billing/details", profile::save)
        .get("/billing/preview", document::preview)
        .get("/billing/documents/{id}", document::show)
        .get("/billing/documents/{id}/pdf", document::pdf)
        .get("/billing/documents/{id}/csv", document::csv)
        .get("/operator/taxes", operator::taxes)
        .post("/operator/taxes", operator::publish)
        .get("/operator/taxes/documents/csv", operator::month_csv)
        .get("/operator/organizations/{id}/documents", operator::documents)
        .get("/operator/documents/{id}", operator::document)
        .get("/operator/documents/{id}/pdf", operator::pdf)
        .get("/operator/unpaid", unpaid::show)
        .post("/operator/organizations/{id}/terms", terms::set)
}
