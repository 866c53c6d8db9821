//! Refusals as RFC 9457 problem details: one shape for everything that can go wrong.

use std::error::Error as StdError;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::catalog::Price;
use super::value::Amount;
use crate::error::status_of;

/// Media type of all refusals.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal.
#[derive(Debug)]
pub(crate) struct Problem {
    details: Box<Details>,
    retry_after: Option<Duration>,
}

/// Why a request was refused (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Details {
    /// The kind of problem: `/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(example = "/problems/insufficient_funds")]
    kind: String,
    /// The kind of problem in words; the same for every occurrence.
    #[schema(example = "Not enough money")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 402)]
    status: u16,
    /// What is wrong with this request and what to do about it, for people.
    detail: String,
    /// The kind of problem, for programs. Programs should expect new codes.
    #[schema(example = "insufficient_funds")]
    code: &'static str,
    /// The first field, parameter or header that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// All fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// With `insufficient_funds`: what must be available.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<Amount>,
    /// With `insufficient_funds`: what is available.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<Amount>,
    /// ISO 4217 code of the amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// With `price_changed`: the price now in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
}

/// A field that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Its name as in the request, such as `ssh_keys[0]`.
    field: String,
    /// What is wrong, for people.
    message: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let details = Details {
            kind: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            code,
            field: None,
            errors: Vec::new(),
            needed: None,
            available: None,
            currency: None,
            price: None,
        };
        Self { details: Box::new(details), retry_after: None }
    }

    /// There is no such thing in the caller's organization.
    pub(crate) fn not_found() -> Self {
        app::Error::NotFound.into()
    }

    /// There is no valid key or session.
    pub(crate) fn unauthenticated() -> Self {
        app::Error::Unauthenticated.into()
    }

    /// One field, parameter or header is wrong.
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::all_invalid(vec![(field.into(), message.into())])
    }

    /// These fields are wrong.
    pub(crate) fn all_invalid(fields: Vec<(String, String)>) -> Self {
        let detail = match fields.as_slice() {
            [(field, message)] => format!("{field}: {message}"),
            _ => "Several fields are not right; see errors.".to_owned(),
        };
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", title_of("invalid"), detail);
        problem.details.field = fields.first().map(|(field, _)| field.clone());
        problem.details.errors =
            fields.into_iter().map(|(field, message)| FieldError { field, message }).collect();
        problem
    }

    /// The body could not be read.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The body cannot be read", detail)
    }

    /// The body is too long.
    pub(super) fn too_large() -> Self {
        let detail = format!("Send at most {} bytes.", super::BODY_MAX);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too long", detail)
    }

    /// The body is not JSON.
    pub(super) fn not_json() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body is not JSON",
            "Send JSON with Content-Type: application/json.",
        )
    }

    /// The address exists, the method does not.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method not allowed",
            "This address does not answer to that method; see the Allow header.",
        )
    }

    /// There is nothing at this address.
    pub(super) fn no_route(path: &str) -> Self {
        let detail = format!("There is no {path}. /api/openapi.json lists what there is.");
        Self::new(StatusCode::NOT_FOUND, "not_found", title_of("not_found"), detail)
    }

    /// Our fault. The cause goes to the log only.
    pub(super) fn internal(error: &(dyn StdError + 'static)) -> Self {
        tracing::error!(error, "an API request failed");
        Self::bare(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A status without a story: of layers in front of the API.
    fn bare(status: StatusCode) -> Self {
        let (code, title, detail) = match status.as_u16() {
            403 => ("forbidden", "Not allowed", "The request came from another site."),
            408 | 503 | 504 => ("overloaded", "Busy", "This took too long. Please try again in a moment."),
            413 => return Self::too_large(),
            400..500 => ("rejected", "The request was rejected", "The request cannot be processed."),
            _ => (
                "internal",
                "Something went wrong",
                "Something went wrong on our side. Please try again; with an Idempotency-Key that is safe.",
            ),
        };
        Self::new(status, code, title, detail)
    }

    /// Says which currency its amounts are in.
    #[must_use]
    pub(super) fn in_currency(mut self, code: String) -> Self {
        self.details.currency = Some(code);
        self
    }

    /// Says which price is in force now.
    #[must_use]
    pub(super) fn with_price(mut self, price: Option<Price>) -> Self {
        self.details.price = price;
        self
    }

    /// As programs read it.
    #[cfg(test)]
    pub(super) fn shown(&self) -> serde_json::Value {
        serde_json::to_value(&self.details).expect("problems are JSON")
    }
}

/// A kind of problem, as the documentation lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Kind {
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
}

const fn kind(code: &'static str, status: u16, title: &'static str, meaning: &'static str) -> Kind {
    Kind { code, status, title, meaning }
}

/// Every kind of problem there is.
pub(super) const KINDS: &[Kind] = &[
    kind("malformed", 400, "The body cannot be read", "The body is not JSON. Nothing was done."),
    kind(
        "unauthenticated",
        401,
        "Not authenticated",
        "The key or session is missing, wrong, over or revoked.",
    ),
    kind("insufficient_funds", 402, "Not enough money", "The wallet must hold `needed`; it has `available`."),
    kind(
        "forbidden",
        403,
        "Not allowed",
        "The role of the person behind the key or session lacks the permission.",
    ),
    kind("not_found", 404, "Not found", "There is nothing at this address, or it belongs to somebody else."),
    kind(
        "method_not_allowed",
        405,
        "Method not allowed",
        "The header Allow lists what this address answers to.",
    ),
    kind(
        "price_changed",
        409,
        "The price has changed",
        "Look at `price`, the one now in force, and order again.",
    ),
    kind(
        "not_available",
        409,
        "Not available",
        "What was chosen cannot be ordered now. Choose something else.",
    ),
    kind(
        "billing_profile_needed",
        409,
        "Billing details are needed",
        "Set the billing profile: the tax on a payment depends on its country.",
    ),
    kind("not_left", 409, "More than is left", "Less is left of the payment than was to go back."),
    kind("not_set_up", 409, "Not set up yet", "What you ask for is not offered here yet. Ask support."),
    kind("busy", 409, "Another action is under way", "Try again when the open action is done."),
    kind("not_active", 409, "The VPS is not active", "Possible from when a VPS is made until it is deleted."),
    kind("resizing", 409, "It is being resized", "Possible once that is done."),
    kind(
        "backups",
        409,
        "The VPS has backups",
        "Their price depends on its plan. Possible once they are switched off.",
    ),
    kind("suspended", 409, "The VPS is suspended", "The detail says why, and what ends it."),
    kind("gone", 409, "It does not exist any more", "It was deleted before, or could not be made."),
    kind("already_redeemed", 409, "Redeemed before", "An organization redeems a code once."),
    kind(
        "new_organizations_only",
        409,
        "For new organizations",
        "The code is for organizations made since the offer began.",
    ),
    kind("too_large", 413, "The body is too long", "Send at most 256 KiB."),
    kind("unsupported_media_type", 415, "The body is not JSON", "Send Content-Type: application/json."),
    kind(
        "invalid",
        422,
        "The request has wrong values",
        "The list errors names each field, parameter or header.",
    ),
    kind("too_many_requests", 429, "Too many requests", "A limit is used up; Retry-After says for how long."),
    kind("rejected", 400, "The request was rejected", "The request is not one that the API can process."),
    kind(
        "internal",
        500,
        "Something went wrong",
        "It is our fault. Repeat it; with an Idempotency-Key that is safe.",
    ),
    kind("overloaded", 503, "Busy", "This took too long. Try again in a moment."),
];

fn title_of(code: &str) -> &'static str {
    KINDS.iter().find(|kind| kind.code == code).map_or("Not possible now", |kind| kind.title)
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        let (status, code, text) = (status_of(&error), error.code(), error.public_message());
        let plain = |text: &str| Self::new(status, code, title_of(code), text);
        match error {
            app::Error::Invalid { field, .. } => Self::invalid(field, text),
            app::Error::Unauthenticated => plain("Send a valid API key: Authorization: Bearer skp_…"),
            app::Error::InsufficientFunds { needed, available } => {
                let mut problem = plain(&text);
                problem.details.needed = Some(Amount(needed));
                problem.details.available = Some(Amount(available));
                problem
            }
            app::Error::TooManyRequests { retry_after } => {
                Self { retry_after: Some(retry_after), ..plain(&text) }
            }
            app::Error::Internal(source) => Self::internal(&*source),
            app::Error::Forbidden
            | app::Error::NotFound
            | app::Error::Conflict { .. }
            | app::Error::StalePrice => plain(&text),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        app::Error::from(error).into()
    }
}

impl From<domain::money::Overflow> for Problem {
    fn from(error: domain::money::Overflow) -> Self {
        Self::internal(&error)
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.details)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}

/// Is the address one of the API?
pub(crate) fn is_inside(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// The answer of a layer in front of the API (time-out, panic, request from a foreign site), which
/// has no body of its own, as a problem. `None` for answers outside of the API.
pub(crate) fn instead_of_page(path: &str, status: StatusCode) -> Option<Response> {
    is_inside(path).then(|| Problem::bare(status).into_response())
}

#[cfg(test)]
mod tests;
