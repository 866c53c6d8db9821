//! The page that explains the API, written from its OpenAPI document: what holds for all operations,
//! every operation with an example to run, every kind of problem.

mod example;
mod reference;
mod text;

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;

use super::problem;
use crate::access::Public;
use crate::error::{Failure, Result};
use crate::routes::Routes;
use crate::templates::Page;
use crate::toast::see_other;
use reference::Reference;

/// Where the page is.
const HERE: &str = "/api/docs";

/// Pages about the API.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get(HERE, show).get("/problems/{code}", about_problem)
}

/// The page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DocsPage {
    pub(crate) reference: Reference,
    pub(crate) problems: Vec<problem::Kind>,
    /// Where the panel is.
    pub(crate) panel: String,
    pub(crate) signed_in: bool,
}

impl Page for DocsPage {
    const TEMPLATE: &'static str = "api/docs.html";
}

impl DocsPage {
    /// For a panel at an address.
    pub(crate) fn new(panel: &str, signed_in: bool) -> Self {
        static REFERENCE: LazyLock<Reference> = LazyLock::new(|| {
            let document = serde_json::to_value(super::resources().1).unwrap_or_default();
            Reference::of(&document)
        });
        Self {
            reference: REFERENCE.clone(),
            problems: problem::KINDS.to_vec(),
            panel: panel.trim_end_matches('/').to_owned(),
            signed_in,
        }
    }
}

/// Shows it to everybody: it tells nothing that the document does not.
async fn show(visitor: Public) -> Result {
    let panel = visitor.state.app.settings().public_url.as_str();
    visitor.show_with(StatusCode::OK, &DocsPage::new(panel, visitor.session.is_some()))
}

/// Leads from a problem's `type` to what is said about it.
async fn about_problem(_: Public, Path(code): Path<String>) -> Result {
    let known = problem::KINDS.iter().find(|kind| kind.code == code).ok_or(Failure::NOT_FOUND)?;
    Ok(see_other(&format!("{HERE}#problem-{}", known.code)))
}
