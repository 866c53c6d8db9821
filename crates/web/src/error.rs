//! What a page can fail with, and how it is shown. The only place that maps refusals to statuses.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;

use crate::cookie::Cookies;
use crate::frame::Frame;
use crate::templates::Page;
use crate::{WebState, api, limits};

/// A page that cannot be shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A use case refused.
    Refused(app::Error),
    /// Our fault.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// Result of a handler.
pub(crate) type Result<T = Response, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// There is no such thing, or it is not the asker's.
    pub(crate) const NOT_FOUND: Self = Self::Refused(app::Error::NotFound);
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Internal(source) => Self::Internal(source),
            refusal => Self::Refused(refusal),
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        app::Error::from(error).into()
    }
}

impl From<minijinja::Error> for Failure {
    fn from(error: minijinja::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<domain::money::Overflow> for Failure {
    fn from(error: domain::money::Overflow) -> Self {
        Self::Internal(error.into())
    }
}

/// The status that goes with a refusal.
pub(crate) fn status_of(error: &app::Error) -> StatusCode {
    use app::Error as E;
    match error {
        E::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        E::Unauthenticated => StatusCode::UNAUTHORIZED,
        E::Forbidden => StatusCode::FORBIDDEN,
        E::NotFound => StatusCode::NOT_FOUND,
        E::Conflict { .. } | E::StalePrice => StatusCode::CONFLICT,
        E::InsufficientFunds { .. } => StatusCode::PAYMENT_REQUIRED,
        E::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
        E::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Travels with an error response to [`error_pages`].
#[derive(Debug, Clone)]
struct PublicMessage(String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(error) => {
                let mut response = status_of(&error).into_response();
                if let app::Error::TooManyRequests { retry_after } = &error {
                    retry_header(&mut response, *retry_after);
                }
                response.extensions_mut().insert(PublicMessage(error.public_message()));
                response
            }
            Self::Internal(source) => {
                tracing::error!(error = app::full(&*source), "a page failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

fn retry_header(response: &mut Response, after: Duration) {
    if let Ok(seconds) = HeaderValue::from_str(&after.as_secs().max(1).to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
}

/// The page shown when something cannot be shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ErrorPage {
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    pub(crate) text: String,
    pub(crate) request_id: Option<String>,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}

/// Gives every failed answer that has no body of its own a page: refusals of handlers, unknown
/// addresses, time-outs, panics, requests from foreign sites.
pub(crate) async fn error_pages(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let theme = Cookies::of(request.headers()).theme();
    let request_id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let (status, headers) = (response.status(), response.headers());
    let own_body =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || own_body {
        return response;
    }
    if let Some(problem) = api::instead_of_page(&path, status) {
        return problem;
    }
    let said = response.extensions().get::<PublicMessage>().map(|m| m.0.clone());
    let (title, text) = words(status);
    let page = ErrorPage {
        status: status.as_u16(),
        title,
        text: said.unwrap_or_else(|| text.to_owned()),
        request_id: request_id.filter(|_| status.is_server_error()),
    };
    let frame = Frame::bare(state.app.settings(), theme);
    let mut shown = match state.templates.render(&frame, &page) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = app::full(&error), "the error page failed");
            (status, title).into_response()
        }
    };
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, limits::POLICY, limits::STANDING] {
        if let Some(value) = headers.get(&name) {
            shown.headers_mut().insert(name, value.clone());
        }
    }
    shown
}

fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        401 => ("Please sign in", "You are not signed in, or your session is over."),
        403 => ("Not allowed", "Your role does not allow this, or the request came from another site."),
        404 => ("Not found", "There is nothing at this address, or you may not see it."),
        405 => ("Not possible", "This address does not take that kind of request."),
        409 => ("Not possible now", "Something has changed in the meantime. Go back, reload and try again."),
        413 => ("Too large", "The request is larger than we accept."),
        429 => ("Too many requests", "Please wait a moment and try again."),
        503 | 504 | 408 => ("Busy", "This took too long. Please try again in a moment."),
        400..=499 => ("Not understood", "The request is not complete. Go back and try again."),
        _ => (
            "Something went wrong",
            "It is not your fault. Please try again; if it stays like this, tell us.",
        ),
    }
}
