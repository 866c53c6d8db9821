//! Webhooks: whether PayPal sent them, and what they are about.
//!
//! A signature is RSA with SHA-256 over `transmission id|time|webhook id|CRC-32 of the body`. It is checked here, with a
//! certificate that PayPal publishes, or by PayPal itself, which is shown the bytes as they came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::payment::{Leave, Message, News, PaymentRef, RefundKind, Subject};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use serde_json::json;
use url::Url;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{map, wire};

/// A signature may be so old when it arrives: every attempt to deliver is signed anew.
const OLDEST: TimeDelta = TimeDelta::hours(24);
/// Clocks may differ by so much.
const AHEAD: TimeDelta = TimeDelta::minutes(10);
/// Certificates that are kept. There are few: PayPal replaces them about once a year.
const KEPT: usize = 16;
const ALGORITHM: &str = "SHA256withRSA";

/// How it is found out whether PayPal sent a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookCheck {
    /// By the certificate it was signed with.
    Certificate,
    /// By asking PayPal.
    Gateway,
}

/// The subscription whose webhooks are believed.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Its id, as PayPal shows it.
    pub id: String,
    /// How signatures are checked.
    pub check: WebhookCheck,
    /// Roots as PEM that are trusted besides the public ones; a simulator has its own.
    pub roots: String,
}

/// Roots that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the additional root certificates of webhooks are no PEM certificates")]
pub struct InvalidRoots;

type Chain = Arc<Vec<CertificateDer<'static>>>;

/// Checks signatures.
pub(super) struct Verifier {
    pub(super) id: String,
    pub(super) check: WebhookCheck,
    /// Of PayPal's API: certificates are fetched from there alone.
    base: Url,
    roots: Vec<TrustAnchor<'static>>,
    chains: Mutex<HashMap<Url, Chain>>,
}

impl Verifier {
    pub(super) fn new(settings: WebhookSettings, base: Url) -> Result<Self, InvalidRoots> {
        let mut roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        for root in certificates(settings.roots.as_bytes()).ok_or(InvalidRoots)? {
            roots.push(anchor_from_trusted_cert(&root).map_err(|_| InvalidRoots)?.to_owned());
        }
        let WebhookSettings { id, check, .. } = settings;
        Ok(Self { id, check, base, roots, chains: Mutex::default() })
    }

    /// A certificate that was fetched before.
    pub(super) fn kept(&self, url: &Url) -> Option<Chain> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    /// Reads a fetched certificate and keeps it, if it is one.
    pub(super) fn keep(&self, url: &Url, pem: &[u8]) -> Result<Chain, String> {
        let chain = certificates(pem).filter(|chain| !chain.is_empty());
        let chain: Chain = Arc::new(chain.ok_or("the certificate cannot be read")?);
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if chains.len() >= KEPT {
            chains.clear();
        }
        chains.insert(url.clone(), chain.clone());
        Ok(chain)
    }

    /// Whether the certificate's key signed it, and somebody we trust vouches for the certificate now.
    pub(super) fn check(
        &self,
        signed: &Transmission,
        body: &[u8],
        chain: &[CertificateDer<'_>],
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        let (leaf, above) = chain.split_first().ok_or("there is no certificate")?;
        let leaf =
            EndEntityCert::try_from(leaf).map_err(|e| format!("the certificate cannot be read: {e}"))?;
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let usage = KeyUsage::server_auth();
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &self.roots, above, now, usage, None, None)
            .map_err(|e| format!("the certificate is not to be trusted: {e}"))?;
        let text = signed.text(&self.id, body);
        leaf.verify_signature(webpki::ring::RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &signed.signature)
            .map_err(|_| "the signature is wrong".to_owned())
    }

    /// Certificates come from PayPal alone: from the API's host, or its twin without the `-m`.
    fn is_paypals(&self, url: &Url) -> bool {
        let host = |url: &Url| url.host_str().map(|host| host.replacen("api-m.", "api.", 1));
        let is_there = url.scheme() == self.base.scheme()
            && host(url) == host(&self.base)
            && url.port_or_known_default() == self.base.port_or_known_default();
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        is_there && is_plain && url.path().starts_with("/v1/notifications/certs/")
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

/// The headers that sign a webhook.
#[derive(Debug)]
pub(super) struct Transmission {
    id: String,
    time: String,
    signature: Vec<u8>,
    pub(super) certificate: Url,
}

impl Transmission {
    /// Reads the headers; for the operator, what is wrong with them.
    pub(super) fn of(message: &Message, verifier: &Verifier) -> Result<Self, String> {
        let header = |name: &str| {
            let value = message.headers.get(&format!("paypal-{name}")).filter(|value| !value.is_empty());
            value.cloned().ok_or_else(|| format!("it has no {name}"))
        };
        if header("auth-algo")? != ALGORITHM {
            return Err("it is signed in another way".to_owned());
        }
        let time = header("transmission-time")?;
        let at = DateTime::parse_from_rfc3339(&time).map_err(|_| "its time cannot be read")?;
        let age = message.received_at - at.with_timezone(&Utc);
        if age > OLDEST || age < -AHEAD {
            return Err(format!("it was signed at {time}"));
        }
        let signature =
            STANDARD.decode(header("transmission-sig")?).map_err(|_| "its signature cannot be read")?;
        let certificate = Url::parse(&header("cert-url")?).ok().filter(|url| verifier.is_paypals(url));
        let certificate = certificate.ok_or("its certificate is from elsewhere")?;
        Ok(Self { id: header("transmission-id")?, time, signature, certificate })
    }

    /// What is signed.
    fn text(&self, webhook_id: &str, body: &[u8]) -> String {
        format!("{}|{}|{webhook_id}|{}", self.id, self.time, crc32fast::hash(body))
    }

    /// What PayPal is asked. The body is spliced in as it came: written anew, its signature would not hold.
    pub(super) fn question(&self, webhook_id: &str, body: &[u8]) -> Result<String, String> {
        let body = std::str::from_utf8(body).map_err(|_| "it is no text")?;
        let mut question = json!({
            "auth_algo": ALGORITHM,
            "cert_url": self.certificate,
            "transmission_id": self.id,
            "transmission_sig": STANDARD.encode(&self.signature),
            "transmission_time": self.time,
            "webhook_id": webhook_id,
        })
        .to_string();
        question.pop();
        Ok(format!("{question},\"webhook_event\":{body}}}"))
    }
}

/// What a genuine webhook is about.
pub(super) fn news(body: &[u8]) -> Result<News, String> {
    let wire::Event { event_type, resource } =
        serde_json::from_slice(body).map_err(|_| "its body cannot be read")?;
    let reference = resource.custom_id.or(resource.invoice_id);
    let reference = reference.or_else(|| resource.purchase_units.into_iter().find_map(|unit| unit.custom_id));
    let mut payment = PaymentRef { reference, ..PaymentRef::default() };
    let id = resource.id.filter(|id| !id.is_empty());
    let subject = match (event_type.as_str(), id) {
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", _) => {
            payment.order = resource.order_id;
            Subject::Payment
        }
        (kind, Some(id)) if kind.starts_with("CHECKOUT.ORDER.") => {
            payment.order = Some(id);
            Subject::Payment
        }
        (kind @ ("PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.CAPTURE.REVERSED"), Some(id)) => {
            payment.capture = map::capture_link(&resource.links);
            let kind = match kind {
                "PAYMENT.CAPTURE.REVERSED" => RefundKind::Reversal,
                _ => RefundKind::Refund,
            };
            Subject::Returned { id, kind }
        }
        (kind, Some(id)) if kind.starts_with("PAYMENT.REFUND.") => {
            payment.capture = map::capture_link(&resource.links);
            Subject::Returned { id, kind: RefundKind::Refund }
        }
        (kind, Some(id)) if kind.starts_with("PAYMENT.CAPTURE.") => {
            payment.capture = Some(id);
            payment.order = resource.supplementary_data.related_ids.order_id;
            Subject::Payment
        }
        (kind, id) if kind.starts_with("CUSTOMER.DISPUTE.") => match resource.dispute_id.or(id) {
            Some(id) => Subject::Dispute { id },
            None => Subject::Nothing,
        },
        (kind, Some(id)) if kind.starts_with("VAULT.PAYMENT-TOKEN.") => {
            Subject::Agreement { token: Leave(id) }
        }
        _ => Subject::Nothing,
    };
    Ok(News { kind: event_type, subject, payment })
}

#[cfg(test)]
mod tests;
