//! All routes and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::error::{Failure, error_pages};
use crate::routes::{Route, Routes};
use crate::{
    WebState, activity, api, assets, billing, catalog, dashboard, identity, limits, notify, operations,
    overview, payment, provider, vps, wallet,
};

/// Longest body of a request, in bytes.
const BODY_MAX: usize = 256 * 1024;
/// Longest time a page may take.
const PAGE_TIME: Duration = Duration::from_secs(30);

fn page_routes() -> Routes {
    Routes::default()
        .add(dashboard::routes)
        .add(identity::routes)
        .add(vps::routes)
        .add(wallet::routes)
        .add(billing::routes)
        .add(payment::routes)
        .add(activity::routes)
        .add(overview::routes)
        .add(notify::pages)
        .add(operations::routes)
        .add(provider::routes)
        .add(catalog::routes)
        .add(api::docs::routes)
}

fn stream_routes() -> Routes {
    Routes::default().add(notify::routes)
}

/// Every page and stream, and who may call it.
pub fn routes() -> Vec<Route> {
    [page_routes(), stream_routes()].into_iter().flat_map(|routes| routes.finish().1).collect()
}

/// The whole service: pages, streams, API, assets and health.
pub fn router(state: WebState) -> Router {
    let pages = page_routes()
        .finish()
        .0
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PAGE_TIME));
    let streams = stream_routes().finish().0;
    let request_id = HeaderName::from_static("x-request-id");
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(request_id.clone(), MakeRequestUuid))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(PropagateRequestIdLayer::new(request_id))
        .layer(middleware::from_fn_with_state(Policy::new(&state), security_headers))
        .layer(middleware::from_fn_with_state(state.clone(), operations::metrics::count))
        // The usual level takes several times as long, for answers that are smaller by a quarter.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn_with_state(state.clone(), error_pages))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(foreign_sites(&state))
        .layer(DefaultBodyLimit::max(BODY_MAX));
    pages
        .merge(streams)
        .merge(api::router(&state))
        .fallback(|| async { Failure::NOT_FOUND })
        // Assets are files in memory, the same for all, and health must answer the more the busier we
        // are: the routes below are not counted.
        .layer(middleware::from_fn_with_state(state.clone(), limits::limit))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .route("/assets/{build}/{*name}", get(assets::serve))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .layer(layers)
        .with_state(state)
}

/// Can requests be served: does the database answer?
async fn ready(State(state): State<WebState>) -> Response {
    match state.reads.ping().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::warn!(error = app::full(&error), "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::CONTENT_TYPE, "application/json")],
                r#"{"ready":false}"#,
            )
                .into_response()
        }
    }
}

/// Path without query: queries may hold what people typed.
fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the cause over")]
fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = cause.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Refuses changes that other sites ask a browser for, by what the browser says of their origin.
fn foreign_sites(state: &WebState) -> CsrfLayer {
    let own = state.app.settings().public_url.origin().ascii_serialization();
    CsrfLayer::new().add_trusted_origin(&own).unwrap_or_else(|error| {
        tracing::warn!(error = app::full(&error), "the public address has no origin");
        CsrfLayer::new()
    })
}

/// What browsers are told to refuse.
#[derive(Debug, Clone)]
struct Policy {
    content: HeaderValue,
    secure: bool,
}

impl Policy {
    /// Scripts, styles and fonts come from us alone; no other site may frame a page. A logo from
    /// elsewhere is the one exception.
    fn new(state: &WebState) -> Self {
        let settings = state.app.settings();
        let logo = settings.company_logo.as_deref().and_then(|logo| logo.parse::<url::Url>().ok());
        let logo = logo.map(|url| url.origin().ascii_serialization()).filter(|origin| origin != "null");
        let content = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; \
             img-src 'self' data: {}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            logo.unwrap_or_default()
        );
        let fallback = HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'");
        Self { content: HeaderValue::from_str(&content).unwrap_or(fallback), secure: state.is_secure() }
    }
}

async fn security_headers(
    State(policy): State<Policy>,
    request: Request,
    next: middleware::Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.content);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if policy.secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;

    #[test]
    fn every_route_is_listed_once_and_nothing_changes_by_get() {
        let routes = routes();
        for route in &routes {
            let same = |other: &&Route| (other.method, other.path) == (route.method, route.path);
            assert_eq!(routes.iter().filter(same).count(), 1, "{} {}", route.method, route.path);
        }
        assert!(routes.len() > 40, "{}", routes.len());
    }

    #[test]
    fn operators_pages_are_for_operators_and_only_gates_are_public() {
        for route in routes() {
            let for_operators = route.path.starts_with("/operator");
            assert_eq!(route.access == Access::Operator, for_operators, "{} {}", route.method, route.path);
            if route.access == Access::Public {
                let gates = [
                    "/sign-in",
                    "/sign-up",
                    "/theme",
                    "/confirm-email",
                    "/webhooks/payments",
                    "/api/docs",
                    "/problems/{code}",
                    "/statement-keys",
                ];
                assert!(gates.contains(&route.path), "{}", route.path);
            }
        }
    }
}
