//! Sending calls.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use domain::provider::UpstreamError;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use url::Url;

use super::answer::lost;
use super::call::{Effect, Payload};
use super::{Answer, Auth, BaseUrl, Budget, Call, Priority, Transport, detail, rate_limit, retry};

/// Larger answers are not read: the largest honest ones (500 servers) are below 1 MiB.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// One attempt of a safe call, so that a slow one leaves time for another.
const SAFE_ATTEMPT: Duration = Duration::from_secs(9);
/// A change is not sent with less time than this left: it would probably end without a known outcome.
const LEAST_FOR_CHANGE: Duration = Duration::from_secs(4);

/// The way to one API with one account.
#[derive(Clone)]
pub(crate) struct HttpClient {
    transport: Transport,
    base: BaseUrl,
    budget: Arc<Budget>,
}

impl HttpClient {
    /// For an API at `base`; calls count against `budget`.
    pub(crate) fn new(transport: Transport, base: BaseUrl, budget: Arc<Budget>) -> Self {
        Self { transport, base, budget }
    }

    /// Fetches a public document of the same vendor, without any credential.
    pub(crate) async fn document(&self, url: Url) -> Result<Vec<u8>, UpstreamError> {
        let lost = |error: reqwest::Error| UpstreamError::transient(describe(error));
        let request = self.transport.pool(&self.base).get(url).timeout(SAFE_ATTEMPT);
        let response = request.send().await.map_err(lost)?;
        match response.status().as_u16() {
            200 => {}
            400..500 => return Err(UpstreamError::NotFound),
            status => return Err(UpstreamError::transient(format!("{status} instead of a document"))),
        }
        let body = read_body(response).await.map_err(lost)?;
        body.ok_or_else(|| UpstreamError::transient("document too large"))
    }

    /// Begins an operation: its time runs from now on.
    pub(crate) fn exchange(&self, auth: Auth, priority: Priority) -> Exchange<'_> {
        Exchange { client: self, auth, priority, deadline: Instant::now() + self.transport.call_timeout }
    }
}

/// The calls of one operation: they share one credential, one priority and one deadline.
pub(crate) struct Exchange<'a> {
    client: &'a HttpClient,
    auth: Auth,
    priority: Priority,
    deadline: Instant,
}

impl Exchange<'_> {
    /// The same operation, going on with another credential.
    pub(crate) fn with_auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    /// Sends a call and waits for its answer; a safe call is repeated after a transient failure.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, UpstreamError> {
        self.client.budget.admit(call.bucket, self.priority, Instant::now()).map_err(|wait| {
            let detail = "held back: the account's request budget is low".to_owned();
            UpstreamError::Transient { retry_after: Some(wait), detail }
        })?;
        let mut retries = 0;
        loop {
            let error = match self.attempt(&call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match retry::pause(call.effect, retries, &error, self.time_left()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
            retries += 1;
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, UpstreamError> {
        let time_left = self.time_left();
        let (limit, least) = match call.effect {
            Effect::Safe => (time_left.min(SAFE_ATTEMPT), Duration::ZERO),
            Effect::Change => (time_left, LEAST_FOR_CHANGE.min(self.client.transport.call_timeout / 2)),
        };
        if time_left <= least {
            return Err(UpstreamError::transient("no time left to send the call"));
        }
        let started = Instant::now();
        let outcome = self.exchange_bytes(call, limit).await;
        tracing::debug!(
            method = %call.method,
            path = %call.public_path(),
            status = outcome.as_ref().ok().map(|(status, ..)| status.as_u16()),
            elapsed_ms = started.elapsed().as_millis(),
            "upstream call"
        );
        let (status, headers, body) = outcome?;
        let wait = self.note_limits(call, status, &headers);
        // Refusals are quoted in errors and logs, and a vendor may quote the credential in them.
        let body = match (status.is_success(), &call.secret) {
            (true, _) => body,
            (false, None) => self.auth.redact(body),
            (false, Some(_)) => {
                let text = String::from_utf8_lossy(&self.auth.redact(body)).into_owned();
                call.hide(text).into_bytes()
            }
        };
        Answer::classify(call.effect, status, wait, body)
    }

    async fn exchange_bytes(
        &self,
        call: &Call,
        limit: Duration,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), UpstreamError> {
        let broken = |error: reqwest::Error| {
            // Nothing is sent before the connection stands.
            let effect = if error.is_connect() { Effect::Safe } else { call.effect };
            lost(effect, None, describe(error))
        };
        let mut response = self.request(call)?.timeout(limit).send().await.map_err(broken)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        match read_body(response).await.map_err(broken)? {
            Some(body) => Ok((status, headers, body)),
            None => Err(lost(call.effect, None, format!("{}: answer too large", status.as_u16()))),
        }
    }

    fn request(&self, call: &Call) -> Result<RequestBuilder, UpstreamError> {
        let HttpClient { transport, base, .. } = self.client;
        let credential = self.auth.header().map_err(|_| UpstreamError::Unauthorized)?;
        let mut request = transport.pool(base).request(call.method.clone(), base.path(&call.path));
        if let Some(credential) = credential {
            request = request.header(AUTHORIZATION, credential);
        }
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        Ok(match &call.payload {
            Payload::Empty => request,
            Payload::Json(body) => {
                request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body.clone())
            }
            Payload::Form(fields) => request.form(fields),
        })
    }

    /// Tells the budget what the vendor counted, and answers how long the vendor asks us to wait.
    fn note_limits(&self, call: &Call, status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
        let (now, wall) = (Instant::now(), Utc::now());
        let standing = rate_limit::standing(headers, wall);
        if let Some(standing) = standing {
            self.client.budget.note(call.bucket, standing, now);
        }
        let wait = rate_limit::retry_after(headers, wall);
        if status != StatusCode::TOO_MANY_REQUESTS {
            return wait;
        }
        let wait = wait.or(standing.filter(|s| s.remaining == 0).map(|s| s.resets_in))?;
        self.client.budget.exhausted(call.bucket, wait, now);
        Some(wait)
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// The whole body, decompressed; `None` when it is too large.
async fn read_body(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// A failure without an answer, for the operator; the address is left out, as the query may say who is who.
fn describe(error: reqwest::Error) -> String {
    let what = match (error.is_connect(), error.is_timeout()) {
        (true, true) => "connecting timed out",
        (true, false) => "cannot connect",
        (false, true) => "no answer in time",
        (false, false) => "connection lost",
    };
    let error = error.without_url();
    let mut innermost: Option<&dyn Error> = error.source();
    while let Some(cause) = innermost.and_then(Error::source) {
        innermost = Some(cause);
    }
    match innermost {
        Some(cause) if !error.is_timeout() => detail::tidy(&format!("{what}: {cause}")),
        _ => what.to_owned(),
    }
}
