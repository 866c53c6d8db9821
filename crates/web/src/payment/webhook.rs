//! Where the payment gateway tells what happened. Whoever tells it is not believed: a job asks.

use std::collections::BTreeMap;

use app::payment::webhook::{self, Answer};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;

use crate::access::Public;
use crate::error::Result;

/// Keeps a message and answers at once. What is not answered with 2xx is told again later.
pub(crate) async fn receive(visitor: Public, headers: HeaderMap, body: Bytes) -> Result {
    let headers: BTreeMap<String, String> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let (status, words) = match webhook::receive(&visitor.state.app, headers, &body).await? {
        Answer::Kept => (StatusCode::OK, ""),
        Answer::Off => (StatusCode::SERVICE_UNAVAILABLE, "No webhook is configured here."),
        Answer::Malformed => (StatusCode::BAD_REQUEST, "This is no event."),
        Answer::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "This is too long for an event."),
        Answer::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too many events wait. Come again later."),
    };
    Ok((status, words).into_response())
}
