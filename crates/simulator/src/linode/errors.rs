//! Linode's error bodies: `{"errors": [{"field"?, "reason"}]}`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::core::Refusal;
use crate::core::service::Reply;

/// 400 for the request as a whole.
pub(super) fn general(reason: &str) -> Reply {
    errors(StatusCode::BAD_REQUEST, &[json!({ "reason": reason })])
}

/// 400 for one field.
pub(super) fn field(field: &str, reason: &str) -> Reply {
    errors(StatusCode::BAD_REQUEST, &[entry(field, reason)])
}

/// One element of the list of errors.
pub(super) fn entry(field: &str, reason: &str) -> Value {
    json!({ "field": field, "reason": reason })
}

/// 400 with everything that is wrong at once.
pub(super) fn all(entries: &[Value]) -> Reply {
    errors(StatusCode::BAD_REQUEST, entries)
}

/// A job is running on the instance.
pub(super) fn busy() -> Reply {
    general("Linode busy.")
}

pub(super) fn not_found() -> Reply {
    errors(StatusCode::NOT_FOUND, &[json!({ "reason": "Not found" })])
}

pub(super) fn unauthorized() -> Reply {
    errors(StatusCode::UNAUTHORIZED, &[json!({ "reason": "Invalid Token" })])
}

/// No room for a plan in a region. The sentence is ours: Linode documents no fixed one.
pub(super) fn sold_out() -> Reply {
    field("region", "This region has insufficient capacity for the selected plan. Choose another region.")
}

pub(super) fn refuse(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::RateLimited => {
            errors(StatusCode::TOO_MANY_REQUESTS, &[json!({ "reason": "Too many requests" })])
        }
        Refusal::Server(status) => errors(status, &[json!({ "reason": reason_of(status) })]),
        Refusal::SoldOut => sold_out(),
    }
}

fn reason_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => "Internal Server Error",
        StatusCode::SERVICE_UNAVAILABLE => "The service is temporarily unavailable.",
        other => other.canonical_reason().unwrap_or("Error"),
    }
}

fn errors(status: StatusCode, entries: &[Value]) -> Reply {
    Reply::new(status, json!({ "errors": entries }))
}
