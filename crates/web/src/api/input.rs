//! Reading what programs send: ids in paths, queries, JSON bodies. What is wrong is named.

use std::collections::HashMap;
use std::str::FromStr;

use app::IdempotencyKey;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::IntoParams;

use super::Problem;
use crate::WebState;
use crate::form::sentence;

/// The id in a path. What is no id does not exist.
pub(crate) struct Id<T>(pub(crate) T);

/// One id of a path that holds several.
pub(crate) async fn path_part<T: FromStr>(
    parts: &mut Parts,
    state: &WebState,
    name: &str,
) -> Result<T, Problem> {
    let Path(path) = Path::<HashMap<String, String>>::from_request_parts(parts, state)
        .await
        .map_err(|_| Problem::not_found())?;
    path.get(name).and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)
}

impl<T: FromStr> FromRequestParts<WebState> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        path_part(parts, state, "id").await.map(Self)
    }
}

/// The query of an address. Unknown parameters are refused, so that a misspelled filter does not
/// go unnoticed.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<WebState> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// A character that the database cannot hold.
const NUL: char = '\0';

fn no_nul(field: String) -> Problem {
    Problem::invalid(field, "The character NUL is not allowed.")
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut parts = url::form_urlencoded::parse(query.as_bytes());
    if let Some((name, _)) = parts.find(|(name, value)| name.contains(NUL) || value.contains(NUL)) {
        return Err(no_nul(name.replace(NUL, "")));
    }
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let message = error.inner().to_string();
        let field = field_of(error.path(), &message).unwrap_or_else(|| "query".to_owned());
        Problem::invalid(field, sentence(&message))
    })
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body, and the key under which it may be sent again.
pub(crate) struct Keyed<T> {
    pub(crate) input: T,
    pub(crate) key: Option<IdempotencyKey>,
}

/// The header of operations that may be repeated, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the header is read as text")]
pub(crate) struct IdempotencyHeader {
    /// Makes the request safe to repeat: for 24 hours the same key with the same body is answered
    /// as the first time, and nothing is made twice. The same key with another body is refused.
    /// Refused requests are not remembered. Use a fresh UUID for each new request.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl<T: DeserializeOwned> FromRequest<WebState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        parse(&bytes(request, state).await?).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<WebState> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        let method = request.method().clone();
        let uri =
            request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().clone(), |u| u.0.clone());
        let header = request.headers().get(IDEMPOTENCY_KEY).cloned();
        let body = bytes(request, state).await?;
        let key = header.map(|key| {
            let text = key.to_str().unwrap_or_default();
            IdempotencyKey::new(text, method.as_str(), uri.path(), &body)
        });
        Ok(Self { key: key.transpose()?, input: parse(&body)? })
    }
}

async fn bytes(request: Request, state: &WebState) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::not_json());
    }
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::malformed("The body ended early."),
    })
}

/// Requiring the type also keeps forms of foreign sites out.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Text that is no JSON is malformed; JSON that says the wrong thing has a field that is wrong.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let message = error.inner().to_string();
        match (error.inner().is_data(), field_of(error.path(), &message)) {
            (false, _) => Problem::malformed(format!("The body is not JSON: {message}.")),
            (true, field) => {
                let field = field.unwrap_or_else(|| "body".to_owned());
                Problem::invalid(field, sentence(without_place(&message)))
            }
        }
    })?;
    json.end().map_err(|error| Problem::malformed(format!("The body is not one JSON value: {error}.")))?;
    match nul_in(body) {
        Some(field) => Err(no_nul(field)),
        None => Ok(value),
    }
}

/// The field with a NUL, which JSON can only write as an escape: hardly any body has one.
fn nul_in(body: &[u8]) -> Option<String> {
    fn find(value: &Value, path: &str) -> Option<String> {
        match value {
            Value::String(text) => text.contains(NUL).then(|| path.to_owned()),
            Value::Array(items) => items.iter().find_map(|item| find(item, path)),
            Value::Object(fields) => fields.iter().find_map(|(name, value)| match path {
                "body" => find(value, name),
                _ => find(value, &format!("{path}.{name}")),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
    let escape = br"\u0000";
    body.windows(escape.len()).any(|part| part == escape).then_some(())?;
    find(&serde_json::from_slice(body).ok()?, "body")
}

/// The field an error is about: where it happened, or the missing or unknown one it tells of.
fn field_of(path: &serde_path_to_error::Path, message: &str) -> Option<String> {
    let told = ["missing field `", "unknown field `", "duplicate field `"];
    let name = told.iter().find_map(|start| message.strip_prefix(start)?.split('`').next());
    let inside = path.iter().next().map(|_| path.to_string()).filter(|path| path != "?");
    match (inside, name) {
        (Some(path), Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            Some(format!("{path}.{name}"))
        }
        (Some(path), _) => Some(path),
        (None, name) => name.map(str::to_owned),
    }
}

fn without_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    #[expect(dead_code, reason = "only read by serde")]
    struct Order {
        name: String,
        ssh_keys: Vec<Uuid>,
        note: Option<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        limit: Option<u8>,
    }

    fn refusal(body: &str) -> Value {
        let problem = parse::<Order>(body.as_bytes()).expect_err("refused");
        problem.shown()
    }

    #[test]
    fn wrong_values_are_named_by_their_place() {
        for (body, field) in [
            (r#"{"name": 5, "ssh_keys": []}"#, "name"),
            (r#"{"name": "a", "ssh_keys": ["x"]}"#, "ssh_keys[0]"),
            (r#"{"name": "a"}"#, "ssh_keys"),
            (r#"{"name": "a", "ssh_keys": [], "nmae": 1}"#, "nmae"),
            (r#"{"name": "a", "name": "b", "ssh_keys": []}"#, "name"),
            ("[]", "body"),
            ("null", "body"),
        ] {
            let shown = refusal(body);
            assert_eq!((&shown["status"], &shown["field"]), (&422.into(), &field.into()), "{body} {shown}");
            let message = shown["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(!message.contains("line 1"), "{shown}");
            assert!(message.starts_with(char::is_uppercase) && message.ends_with('.'), "{shown}");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for body in ["", "{", "name=a", r#"{"name": "a", "ssh_keys": []} x"#] {
            assert_eq!(refusal(body)["code"], "malformed", "{body}");
        }
    }

    #[test]
    fn queries_are_strict() {
        assert_eq!(parse_query::<Filter>("limit=5").ok(), Some(Filter { limit: Some(5) }));
        assert_eq!(parse_query::<Filter>("").ok(), Some(Filter { limit: None }));
        for query in ["limit=", "limit=x", "limit=300", "limit=-1", "limit=1&limit=2"] {
            let problem = parse_query::<Filter>(query).expect_err(query);
            assert_eq!(problem.shown()["field"], "limit", "{query}");
        }
        let problem = parse_query::<Filter>("lmit=1").expect_err("unknown");
        assert_eq!(problem.shown()["field"], "lmit");
    }

    #[test]
    fn what_the_database_cannot_hold_is_refused_by_name() {
        let shown = refusal(r#"{"name": "a\u0000b", "ssh_keys": []}"#);
        assert_eq!((&shown["status"], &shown["field"]), (&422.into(), &"name".into()), "{shown}");
        assert!(parse::<Order>(br#"{"name": "a\\u0000b", "ssh_keys": []}"#).is_ok(), "an escaped backslash");
        let problem = parse_query::<Filter>("limit=%00").expect_err("refused");
        assert_eq!(problem.shown()["field"], "limit");
    }

    #[test]
    fn only_json_is_json() {
        let sent =
            |kind: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().expect("valid"))]);
        assert!(is_json(&sent("application/json")) && is_json(&sent("Application/JSON; charset=utf-8")));
        assert!(
            !is_json(&sent("text/plain"))
                && !is_json(&sent("application/jsonx"))
                && !is_json(&HeaderMap::new())
        );
    }
}
