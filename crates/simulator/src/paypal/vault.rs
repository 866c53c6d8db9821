//! Ways to pay that a payer has left with a merchant.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use super::books::Call;
use super::order::Experience;
use super::render::{link, wallet};

/// How long the payer has to approve, and the merchant to ask for the payment token.
const LIFETIME: TimeDelta = TimeDelta::days(3);

/// A question to the payer: may this merchant charge without asking again?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SetupToken {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) customer_id: String,
    /// What the merchant said about the use, shown as it came.
    pub(super) usage: Map<String, Value>,
    pub(super) experience: Experience,
    pub(super) payer_id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) is_approved: bool,
    /// Whether the merchant has got the payment token for it.
    pub(super) is_used: bool,
}

/// A leave to charge the payer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PaymentToken {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) customer_id: String,
    pub(super) usage: Map<String, Value>,
    pub(super) payer_id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) state: TokenState,
    /// Whether charges are refused for now.
    pub(super) is_declined: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TokenState {
    Active,
    /// By the merchant.
    Deleted,
    /// By the payer.
    Revoked,
}

impl SetupToken {
    pub(super) fn status(&self) -> &'static str {
        match (self.is_used, self.is_approved) {
            (true, _) => "TOKENIZED",
            (false, true) => "APPROVED",
            (false, false) => "PAYER_ACTION_REQUIRED",
        }
    }

    pub(super) fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.created_at + LIFETIME
    }

    /// `return_url` or `cancel_url` with what PayPal adds to it.
    pub(super) fn back(&self, approved: bool) -> Option<Url> {
        let url = if approved { &self.experience.return_url } else { &self.experience.cancel_url };
        let mut url = url.clone()?;
        url.query_pairs_mut().append_pair("approval_token_id", &self.id);
        url.query_pairs_mut().append_pair("approval_session_id", &self.id);
        Some(url)
    }

    pub(super) fn json(&self, call: &Call) -> Value {
        let href = format!("{}/v3/vault/setup-tokens/{}", call.origin, self.id);
        let mut links = vec![link(&href, "self", "GET")];
        if self.is_approved {
            links.push(link(&format!("{}/v3/vault/payment-tokens", call.origin), "confirm", "POST"));
        } else {
            links.push(link(&agreement_url(&call.origin, &self.id), "approve", "GET"));
        }
        json!({
            "id": self.id,
            "customer": { "id": self.customer_id },
            "status": self.status(),
            "payment_source": { "paypal": self.usage },
            "links": links,
        })
    }
}

impl PaymentToken {
    pub(super) fn json(&self, call: &Call) -> Value {
        let href = format!("{}/v3/vault/payment-tokens/{}", call.origin, self.id);
        let mut paypal = wallet(&self.payer_id);
        if let Some(fields) = paypal.as_object_mut() {
            fields.remove("account_status");
            fields.extend(self.usage.clone());
            fields.insert("payer_id".to_owned(), json!(self.payer_id));
        }
        json!({
            "id": self.id,
            "customer": { "id": self.customer_id },
            "payment_source": { "paypal": paypal },
            "links": [link(&href, "self", "GET"), link(&href, "delete", "DELETE")],
        })
    }
}

/// Where the payer approves a setup token.
fn agreement_url(origin: &str, id: &str) -> String {
    format!("{origin}/agreements/approve?approval_session_id={id}")
}
