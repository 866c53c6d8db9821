//! DigitalOcean's error bodies: `{"id", "message", "request_id"}`. No field is named, only the sentence tells.

use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::core::Refusal;
use crate::core::service::Reply;

pub(super) fn not_found() -> Reply {
    error(StatusCode::NOT_FOUND, "not_found", "The resource you requested could not be found.")
}

pub(super) fn unauthorized() -> Reply {
    error(StatusCode::UNAUTHORIZED, "unauthorized", "Unable to authenticate you")
}

pub(super) fn bad_request(message: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, "bad_request", message)
}

/// 422: understood and refused.
pub(super) fn unprocessable(message: &str) -> Reply {
    error(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable_entity", message)
}

/// An action is in progress on the droplet.
pub(super) fn pending() -> Reply {
    unprocessable("Droplet already has a pending event.")
}

/// No room for a size in a region.
pub(super) fn sold_out() -> Reply {
    unprocessable("Size is not available in this region.")
}

pub(super) fn refuse(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::RateLimited => {
            error(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "API Rate limit exceeded.")
        }
        Refusal::Server(StatusCode::SERVICE_UNAVAILABLE) => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "service_unavailable",
            "The service is temporarily unavailable.",
        ),
        Refusal::Server(status) => error(status, "server_error", "Server was unable to give you a response."),
        Refusal::SoldOut => sold_out(),
    }
}

fn error(status: StatusCode, id: &str, message: &str) -> Reply {
    Reply::new(status, json!({ "id": id, "message": message, "request_id": Uuid::new_v4() }))
}
