//! The outer limits: every request is counted for its address before anything is done for it, and
//! for its person or key and their organization as soon as these are known.
//!
//! Answers tell how the limits stand (`RateLimit-Policy` and `RateLimit`, IETF draft
//! draft-ietf-httpapi-ratelimit-headers), refusals when to come again (`Retry-After`).

use std::sync::{Arc, Mutex, PoisonError};

use app::identity::limits::{RequestKind, Standing};
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::identity::Identity;

use crate::error::Failure;
use crate::{WebState, api, client};

/// The limits that count here.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// How the one nearest to its end stands.
pub(crate) const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// Posts to these addresses, and below them, are limited more strictly.
const TIGHT: &[(&str, RequestKind)] = &[
    ("/sign-in", RequestKind::SignIn),
    ("/sign-up", RequestKind::SignIn),
    ("/confirm-email", RequestKind::SignIn),
    ("/wallet/top-ups", RequestKind::Money),
    ("/wallet/credits", RequestKind::Money),
    ("/api/v1/top-ups", RequestKind::Money),
    ("/api/v1/credits", RequestKind::Money),
    ("/webhooks", RequestKind::Webhook),
];

fn kind_of(method: &Method, path: &str) -> RequestKind {
    if method != Method::POST {
        return RequestKind::Usual;
    }
    let is_below = |start: &str| path.strip_prefix(start).is_some_and(|r| r.is_empty() || r.starts_with('/'));
    TIGHT.iter().find(|(start, _)| is_below(start)).map(|(_, kind)| *kind).unwrap_or_default()
}

/// How the limits stand for a request, as it goes along.
#[derive(Debug, Clone, Default)]
struct Tally(Arc<Mutex<Vec<Standing>>>);

impl Tally {
    /// Notes standings; answers the refusal, if one refuses.
    fn note(&self, standings: Vec<Standing>) -> Result<(), app::Error> {
        let refusal = standings.last().and_then(Standing::refusal);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(standings);
        refusal.map_or(Ok(()), Err)
    }

    fn tell(&self, headers: &mut HeaderMap) {
        let standings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let policies = standings
            .iter()
            .map(|s| format!(r#""{}";q={};w={}"#, s.policy, s.quota.requests(), s.quota.seconds()));
        let policies = policies.collect::<Vec<_>>().join(", ");
        let share = |s: &Standing| u64::from(s.remaining) * 1_000_000 / u64::from(s.quota.requests());
        let Some(tightest) = standings.iter().min_by_key(|s| share(s)) else { return };
        let seconds = tightest.full_in.as_millis().div_ceil(1000);
        let standing = format!(r#""{}";r={};t={seconds}"#, tightest.policy, tightest.remaining);
        for (name, text) in [(POLICY, policies), (STANDING, standing)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Counts every request for its address, and tells at the end how the limits stand.
pub(crate) async fn limit(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let matched = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let kind = kind_of(&parts.method, matched);
    let tally = Tally::default();
    let address = client::address(&parts, &state.options.trusted_proxies);
    let arrived = state.app.limiter().arrive(address, kind).await.and_then(|s| tally.note(s));
    let path = parts.uri.path().to_owned();
    let mut response = match arrived {
        Ok(()) => {
            parts.extensions.insert((kind, tally.clone()));
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) if api::is_inside(&path) => api::Problem::from(error).into_response(),
        Err(error) => Failure::from(error).into_response(),
    };
    tally.tell(response.headers_mut());
    response
}

/// Counts a request for who it turned out to come from. Guards call it once they know.
pub(crate) async fn count(parts: &Parts, state: &WebState, who: &Identity) -> Result<(), app::Error> {
    let (kind, tally) = parts.extensions.get::<(RequestKind, Tally)>().cloned().unwrap_or_default();
    tally.note(state.app.limiter().act(who, kind).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::identity::Quota;

    use super::*;
    use crate::access::Access;
    use crate::routes;

    #[test]
    fn signing_in_and_paying_are_tight() {
        assert_eq!(kind_of(&Method::POST, "/api/v1/top-ups/{id}/capture"), RequestKind::Money);
        assert_eq!(kind_of(&Method::GET, "/api/v1/top-ups"), RequestKind::Usual);
        assert_eq!(kind_of(&Method::POST, "/api/v1/credits"), RequestKind::Money);
        assert_eq!(kind_of(&Method::POST, "/wallet/credits"), RequestKind::Money);
        assert_eq!(kind_of(&Method::POST, "/sign-in"), RequestKind::SignIn);
        assert_eq!(kind_of(&Method::POST, "/sign-out"), RequestKind::Usual);
        assert_eq!(kind_of(&Method::POST, "/sign-inside"), RequestKind::Usual);
    }

    #[test]
    fn whatever_anybody_may_post_is_limited_like_signing_in() {
        for route in routes() {
            let harmless = route.path == "/theme";
            if route.access == Access::Public && route.method == "POST" && !harmless {
                let expected = match route.path {
                    "/webhooks/payments" => RequestKind::Webhook,
                    _ => RequestKind::SignIn,
                };
                assert_eq!(kind_of(&Method::POST, route.path), expected, "{}", route.path);
            }
        }
        for (start, _) in TIGHT.iter().filter(|(start, _)| !start.starts_with("/api/")) {
            assert!(routes().iter().any(|r| r.method == "POST" && r.path.starts_with(start)), "{start}");
        }
    }

    #[test]
    fn the_limit_nearest_to_its_end_is_told() {
        let standing = |policy, remaining| Standing {
            policy,
            quota: Quota::per_minute(100),
            remaining,
            full_in: Duration::from_millis(2_500),
            refused: None,
        };
        let (tally, mut headers) = (Tally::default(), HeaderMap::new());
        assert!(tally.note(vec![standing("address", 90), standing("user", 40)]).is_ok());
        tally.tell(&mut headers);
        assert_eq!(headers[POLICY], r#""address";q=100;w=60, "user";q=100;w=60"#);
        assert_eq!(headers[STANDING], r#""user";r=40;t=3"#);
    }
}
