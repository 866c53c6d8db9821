//! A cloud as a table of routes over one in-memory world.
//!
//! Handlers are plain functions `(&mut World, &Call) -> Result<Reply, Reply>`: nothing in a simulated cloud
//! waits, because state moves by the clock and is computed when it is read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

pub(crate) use super::call::{Call, Reply};
use super::route;
pub(crate) use super::route::Route;
use super::{Budget, Core, Part, Refusal, Standing, Twist, Vendor, account_of, bearer, guard};

/// The state and the ways of one cloud.
pub(crate) trait World: Sized + Send + 'static {
    /// What has to outlive the process. By default nothing exists yet.
    type State: Default + Serialize + DeserializeOwned;
    /// `linode` or `digitalocean`.
    const NAME: &'static str;
    /// Path prefixes of the API, longest first.
    const PREFIXES: &'static [&'static str];
    const ROUTES: &'static [Route<Self>];

    /// A world in which this exists.
    fn new(core: Arc<Core>, state: Self::State) -> Self;
    /// Everything that exists, for the state file.
    fn state(&self) -> &Self::State;
    /// Everything that exists, for `/_sim/state`.
    fn snapshot(&self, now: DateTime<Utc>) -> Value;
    /// Answer without a valid token.
    fn unauthorized() -> Reply;
    /// Answer for paths that are no operation.
    fn not_found() -> Reply;
    /// Answer for bodies that are no JSON.
    fn bad_json() -> Reply;
    /// The vendor's words for what the gate refuses.
    fn refuse(refusal: Refusal) -> Reply;
    /// Rate limits an operation counts against.
    fn budgets(operation: Option<&'static str>) -> Vec<Budget>;
    /// How the rate limits are shown.
    fn rate_headers(standings: &[Standing], headers: &mut HeaderMap);
}

/// A world behind HTTP.
pub(crate) struct Service<W> {
    core: Arc<Core>,
    world: Mutex<W>,
}

impl<W: World> Service<W> {
    pub(crate) fn new(core: &Arc<Core>) -> Arc<Self> {
        let world = Mutex::new(W::new(core.clone(), W::State::default()));
        let service = Arc::new(Self { core: core.clone(), world });
        core.register(&service);
        service
    }

    /// The vendor's API behind the gate.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        guard(Router::new().fallback(serve::<W>).with_state(self.clone()), &self.core, self.clone())
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, W> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, head: &axum::http::request::Parts, body: &[u8]) -> Result<Reply, Reply> {
        let token = bearer(&head.headers);
        let known = find::<W>(&head.method, head.uri.path());
        let public = known.as_ref().is_some_and(|(route, _)| route.public);
        if token == Some("bad-token") || (token.is_none() && !public) {
            return Err(W::unauthorized());
        }
        let (route, params) = known.ok_or_else(W::not_found)?;
        let body = match body.trim_ascii() {
            [] => Value::Null,
            body => serde_json::from_slice(body).map_err(|_| W::bad_json())?,
        };
        let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        let call = Call {
            params,
            path: head.uri.path().to_owned(),
            query: query.into_owned().collect(),
            headers: head.headers.clone(),
            body,
            now: self.core.clock.now(),
            account: token.map(account_of).unwrap_or_default().to_owned(),
            twist: head.extensions.get::<Twist>().copied(),
        };
        (route.handler)(&mut self.world(), &call)
    }
}

async fn serve<W: World>(State(service): State<Arc<Service<W>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => service.answer(&head, &body).unwrap_or_else(|problem| problem).into_response(),
        Err(_) => W::bad_json().into_response(),
    }
}

impl<W: World> Vendor for Service<W> {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&'static str> {
        find::<W>(method, path).map(|(route, _)| route.operation)
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        W::refuse(refusal).into_response()
    }

    fn budgets(&self, operation: Option<&'static str>) -> Vec<Budget> {
        W::budgets(operation)
    }

    fn rate_headers(&self, standings: &[Standing], headers: &mut HeaderMap) {
        W::rate_headers(standings, headers);
    }
}

impl<W: World> Part for Service<W> {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn snapshot(&self) -> Value {
        self.world().snapshot(self.core.clock.now())
    }

    fn save(&self) -> serde_json::Result<Box<RawValue>> {
        to_raw_value(self.world().state())
    }

    fn restore(&self, saved: &RawValue) -> serde_json::Result<()> {
        *self.world() = W::new(self.core.clone(), serde_json::from_str(saved.get())?);
        Ok(())
    }

    fn reset(&self) {
        *self.world() = W::new(self.core.clone(), W::State::default());
    }
}

/// The operation behind a path, under any of the vendor's prefixes.
fn find<W: World>(method: &Method, path: &str) -> Option<(&'static Route<W>, Vec<String>)> {
    let rest = W::PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix)?.strip_prefix('/'))?;
    route::find(W::ROUTES, method, rest)
}
