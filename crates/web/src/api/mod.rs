//! The REST API under `/api/v1`: what a customer can do, for programs.
//!
//! One file per resource holds its JSON, its handlers and their documentation. A handler's first
//! parameter says who may call it ([`access`]); [`endpoints`] turns that into the document, too.
//! Everything that goes wrong is answered as `application/problem+json` ([`problem`]).

mod access;
mod activity;
mod auto_top_up;
mod billing;
mod catalog;
mod charge;
mod credit;
pub(crate) mod docs;
mod document;
mod endpoints;
mod idempotency;
mod identity;
mod input;
mod page;
mod payment;
mod problem;
#[cfg(test)]
mod tests;
mod value;
mod vps;
mod wallet;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use bytes::Bytes;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::openapi::OpenApi;

use crate::WebState;
use endpoints::Endpoints;
pub(crate) use problem::{Problem, instead_of_page, is_inside};

/// Where the resources are.
const ROOT: &str = "/api/v1";

/// Longest body in bytes: user data of 60 KiB still fits when JSON escapes most of it.
const BODY_MAX: usize = 256 * 1024;

/// Longest time a request may take.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Everything under `/api`.
pub(crate) fn router(state: &WebState) -> Router<WebState> {
    let (router, mut document) = resources();
    document.info.title = format!("{} API", state.app.settings().company_name);
    let text = document.to_json().map(Bytes::from).map_err(Arc::new);
    let serve = async move || match text {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => Problem::internal(&*error).into_response(),
    };
    router
        .route("/api/openapi.json", get(serve))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIME_MAX))
}

/// The resources, the answers to addresses that do not exist, and the document of it all.
fn resources() -> (Router<WebState>, OpenApi) {
    let (router, document) = Endpoints::default()
        .with(identity::endpoints)
        .with(catalog::endpoints)
        .with(vps::endpoints)
        .with(wallet::endpoints)
        .with(charge::endpoints)
        .with(payment::endpoints)
        .with(auto_top_up::endpoints)
        .with(billing::endpoints)
        .with(credit::endpoints)
        .with(activity::endpoints)
        .finish();
    let router = router
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .route("/api", any(unknown))
        .route("/api/", any(unknown))
        .route("/api/{*path}", any(unknown))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ));
    (router, document)
}

async fn unknown(uri: Uri) -> Problem {
    Problem::no_route(uri.path())
}
