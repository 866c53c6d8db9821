//! An order: what was asked for, and how far the payer is.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::amount::Amount;

/// From create to approval, and again from approval to capture (orders v2, `order_status`).
const LIFETIME: TimeDelta = TimeDelta::hours(3);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    /// The merchant's simulated account.
    pub(super) account: String,
    pub(super) request: NewOrder,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) payer_id: String,
    pub(super) approval: Option<Approval>,
    pub(super) outcome: Option<Outcome>,
}

/// A valid create request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NewOrder {
    pub(super) intent: Intent,
    pub(super) units: Vec<Unit>,
    pub(super) flow: Flow,
    pub(super) experience: Experience,
    /// The payment token to charge, without asking the payer.
    #[serde(default)]
    pub(super) vault_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Intent {
    Capture,
    Authorize,
}

/// One purchase unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unit {
    pub(super) reference_id: String,
    pub(super) amount: Amount,
    /// `custom_id`, `invoice_id`, `description` …: kept and shown as they came.
    pub(super) extra: Map<String, Value>,
}

impl Unit {
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.extra.get(field).and_then(Value::as_str)
    }
}

/// How the order was made, which decides the words for *waits for the payer*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Flow {
    /// With `application_context` or nothing: `CREATED`, link `approve`.
    ApplicationContext,
    /// With `payment_source.paypal`: `PAYER_ACTION_REQUIRED`, link `payer-action`.
    PaymentSource,
}

/// What the payer sees and where the payer goes afterwards.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Experience {
    pub(super) brand: Option<String>,
    pub(super) return_url: Option<Url>,
    pub(super) cancel_url: Option<Url>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Approval {
    pub(super) at: DateTime<Utc>,
    pub(super) instrument: Instrument,
}

/// What the payer pays with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Instrument {
    Balance,
    /// Captures stay pending until the bank pays.
    ECheck,
    /// Refused when the merchant captures.
    Declined,
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// Captured or authorized.
    Completed,
    /// Its authorization was voided.
    Voided,
}

impl Order {
    pub(super) fn status(&self) -> &'static str {
        match (self.outcome, self.approval, self.request.flow) {
            (Some(Outcome::Completed), _, _) => "COMPLETED",
            (Some(Outcome::Voided), _, _) => "VOIDED",
            (None, Some(_), _) => "APPROVED",
            (None, None, Flow::PaymentSource) => "PAYER_ACTION_REQUIRED",
            (None, None, Flow::ApplicationContext) => "CREATED",
        }
    }

    /// Whether nobody approved or captured in time. The API then knows the order no more.
    pub(super) fn is_expired(&self, now: DateTime<Utc>) -> bool {
        let since = self.approval.map_or(self.created_at, |approval| approval.at);
        self.outcome.is_none() && now >= since + LIFETIME
    }

    /// Whether the payer still has something to do.
    pub(super) fn awaits_payer(&self) -> bool {
        self.outcome.is_none() && self.approval.is_none()
    }

    pub(super) fn approve(&mut self, instrument: Instrument, now: DateTime<Utc>) {
        self.approval = Some(Approval { at: now, instrument });
        self.updated_at = now;
    }

    /// The sum of the units, all of one currency.
    pub(super) fn total(&self) -> Amount {
        let minor = self.request.units.iter().map(|unit| unit.amount.minor).sum();
        self.request
            .units
            .first()
            .map_or(Amount { currency: String::new(), minor }, |unit| unit.amount.with_minor(minor))
    }

    /// `return_url` or `cancel_url` with what PayPal adds to it.
    pub(super) fn back(&self, approved: bool) -> Option<Url> {
        let experience = &self.request.experience;
        let url = if approved { &experience.return_url } else { &experience.cancel_url };
        let mut url = url.clone()?;
        url.query_pairs_mut().append_pair("token", &self.id);
        if approved {
            url.query_pairs_mut().append_pair("PayerID", &self.payer_id);
        }
        Some(url)
    }
}
