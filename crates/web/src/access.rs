//! Who may call a handler: its first parameter says so.
//!
//! [`Public`] takes everybody, [`SignedIn`] anybody with a session, [`Member`] those whose role
//! carries a permission, [`Operator`] those who run the installation; the monitoring
//! system shows a token. What belongs to another organization does not exist for them: reads are
//! confined to their own.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Deref;

use app::Caller;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::SessionId;
use domain::identity::Permission;
use store::identity::Known;

use crate::cookie::{Cookies, session_name};
use crate::error::Failure;
use crate::frame::Theme;
use crate::toast::{Said, see_other};
use crate::{WebState, client, limits, link};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Anybody with a session.
    SignedIn,
    /// Members whose role carries the permission.
    Member(Permission),
    /// Operators of the installation; for all others the route does not exist.
    Operator,
    /// The monitoring system, by the token of the settings.
    Monitor,
}

/// A first parameter of a handler: it lets somebody in.
pub(crate) trait Guard {
    /// Whom.
    const ACCESS: Access;
}

/// Facts of a request that pages need.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) path: String,
    pub(crate) theme: Theme,
    pub(crate) said: Option<Said>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    pub(crate) referer: Option<String>,
}

impl Visit {
    fn of(parts: &Parts, state: &WebState) -> Self {
        let cookies = Cookies::of(&parts.headers);
        let text = |name| parts.headers.get(name).and_then(|h: &HeaderValue| h.to_str().ok());
        Self {
            path: parts.uri.path().to_owned(),
            theme: cookies.theme(),
            said: cookies.said(),
            address: client::address(parts, &state.options.trusted_proxies),
            user_agent: client::user_agent(&parts.headers).map(str::to_owned),
            referer: text("referer").map(str::to_owned),
        }
    }
}

/// A signed-in person and what they ask.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) state: WebState,
    pub(crate) visit: Visit,
    pub(crate) caller: Caller,
    pub(crate) known: Known,
    /// The session itself.
    pub(crate) id: SessionId,
    /// What is stored of its token.
    pub(crate) digest: store::identity::Digest,
}

impl Session {
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.known.identity.role.allows(permission)
    }

    async fn find(parts: &Parts, state: &WebState) -> Result<Option<Self>, Failure> {
        let Some(token) = Cookies::of(&parts.headers).get(session_name(state.is_secure())) else {
            return Ok(None);
        };
        let Some(known) = app::identity::by_session(&state.app, token).await? else { return Ok(None) };
        let Some(id) = known.session_id else { return Ok(None) };
        limits::count(parts, state, &known.identity).await?;
        let visit = Visit::of(parts, state);
        let caller = Caller::new(&known, visit.address);
        let digest = app::identity::digest(token);
        Ok(Some(Self { state: state.clone(), visit, caller, known, id, digest }))
    }

    async fn require(parts: &Parts, state: &WebState) -> Result<Self, Response> {
        match Self::find(parts, state).await {
            Ok(Some(session)) => Ok(session),
            Ok(None) => Err(ask_to_sign_in(parts)),
            Err(failure) => Err(failure.into_response()),
        }
    }
}

/// To the sign-in page and back. Parts of pages answer 401, on which the page reloads itself.
fn ask_to_sign_in(parts: &Parts) -> Response {
    if client::is_htmx(&parts.headers) || parts.uri.path().ends_with("/events") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let here = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    match parts.method {
        Method::GET if here != "/" => see_other(&link::with_query("/sign-in", &[("next", here)])),
        _ => see_other("/sign-in"),
    }
}

/// Everybody; knows the session if there is one.
pub(crate) struct Public {
    pub(crate) state: WebState,
    pub(crate) visit: Visit,
    pub(crate) session: Option<Session>,
}

/// Anybody with a session.
pub(crate) struct SignedIn(Session);

/// Members whose role carries the permission.
pub(crate) struct Member<P>(Session, PhantomData<P>);

/// Operators of the installation.
pub(crate) struct Operator {
    session: Session,
    /// Authority for use cases.
    pub(crate) operator: app::Operator,
}

impl Deref for SignedIn {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.0
    }
}

impl<P> Deref for Member<P> {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.0
    }
}

impl Deref for Operator {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}

/// A permission as a type.
pub(crate) trait Grant: Send + Sync {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! grants {
    ($($name:ident),+ $(,)?) => {
        /// Permissions as types, for [`Member`].
        pub(crate) mod may {
            $(
                #[doc = concat!("[`Permission::", stringify!($name), "`](super::Permission::", stringify!($name), ").")]
                pub(crate) enum $name {}
                impl super::Grant for $name {
                    const PERMISSION: super::Permission = super::Permission::$name;
                }
            )+
        }
    };
}
grants!(
    VpsView,
    VpsCreate,
    VpsPower,
    VpsDelete,
    SshKeyView,
    SshKeyManage,
    WalletView,
    WalletTopUp,
    BillingManage,
    ActivityView,
    ApiKeyManage
);

impl Guard for Public {
    const ACCESS: Access = Access::Public;
}
impl Guard for SignedIn {
    const ACCESS: Access = Access::SignedIn;
}
impl<P: Grant> Guard for Member<P> {
    const ACCESS: Access = Access::Member(P::PERMISSION);
}
impl Guard for Operator {
    const ACCESS: Access = Access::Operator;
}

impl FromRequestParts<WebState> for Public {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Failure> {
        let session = Session::find(parts, state).await?;
        Ok(Self { state: state.clone(), visit: Visit::of(parts, state), session })
    }
}

impl FromRequestParts<WebState> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Response> {
        Session::require(parts, state).await.map(Self)
    }
}

impl<P: Grant> FromRequestParts<WebState> for Member<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Response> {
        let session = Session::require(parts, state).await?;
        match session.caller.require(P::PERMISSION) {
            Ok(()) => Ok(Self(session, PhantomData)),
            Err(error) => Err(Failure::from(error).into_response()),
        }
    }
}

impl FromRequestParts<WebState> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Response> {
        let session = Session::require(parts, state).await?;
        match session.caller.operator() {
            Ok(operator) => Ok(Self { session, operator }),
            Err(error) => Err(Failure::from(error).into_response()),
        }
    }
}
