//! An event on the wire: its bytes, the headers that sign them, and the check that PayPal offers for both.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Paypal;
use super::books::{Books, Call};
use super::certificates::{Certificates, NoCertificates, Vouching};
use super::problem::{Issue, Problem};
use crate::core::FaultKind;
use crate::core::service::Reply;

const ALGORITHM: &str = "SHA256withRSA";
/// How long ago a stale transmission was signed.
const STALE: TimeDelta = TimeDelta::days(2);

/// A signed message.
#[derive(Debug, Clone)]
pub(super) struct Transmission {
    pub(super) headers: [(&'static str, String); 6],
    pub(super) body: String,
}

/// What is signed, and for whom.
pub(super) struct Message<'m> {
    pub(super) body: &'m Value,
    /// Of the subscription, not of the event.
    pub(super) webhook_id: &'m str,
    /// Where the certificates are.
    pub(super) origin: &'m str,
}

impl Books {
    /// The key and its certificates; the first call makes them.
    pub(super) fn certificates(&mut self) -> Result<&Certificates, NoCertificates> {
        if self.records.certificates.is_none() {
            let ids = &self.core.ids;
            self.records.certificates =
                Some(Certificates::new(|| format!("CERT-{}", ids.hex("paypal.cert", 24)))?);
            self.core.changes.mark();
        }
        self.records.certificates.as_ref().ok_or_else(NoCertificates::default)
    }

    /// Signs a message now, well or as the fault has it.
    pub(super) fn transmit(
        &mut self,
        message: &Message<'_>,
        fault: Option<FaultKind>,
    ) -> Result<Transmission, NoCertificates> {
        let id = transmission_id(&self.core.ids.hex("paypal.transmission", 32));
        // listeners have no other clock than the real one
        let at = Utc::now() - if fault == Some(FaultKind::StaleTime) { STALE } else { TimeDelta::zero() };
        let time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let body = message.body.to_string();
        let certificates = self.certificates()?;
        let vouching = match fault {
            Some(FaultKind::ExpiredCertificate) => Vouching::Expired,
            Some(FaultKind::ForgedCertificate) => Vouching::Forged,
            _ => Vouching::Genuine,
        };
        let webhook_id =
            if fault == Some(FaultKind::ForgedSignature) { "SOMEBODY-ELSE" } else { message.webhook_id };
        let signature = certificates.sign(&signed_text(&id, &time, webhook_id, body.as_bytes()))?;
        let address = certificate_url(message.origin, certificates.id(vouching));
        let headers = [
            ("paypal-transmission-id", id),
            ("paypal-transmission-time", time),
            ("paypal-transmission-sig", signature),
            ("paypal-cert-url", address),
            ("paypal-auth-algo", ALGORITHM.to_owned()),
            ("paypal-auth-version", "v2".to_owned()),
        ];
        Ok(Transmission { headers, body })
    }

    /// `FAILURE` is an answer, too.
    pub(super) fn verify_signature(&mut self, call: &Call) -> Result<Reply, Problem> {
        let asked: Verification<'_> = serde_json::from_slice(&call.raw).map_err(|error| {
            if error.is_data() { Issue::MissingRequiredParameter } else { Issue::MalformedRequestJson }
        })?;
        let is_own =
            self.records.webhooks.get(&asked.webhook_id).is_some_and(|own| own.account == call.account);
        let certificates = self.certificates().map_err(|error| Problem::from(&error))?;
        let id = certificates.id(Vouching::Genuine);
        let is_genuine =
            is_own && asked.auth_algo == ALGORITHM && asked.cert_url.rsplit('/').next() == Some(id);
        let is_signed = |body: &[u8]| {
            let (id, time) = (&asked.transmission_id, &asked.transmission_time);
            let signature = certificates.sign(&signed_text(id, time, &asked.webhook_id, body));
            signature.is_ok_and(|signature| signature == asked.transmission_sig)
        };
        // the bytes that came, or what is left of them where a client wrote the event anew
        let event: Value = serde_json::from_str(asked.webhook_event.get()).unwrap_or_default();
        let is_valid = is_genuine
            && (is_signed(asked.webhook_event.get().as_bytes()) || is_signed(event.to_string().as_bytes()));
        let status = if is_valid { "SUCCESS" } else { "FAILURE" };
        Ok(Reply::ok(json!({ "verification_status": status })))
    }
}

/// The certificates.
pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new().route("/v1/notifications/certs/{id}", get(chain))
}

/// A chain as PEM, as PayPal serves it: to everybody.
async fn chain(State(paypal): State<Arc<Paypal>>, Path(id): Path<String>) -> Response {
    let books = paypal.books();
    let chain = books.records.certificates.as_ref().and_then(|certificates| certificates.chain(&id));
    match chain {
        Some(pem) => ([(header::CONTENT_TYPE, "application/x-pem-file")], pem.to_owned()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(Deserialize)]
struct Verification<'v> {
    auth_algo: String,
    cert_url: String,
    transmission_id: String,
    transmission_sig: String,
    transmission_time: String,
    webhook_id: String,
    #[serde(borrow)]
    webhook_event: &'v RawValue,
}

/// `id|time|webhook id|CRC-32 of the body in decimal`.
fn signed_text(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}

/// Where a chain can be fetched.
fn certificate_url(origin: &str, id: &str) -> String {
    format!("{origin}/v1/notifications/certs/{id}")
}

/// In the shape of a UUID, as PayPal's are.
fn transmission_id(hex: &str) -> String {
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
