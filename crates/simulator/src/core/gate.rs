//! The one door all three vendors' requests go through: naming, log, rate limits, faults.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::Core;
use super::faults::{Fault, FaultKind};
use super::limits::{Budget, Standing};
use super::log::{KEPT_BODY_BYTES, RequestLog};

const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// An answer the gate gives by itself and each vendor words in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 429.
    RateLimited,
    /// A 5xx with this status.
    Server(StatusCode),
    /// A create for which the region has no room.
    SoldOut,
}

/// What the gate has to know about a vendor.
pub(crate) trait Vendor: Send + Sync + 'static {
    /// `linode`, `digitalocean` or `paypal`.
    fn name(&self) -> &'static str;

    /// The operation a request means, by method and path (without the query). `None` for unknown paths.
    fn operation(&self, method: &Method, path: &str) -> Option<&'static str>;

    /// The simulated account a request belongs to, for the log and the limits. By default what stands before
    /// the last dash of the bearer token.
    fn account(&self, headers: &HeaderMap) -> Option<String> {
        bearer(headers).map(|token| account_of(token).to_owned())
    }

    /// The vendor's wording of a refusal, without rate limit headers.
    fn refuse(&self, refusal: Refusal) -> Response;

    /// Budgets an operation counts against; none by default.
    fn budgets(&self, _operation: Option<&'static str>) -> Vec<Budget> {
        Vec::new()
    }

    /// Writes how the account stands into the answer's headers; nothing by default.
    fn rate_headers(&self, _standings: &[Standing], _headers: &mut HeaderMap) {}
}

/// Puts the gate before every route (and the fallback) of a vendor's router.
pub(crate) fn guard(router: axum::Router, core: &Arc<Core>, vendor: Arc<dyn Vendor>) -> axum::Router {
    router.layer(from_fn_with_state(Gate { core: core.clone(), vendor }, pass))
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

/// `acme-1` and `acme-2` are two tokens of the account `acme`; a token without a dash is its own account.
pub(crate) fn account_of(token: &str) -> &str {
    token.rsplit_once('-').map_or(token, |(account, _)| account)
}

#[derive(Clone)]
struct Gate {
    core: Arc<Core>,
    vendor: Arc<dyn Vendor>,
}

/// Runs the request on a task of its own: as in a real cloud, a client that hangs up does not undo its request.
async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match tokio::spawn(gate.handle(request, next)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a simulated request failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Gate {
    async fn handle(self, request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let operation = self.vendor.operation(&parts.method, parts.uri.path());
        let fault = operation.and_then(|name| self.core.faults.take(name, &self.core.ids));
        let mut entry = RequestLog {
            at: self.core.clock.now(),
            vendor: self.vendor.name(),
            operation,
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            account: self.vendor.account(&parts.headers),
            body: readable(&body),
            status: None,
            fault: fault.as_ref().map(|fault| fault.kind),
        };
        let standings = self.spend(entry.account.as_deref(), operation);
        if let Some(delay) = fault.as_ref().and_then(|fault| fault.delay_ms) {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let answer = match (fault.as_ref().and_then(|fault| self.instead(fault)), refused(&standings)) {
            (Some(answer), _) => answer,
            (None, Some(seconds)) => {
                Some(retry_after(self.vendor.refuse(Refusal::RateLimited), Some(seconds)))
            }
            (None, None) => {
                let changes = !parts.method.is_safe();
                let mut request = Request::from_parts(parts, Body::from(body));
                if let Some(twist) = fault.as_ref().and_then(|fault| fault.kind.twist()) {
                    request.extensions_mut().insert(twist);
                }
                let answer = next.run(request).await;
                if changes {
                    self.core.changes.mark();
                }
                afterwards(answer, fault.as_ref().map(|fault| fault.kind)).await
            }
        };
        entry.status = answer.as_ref().map(|answer| answer.status().as_u16());
        self.core.requests.push(entry);
        let Some(mut answer) = answer else { return cut() };
        self.vendor.rate_headers(&standings, answer.headers_mut());
        answer
    }

    fn spend(&self, account: Option<&str>, operation: Option<&'static str>) -> Vec<Standing> {
        let payer = format!("{}/{}", self.vendor.name(), account.unwrap_or("public"));
        let budgets = self.vendor.budgets(operation);
        budgets.into_iter().map(|budget| self.core.limits.spend(&payer, budget)).collect()
    }

    /// What a fault puts in place of the operation: an answer, or `None` inside for a cut connection.
    fn instead(&self, fault: &Fault) -> Option<Option<Response>> {
        let status = |default: StatusCode| {
            fault.status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(default)
        };
        let refuse = |refusal| Some(Some(retry_after(self.vendor.refuse(refusal), fault.retry_after)));
        match fault.kind {
            FaultKind::RateLimited => refuse(Refusal::RateLimited),
            FaultKind::Error => refuse(Refusal::Server(status(StatusCode::INTERNAL_SERVER_ERROR))),
            FaultKind::SoldOut => refuse(Refusal::SoldOut),
            FaultKind::HtmlError => Some(Some(proxy_page(status(StatusCode::BAD_GATEWAY)))),
            FaultKind::CutBefore => Some(None),
            FaultKind::Slow
            | FaultKind::CutAfter
            | FaultKind::MalformedJson
            | FaultKind::Vanish
            | FaultKind::Stuck
            | FaultKind::Failed
            | FaultKind::Duplicate
            | FaultKind::Replay
            | FaultKind::Reorder
            | FaultKind::ForgedSignature
            | FaultKind::ForgedCertificate
            | FaultKind::ExpiredCertificate
            | FaultKind::StaleTime => None,
        }
    }
}

/// What a fault does to the answer of an operation that has happened.
async fn afterwards(response: Response, fault: Option<FaultKind>) -> Option<Response> {
    match fault {
        Some(FaultKind::CutAfter) => None,
        Some(FaultKind::MalformedJson) => {
            let (mut parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            parts.headers.remove(header::CONTENT_LENGTH);
            let half = if body.len() < 2 { Bytes::from_static(b"{\"") } else { body.slice(..body.len() / 2) };
            Some(Response::from_parts(parts, Body::from(half)))
        }
        _ => Some(response),
    }
}

fn refused(standings: &[Standing]) -> Option<u32> {
    standings.iter().filter_map(|standing| standing.refused).max()
}

fn retry_after(mut response: Response, seconds: Option<u32>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The page a proxy before the API shows when it gives up (or, with 400, does not understand).
fn proxy_page(status: StatusCode) -> Response {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(header::SERVER, "nginx"), (header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// Closes the connection without a byte of answer: the body fails before hyper has flushed the head.
fn cut() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(broken))
}

fn readable(body: &Bytes) -> Option<serde_json::Value> {
    (body.len() <= KEPT_BODY_BYTES).then(|| serde_json::from_slice(body).ok()).flatten()
}
