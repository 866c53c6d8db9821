//! A request and an answer, as handlers see them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Twist;

/// A request as handlers see it.
pub(crate) struct Call {
    /// The path segments under `{}` and `{*}`, decoded.
    pub(crate) params: Vec<String>,
    /// The path as it was asked for, with the prefix.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// `null` when the request has no body.
    pub(crate) body: Value,
    /// Virtual time, the same throughout one request.
    pub(crate) now: DateTime<Utc>,
    /// Simulated account; empty for public requests.
    pub(crate) account: String,
    /// A fault the handler has to play.
    pub(crate) twist: Option<Twist>,
}

impl Call {
    /// The path parameter at `index`; empty when there is none.
    pub(crate) fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    /// The path parameter at `index` as a number; `None` means the thing cannot exist.
    pub(crate) fn id(&self, index: usize) -> Option<u64> {
        self.param(index).parse().ok()
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A text field of the body.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.body.get(field).and_then(Value::as_str)
    }

    /// A boolean field of the body, `false` when absent.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.body.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An array field of the body, empty when absent.
    pub(crate) fn list(&self, field: &str) -> &[Value] {
        self.body.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// `http://` and the host the client used, for links in answers.
    pub(crate) fn origin(&self) -> String {
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        format!("http://{host}")
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// `null` means no body.
    pub(crate) body: Value,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, headers: Vec::new() }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Value::Null => Response::new(Body::empty()),
            body => axum::Json(body).into_response(),
        };
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}
