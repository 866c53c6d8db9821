//! `/v1/oauth2/token` and what the tokens are worth.

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::books::{Books, Grant};
use super::problem::Problem;
use super::render::time;
use crate::core::bearer;
use crate::core::service::Reply;

/// Nine hours, as PayPal grants them.
const LIFETIME: TimeDelta = TimeDelta::seconds(32_400);

/// The simulated account of a client id, which is what stands before the first dash: `test-client-id`
/// belongs to `test`.
pub(super) fn account_of_client(client_id: &str) -> &str {
    client_id.split('-').next().unwrap_or(client_id)
}

/// Client id and secret of `Authorization: Basic`.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

impl Books {
    /// Exchanges client id and secret for a token. Every pair is taken, except where one of them is `bad`.
    pub(super) fn grant(
        &mut self,
        headers: &HeaderMap,
        form: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Reply, Problem> {
        let accepted = basic(headers)
            .filter(|(id, secret)| !id.is_empty() && !secret.is_empty() && id != "bad" && secret != "bad");
        let (client_id, _) = accepted.ok_or_else(|| {
            Problem::oauth(StatusCode::UNAUTHORIZED, "invalid_client", "Client Authentication failed")
        })?;
        let grant_type = url::form_urlencoded::parse(form).find(|(name, _)| name == "grant_type");
        match grant_type.as_ref().map(|(_, value)| value.as_ref()) {
            Some("client_credentials") => {}
            Some(_) => return Err(oauth_400("unsupported_grant_type", "unsupported grant_type")),
            None => return Err(oauth_400("invalid_request", "grant_type is required")),
        }
        let token = format!("A21AA{}", self.core.ids.code("paypal.token", 64));
        let account = account_of_client(&client_id).to_owned();
        self.records.tokens.retain(|_, grant| grant.expires_at > now);
        self.records.tokens.insert(token.clone(), Grant { account, expires_at: now + LIFETIME });
        Ok(Reply::ok(json!({
            "scope": "https://uri.paypal.com/services/payments/payment/authcapture \
                      https://uri.paypal.com/services/payments/refund openid",
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": LIFETIME.num_seconds(),
            "nonce": format!("{}{}", time(now), self.core.ids.code("paypal.nonce", 43)),
        })))
    }

    /// The account a request speaks for.
    pub(super) fn authenticate(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Result<String, Problem> {
        let token = bearer(headers).ok_or_else(|| Problem::bare(StatusCode::UNAUTHORIZED))?;
        let grant = self.records.tokens.get(token).filter(|grant| grant.expires_at > now);
        grant.map(|grant| grant.account.clone()).ok_or_else(|| {
            Problem::oauth(StatusCode::UNAUTHORIZED, "invalid_token", "Access Token not found in cache")
        })
    }
}

fn oauth_400(error: &str, description: &str) -> Problem {
    Problem::oauth(StatusCode::BAD_REQUEST, error, description)
}
