//! Who may call an operation: its first parameter says so.
//!
//! A request carries `Authorization: Bearer skp_…`, or the session cookie of a browser (then
//! requests from foreign sites are refused before they come here). Everything is confined to the
//! caller's organization: what belongs to another does not exist.

use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use app::identity::Credential;
use app::{App, Caller};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use futures_util::poll;
use store::identity::Known;
use store::{Identify, OrgRead};

use super::Problem;
use crate::access::{Access, Grant, Guard};
use crate::cookie::{Cookies, session_name};
use crate::{WebState, client, limits};

/// A program, or a script of a page, in its organization.
pub(crate) struct Client {
    state: WebState,
    pub(crate) caller: Caller,
    pub(crate) known: Known,
    /// Of a request that only reads: the transaction that found the caller.
    opened: Mutex<Option<Identify>>,
}

impl Client {
    /// The context of all handlers.
    pub(crate) fn state(&self) -> &WebState {
        &self.state
    }

    /// The use cases.
    pub(crate) fn app(&self) -> &App {
        &self.state.app
    }

    /// The caller's organization, for reading.
    pub(crate) async fn read(&self) -> Result<OrgRead, Problem> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(match opened {
            Some(found) => found.into_org(&self.caller.scope).await?,
            None => self.state.reads.org(&self.caller.scope).await?,
        })
    }

    /// ISO 4217 code of all amounts.
    pub(crate) fn currency(&self) -> String {
        self.app().settings().currency.clone()
    }

    async fn find(parts: &Parts, state: &WebState) -> Result<Self, Problem> {
        let credential = credential(&parts.headers, state.is_secure())?;
        let found = app::identity::identify(&state.app, credential).await?;
        let (known, db) = found.ok_or_else(Problem::unauthenticated)?;
        let (mut opened, who) = (Some(db), known.identity);
        let mut counting = pin!(limits::count(parts, state, &who));
        match poll!(counting.as_mut()) {
            Poll::Ready(counted) => counted?,
            // It asks the database: nobody holds one connection and waits for another.
            Poll::Pending => {
                opened = None;
                counting.await?;
            }
        }
        // Use cases open transactions of their own.
        let opened = Mutex::new(opened.filter(|_| parts.method == Method::GET));
        let caller = Caller::new(&known, client::address(parts, &state.options.trusted_proxies));
        Ok(Self { state: state.clone(), caller, known, opened })
    }
}

/// What the request authenticates with. Who sends a key means it: a wrong one is not made up for
/// by a cookie.
fn credential(headers: &HeaderMap, secure: bool) -> Result<Credential<'_>, Problem> {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, key) =
                value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or_else(Problem::unauthenticated)?;
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            is_bearer.then(|| Credential::ApiKey(key.trim())).ok_or_else(Problem::unauthenticated)
        }
        None => {
            let token = Cookies::of(headers).get(session_name(secure));
            token.map(Credential::Session).ok_or_else(Problem::unauthenticated)
        }
    }
}

/// Anybody with a valid key or session.
pub(crate) struct Authenticated(Client);

/// Callers whose role carries the permission.
pub(crate) struct Allowed<P>(Client, PhantomData<P>);

impl Deref for Authenticated {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.0
    }
}

impl<P> Deref for Allowed<P> {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Guard for Authenticated {
    const ACCESS: Access = Access::SignedIn;
}

impl<P: Grant> Guard for Allowed<P> {
    const ACCESS: Access = Access::Member(P::PERMISSION);
}

impl FromRequestParts<WebState> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        Client::find(parts, state).await.map(Self)
    }
}

impl<P: Grant> FromRequestParts<WebState> for Allowed<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let client = Client::find(parts, state).await?;
        client.caller.require(P::PERMISSION)?;
        Ok(Self(client, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_key_goes_before_the_cookie_and_a_wrong_header_is_not_ignored() {
        let cookie = (header::COOKIE, "session=s3");
        let both = headers(&[(header::AUTHORIZATION, "bearer skp_1"), cookie.clone()]);
        assert!(matches!(credential(&both, false), Ok(Credential::ApiKey("skp_1"))));
        assert!(matches!(
            credential(&headers(std::slice::from_ref(&cookie)), false),
            Ok(Credential::Session("s3"))
        ));
        for wrong in ["Basic YTpi", "skp_1", ""] {
            let sent = headers(&[(header::AUTHORIZATION, wrong), cookie.clone()]);
            assert!(credential(&sent, false).is_err(), "{wrong:?}");
        }
        assert!(credential(&headers(&[cookie]), true).is_err(), "by HTTPS the cookie has another name");
    }
}
