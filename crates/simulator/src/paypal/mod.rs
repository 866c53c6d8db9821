//! The simulated PayPal: OAuth, orders v2, payments v2, vault v3, disputes, reports, webhooks and the pages
//! where the payer approves.
//!
//! A client id `acme-…` belongs to the simulated merchant `acme`; every secret is taken except `bad`.
//! Orders expire after three virtual hours without approval or capture.
//!
//! Faults that only the vendor itself can play mean here: `failed` refuses a create (`PAYEE_ACCOUNT_RESTRICTED`), a
//! capture or a charge of a payment token (`INSTRUMENT_DECLINED`) or a refund (`REFUND_FAILED_INSUFFICIENT_FUNDS`),
//! `stuck` leaves a capture or a refund pending until it is settled by hand, `vanish` answers a create with an order
//! that is never seen again.

mod agreement;
mod amount;
mod books;
mod certificates;
mod checkout;
mod control;
mod delivery;
mod dispute;
mod disputes;
mod event;
mod event_type;
mod journal;
mod new_order;
mod operation;
mod order;
mod orders;
mod payment;
mod payments;
mod problem;
mod render;
mod reporting;
mod samples;
mod settling;
mod sim;
#[cfg(test)]
mod tests;
mod token;
mod transmission;
mod vault;
mod vaults;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use self::books::{Books, Call, Records};
use self::event_type::EventType;
use self::operation::Operation;
use self::problem::{Issue, Problem};
pub use self::sim::{SimCapture, SimDelivery, SimOrder, SimToken};
use crate::core::service::Reply;
use crate::core::{Core, Part, Refusal, Twist, Vendor, bearer, guard};

/// PayPal's API and pages over one state.
pub(crate) struct Paypal {
    core: Arc<Core>,
    books: Mutex<Books>,
}

impl Paypal {
    pub(crate) fn new(core: &Arc<Core>) -> Arc<Self> {
        let books = Books::new(core.clone(), Records::default());
        let paypal = Arc::new(Self { core: core.clone(), books: Mutex::new(books) });
        core.register(&paypal);
        paypal
    }

    /// The API and the approval page behind the gate, and the payer's side under `/_sim/paypal/`.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let api = checkout::router()
            .merge(agreement::router())
            .merge(transmission::router())
            .fallback(serve)
            .with_state(self.clone());
        guard(api, &self.core, self.clone()).merge(control::router(self.clone()))
    }

    /// Every order ever made, oldest first.
    pub(crate) fn orders(&self) -> Vec<SimOrder> {
        self.books().sim_orders(self.now())
    }

    /// Every leave to charge that was ever given, oldest first.
    pub(crate) fn tokens(&self) -> Vec<SimToken> {
        self.books().sim_tokens()
    }

    /// The payer agrees to being charged. `false` when nobody was asked so.
    pub(crate) fn agree(&self, setup_token: &str) -> bool {
        let now = self.now();
        self.books().agree(setup_token, now).is_some()
    }

    /// Every attempt to deliver a webhook, oldest first (the newest 5000).
    pub(crate) fn deliveries(&self) -> Vec<SimDelivery> {
        self.books().sim_deliveries()
    }

    /// How many webhooks have not been taken, given up or lost.
    pub(crate) fn undelivered(&self) -> usize {
        self.books().undelivered()
    }

    /// The root that vouches for webhooks, as PEM.
    pub(crate) fn root(&self) -> Option<String> {
        let mut books = self.books();
        let root = books.certificates().map(|certificates| certificates.root().to_owned());
        root.inspect_err(|error| tracing::error!(%error, "no certificates for webhooks")).ok()
    }

    fn now(&self) -> DateTime<Utc> {
        self.core.clock.now()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, head: &Parts, body: &[u8]) -> Result<Reply, Problem> {
        let now = self.now();
        let not_found = || Problem::bare(StatusCode::NOT_FOUND);
        let operation = Operation::of(&head.method, head.uri.path());
        let mut books = self.books();
        books.records.origin = origin(&head.headers);
        if operation == Some(Operation::Token) {
            return books.grant(&head.headers, body, now);
        }
        let account = books.authenticate(&head.headers, now)?;
        let operation = operation.ok_or_else(not_found)?;
        if let Some(code) = mock_code(&head.headers).filter(|_| operation.is_payment()) {
            return Err(Problem::mocked(&code));
        }
        let call = Call {
            account,
            now,
            origin: origin(&head.headers),
            query: query(head),
            body: json_body(&head.headers, body)?,
            raw: body.to_vec(),
            request_id: text(&head.headers, "paypal-request-id").map(str::to_owned),
            wants_all: text(&head.headers, "prefer").is_some_and(|prefer| prefer.contains("representation")),
            twist: head.extensions.get::<Twist>().copied(),
        };
        books.run(operation, &call)
    }

    fn respond(&self, answer: Result<Reply, Problem>) -> Response {
        let debug_id = self.core.ids.hex("paypal.debug", 13);
        let reply = answer.unwrap_or_else(|problem| {
            let (status, body) = problem.into_parts(&debug_id);
            Reply::new(status, body)
        });
        let mut response = reply.into_response();
        if let Ok(value) = HeaderValue::from_str(&debug_id) {
            response.headers_mut().insert("paypal-debug-id", value);
        }
        response
    }
}

impl Books {
    fn run(&mut self, operation: Operation<'_>, call: &Call) -> Result<Reply, Problem> {
        self.pass(call.now);
        match operation {
            Operation::CreateOrder => self.create_order(call),
            Operation::GetOrder(id) => self.get_order(call, id),
            Operation::PatchOrder(id) => self.patch_order(call, id),
            Operation::CaptureOrder(id) => self.capture_order(call, id),
            Operation::AuthorizeOrder(id) => self.authorize_order(call, id),
            Operation::GetCapture(id) => self.get_capture(call, id),
            Operation::RefundCapture(id) => self.refund_capture(call, id),
            Operation::GetRefund(id) => self.get_refund(call, id),
            Operation::GetAuthorization(id) => self.get_authorization(call, id),
            Operation::CaptureAuthorization(id) => self.capture_authorization(call, id),
            Operation::VoidAuthorization(id) => self.void_authorization(call, id),
            Operation::CreateWebhook => self.create_webhook(call),
            Operation::ListWebhooks => Ok(self.list_webhooks(call)),
            Operation::GetWebhook(id) => self.get_webhook(call, id),
            Operation::PatchWebhook(id) => self.patch_webhook(call, id),
            Operation::DeleteWebhook(id) => self.delete_webhook(call, id),
            Operation::ListWebhookTypes(id) => self.list_webhook_types(call, id),
            Operation::ListEventTypes => Ok(Reply::ok(json!({ "event_types": EventType::catalogue() }))),
            Operation::ListEvents => self.list_events(call),
            Operation::GetEvent(id) => self.get_event(call, id),
            Operation::ResendEvent(id) => self.resend_event(call, id),
            Operation::SimulateEvent => self.simulate_event(call),
            Operation::VerifySignature => self.verify_signature(call),
            Operation::ListDisputes => self.list_disputes(call),
            Operation::GetDispute(id) => self.get_dispute(call, id),
            Operation::AcceptClaim(id) => self.accept_claim(call, id),
            Operation::ProvideEvidence(id) => self.provide_evidence(call, id),
            Operation::ListTransactions => self.list_transactions(call),
            Operation::ListBalances => self.list_balances(call),
            Operation::CreateSetupToken => self.create_setup_token(call),
            Operation::GetSetupToken(id) => self.get_setup_token(call, id),
            Operation::CreatePaymentToken => self.create_payment_token(call),
            Operation::ListPaymentTokens => self.list_payment_tokens(call),
            Operation::GetPaymentToken(id) => self.get_payment_token(call, id),
            Operation::DeletePaymentToken(id) => Ok(self.delete_payment_token(call, id)),
            // answered without a merchant's token
            Operation::Token | Operation::GetCertificate => Err(Problem::bare(StatusCode::NOT_FOUND)),
        }
    }
}

async fn serve(State(paypal): State<Arc<Paypal>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let answer = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => paypal.answer(&head, &body),
        Err(_) => Err(Issue::MalformedRequestJson.into()),
    };
    paypal.respond(answer)
}

impl Vendor for Paypal {
    fn name(&self) -> &'static str {
        "paypal"
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&'static str> {
        Operation::of(method, path).map(Operation::name)
    }

    /// By the token that was handed out, or by the client id that asks for one.
    fn account(&self, headers: &HeaderMap) -> Option<String> {
        let granted =
            bearer(headers).and_then(|token| Some(self.books().records.tokens.get(token)?.account.clone()));
        granted.or_else(|| Some(token::account_of_client(&token::basic(headers)?.0).to_owned()))
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        self.respond(Err(match refusal {
            Refusal::RateLimited => Problem::bare(StatusCode::TOO_MANY_REQUESTS),
            Refusal::Server(status) => Problem::bare(status),
            Refusal::SoldOut => Issue::TransactionRefused.into(),
        }))
    }
}

impl Part for Paypal {
    fn name(&self) -> &'static str {
        "paypal"
    }

    fn snapshot(&self) -> Value {
        json!({ "orders": self.orders() })
    }

    fn save(&self) -> serde_json::Result<Box<RawValue>> {
        to_raw_value(&self.books().records)
    }

    fn restore(&self, saved: &RawValue) -> serde_json::Result<()> {
        self.books().records = serde_json::from_str(saved.get())?;
        Ok(())
    }

    fn reset(&self) {
        let mut books = self.books();
        // listeners were told of the root, and would not hear of another
        let certificates = books.records.certificates.take();
        *books = Books::new(self.core.clone(), Records::default());
        books.records.certificates = certificates;
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}

fn query(head: &Parts) -> Vec<(String, String)> {
    let query = head.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn origin(headers: &HeaderMap) -> String {
    format!("http://{}", text(headers, "host").unwrap_or("localhost"))
}

/// `PayPal-Mock-Response: {"mock_application_codes":"INSTRUMENT_DECLINED"}` asks for an error.
fn mock_code(headers: &HeaderMap) -> Option<String> {
    let mock: Value = serde_json::from_str(text(headers, "paypal-mock-response")?).ok()?;
    Some(mock["mock_application_codes"].as_str()?.to_owned())
}

fn json_body(headers: &HeaderMap, body: &[u8]) -> Result<Value, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(json!({}));
    }
    let json = match text(headers, header::CONTENT_TYPE.as_str()) {
        Some(kind) if kind.starts_with("application/json") => body,
        // what is sent in with files
        Some(kind) if kind.starts_with("multipart/form-data") => form_input(body),
        _ => return Err(Problem::bare(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    };
    serde_json::from_slice(json).map_err(|_| Issue::MalformedRequestJson.into())
}

/// The part of a form that is called `input` and holds JSON; `{}` if there is none.
fn form_input(form: &[u8]) -> &[u8] {
    let after = |bytes: &'_ [u8], mark: &[u8]| bytes.windows(mark.len()).position(|part| part == mark);
    let found = after(form, b"name=\"input\"").and_then(|at| {
        let rest = form.get(at..)?;
        let rest = rest.get(after(rest, b"\r\n\r\n")? + 4..)?;
        rest.get(..after(rest, b"\r\n--")?)
    });
    found.unwrap_or(b"{}")
}
