//! Answers to requests that may come twice.

use std::future::Future;

use app::identity::idempotency::remember;
use app::{Done, IdempotencyKey};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use uuid::Uuid;

use super::access::Client;
use super::{Problem, ROOT};

/// Answers that something was made. With a key, the first answer is kept and given to everybody
/// who comes with the same request, also while the first one is still on its way.
pub(crate) async fn created<T, V>(
    client: &Client,
    key: Option<&IdempotencyKey>,
    done: Done<T>,
    list: &str,
    show: impl Future<Output = Result<V, Problem>>,
) -> Result<Response, Problem>
where
    T: Copy + Into<Uuid>,
    V: Serialize,
{
    let location = location(list, done.effect());
    let (status, body) = match (done, key) {
        (Done::Before { answer: Some(answer), .. }, _) => answer,
        (_, None) => (StatusCode::CREATED.as_u16(), serde_json::to_value(show.await?)?),
        (_, Some(key)) => {
            let body = serde_json::to_value(show.await?)?;
            remember(client.app(), &client.caller, key, StatusCode::CREATED.as_u16(), &body).await?
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CREATED);
    Ok((status, [(header::LOCATION, location)], Json(body)).into_response())
}

/// Address of a member of a list.
pub(crate) fn location(list: &str, id: impl Into<Uuid>) -> HeaderValue {
    let text = format!("{ROOT}{list}/{}", id.into());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(ROOT))
}
