//! Everything the simulated PayPal knows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::certificates::Certificates;
use super::delivery::Delivery;
use super::dispute::Dispute;
use super::event::Event;
use super::journal::Entry;
use super::order::Order;
use super::payment::{Authorization, Capture, Refund, Settlement};
use super::problem::{Issue, Problem};
use super::sim::SimDelivery;
use super::vault::{PaymentToken, SetupToken};
use super::webhooks::Webhook;
use crate::core::{Core, Twist};

/// The state and what it takes to change it.
pub(super) struct Books {
    pub(super) core: Arc<Core>,
    pub(super) records: Records,
    /// What was sent to listeners, the newest. Not saved.
    pub(super) attempts: VecDeque<SimDelivery>,
}

/// The state, by id.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Records {
    /// Access tokens that were handed out.
    pub(super) tokens: HashMap<String, Grant>,
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) captures: BTreeMap<String, Capture>,
    pub(super) refunds: BTreeMap<String, Refund>,
    pub(super) authorizations: BTreeMap<String, Authorization>,
    #[serde(default)]
    pub(super) disputes: BTreeMap<String, Dispute>,
    /// Oldest first.
    #[serde(default)]
    pub(super) journal: Vec<Entry>,
    /// How far reports are behind.
    #[serde(default)]
    pub(super) reporting_lag_seconds: u32,
    #[serde(default)]
    pub(super) setup_tokens: BTreeMap<String, SetupToken>,
    #[serde(default)]
    pub(super) payment_tokens: BTreeMap<String, PaymentToken>,
    pub(super) webhooks: BTreeMap<String, Webhook>,
    /// Oldest first.
    #[serde(default)]
    pub(super) events: Vec<Event>,
    #[serde(default)]
    pub(super) deliveries: Vec<Delivery>,
    /// Made when they are first needed.
    #[serde(default)]
    pub(super) certificates: Option<Certificates>,
    /// `http://` and the host that clients used last, for links in what nobody asked for.
    #[serde(default)]
    pub(super) origin: String,
    /// What a `PayPal-Request-Id` already made.
    replays: HashMap<String, Replay>,
}

/// Whom an access token stands for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) account: String,
    pub(super) expires_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Replay {
    id: String,
    until: DateTime<Utc>,
}

/// How long PayPal remembers a request id of the orders API.
pub(super) const ORDER_REPLAY: TimeDelta = TimeDelta::hours(6);
/// How long PayPal remembers a request id of the vault.
pub(super) const VAULT_REPLAY: TimeDelta = TimeDelta::hours(3);
/// How long PayPal remembers a request id of the payments API.
pub(super) const PAYMENT_REPLAY: TimeDelta = TimeDelta::days(45);

/// An authenticated request.
pub(super) struct Call {
    pub(super) account: String,
    /// Virtual time, the same throughout one request.
    pub(super) now: DateTime<Utc>,
    /// `http://` and the host the client used, for links.
    pub(super) origin: String,
    pub(super) query: Vec<(String, String)>,
    /// `{}` when there is no body.
    pub(super) body: Value,
    /// The body as it came.
    pub(super) raw: Vec<u8>,
    pub(super) request_id: Option<String>,
    /// `Prefer: return=representation`.
    pub(super) wants_all: bool,
    /// A fault to play.
    pub(super) twist: Option<Twist>,
}

impl Books {
    pub(super) fn new(core: Arc<Core>, records: Records) -> Self {
        Self { core, records, attempts: VecDeque::new() }
    }

    /// The id of a new payer, in the alphabet that PayPal has for them.
    pub(super) fn payer_id(&self) -> String {
        self.core.ids.code("paypal.payer", 13).replace('0', "Q").replace('1', "Z")
    }

    /// Something that PayPal does by itself, for the merchant with this account.
    pub(super) fn aside(&self, account: &str, now: DateTime<Utc>) -> Call {
        Call {
            account: account.to_owned(),
            now,
            origin: self.records.origin.clone(),
            query: Vec::new(),
            body: Value::Null,
            raw: Vec::new(),
            request_id: None,
            wants_all: true,
            twist: None,
        }
    }

    /// The caller's order, unless it has expired.
    pub(super) fn order(&self, call: &Call, id: &str) -> Result<&Order, Problem> {
        let order = self.records.orders.get(id).filter(|order| order.account == call.account);
        order.filter(|order| !order.is_expired(call.now)).ok_or_else(|| Issue::InvalidResourceId.into())
    }

    pub(super) fn order_mut(&mut self, call: &Call, id: &str) -> Result<&mut Order, Problem> {
        let order = self.records.orders.get_mut(id).filter(|order| order.account == call.account);
        order.filter(|order| !order.is_expired(call.now)).ok_or_else(|| Issue::InvalidResourceId.into())
    }

    pub(super) fn capture(&self, call: &Call, id: &str) -> Result<&Capture, Problem> {
        let capture = self.records.captures.get(id).filter(|capture| capture.account == call.account);
        capture.ok_or_else(|| Issue::InvalidResourceId.into())
    }

    /// The captures of an order.
    pub(super) fn captures_of<'b>(&'b self, order: &'b Order) -> impl Iterator<Item = &'b Capture> {
        self.records.captures.values().filter(|capture| capture.order_id == order.id)
    }

    /// Whether money was taken under this invoice number before.
    pub(super) fn is_paid_invoice(&self, account: &str, invoice_id: &str) -> bool {
        self.records.captures.values().any(|capture| {
            capture.account == account
                && capture.invoice_id.as_deref() == Some(invoice_id)
                && capture.settlement != Settlement::Declined
        })
    }

    /// What the request id of this call made earlier, if PayPal still remembers.
    pub(super) fn replayed(&self, call: &Call, scope: &str) -> Option<String> {
        let replay = self.records.replays.get(&replay_key(call, scope)?)?;
        (call.now < replay.until).then(|| replay.id.clone())
    }

    /// Makes repeats of this call answer with `id`.
    pub(super) fn remember(&mut self, call: &Call, scope: &str, id: &str, keep: TimeDelta) {
        if let Some(key) = replay_key(call, scope) {
            self.records.replays.insert(key, Replay { id: id.to_owned(), until: call.now + keep });
        }
    }
}

/// Account, operation with its path id, `PayPal-Request-Id`; neither of the last two can hold a line break.
fn replay_key(call: &Call, scope: &str) -> Option<String> {
    Some(format!("{}\n{scope}\n{}", call.account, call.request_id.as_ref()?))
}
