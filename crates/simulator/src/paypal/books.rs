//! Everything the simulated PayPal knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::order::Order;
use super::payment::{Authorization, Capture, Refund, Settlement};
use super::problem::{Issue, Problem};
use super::webhooks::Webhook;
use crate::core::{Core, Twist};

/// The state and what it takes to change it.
pub(super) struct Books {
    pub(super) core: Arc<Core>,
    pub(super) records: Records,
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
    pub(super) webhooks: BTreeMap<String, Webhook>,
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
/// How long PayPal remembers a request id of the payments API.
pub(super) const PAYMENT_REPLAY: TimeDelta = TimeDelta::days(45);

/// An authenticated request.
pub(super) struct Call {
    pub(super) account: String,
    /// Virtual time, the same throughout one request.
    pub(super) now: DateTime<Utc>,
    /// `http://` and the host the client used, for links.
    pub(super) origin: String,
    /// `{}` when there is no body.
    pub(super) body: Value,
    pub(super) request_id: Option<String>,
    /// `Prefer: return=representation`.
    pub(super) wants_all: bool,
    /// A fault to play.
    pub(super) twist: Option<Twist>,
}

impl Books {
    pub(super) fn new(core: Arc<Core>, records: Records) -> Self {
        Self { core, records }
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
