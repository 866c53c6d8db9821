//! Webhook subscriptions as `/v1/notifications` keeps them. Nothing is delivered.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::books::{Books, Call};
use super::problem::{Issue, Problem};
use crate::core::service::Reply;

/// The events a wallet cares about, with PayPal's descriptions.
const EVENT_TYPES: [(&str, &str); 12] = [
    ("CHECKOUT.ORDER.APPROVED", "An order has been approved by buyer."),
    ("CHECKOUT.ORDER.COMPLETED", "A checkout order is processed."),
    ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "A payment has been reversed after approval."),
    ("CUSTOMER.DISPUTE.CREATED", "A dispute is created."),
    ("CUSTOMER.DISPUTE.RESOLVED", "A dispute is resolved."),
    ("CUSTOMER.DISPUTE.UPDATED", "A dispute is updated."),
    ("PAYMENT.CAPTURE.COMPLETED", "A payment capture completes."),
    ("PAYMENT.CAPTURE.DECLINED", "A payment capture is declined."),
    ("PAYMENT.CAPTURE.DENIED", "A payment capture is denied."),
    ("PAYMENT.CAPTURE.PENDING", "The state of a payment capture changes to pending."),
    ("PAYMENT.CAPTURE.REFUNDED", "A merchant refunds a payment capture."),
    ("PAYMENT.CAPTURE.REVERSED", "PayPal reverses a payment capture."),
];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Webhook {
    account: String,
    id: String,
    url: Url,
    event_types: Value,
}

impl Webhook {
    fn json(&self, call: &Call) -> Value {
        let href = format!("{}/v1/notifications/webhooks/{}", call.origin, self.id);
        json!({
            "id": self.id,
            "url": self.url,
            "event_types": self.event_types,
            "links": [
                { "href": href, "rel": "self", "method": "GET" },
                { "href": href, "rel": "update", "method": "PATCH" },
                { "href": href, "rel": "delete", "method": "DELETE" },
            ],
        })
    }
}

impl Books {
    pub(super) fn create_webhook(&mut self, call: &Call) -> Result<Reply, Problem> {
        let url = call.body["url"].as_str();
        let url = url.ok_or_else(|| Issue::MissingRequiredParameter.at("/url", None))?;
        let parsed = Url::parse(url).map_err(|_| Issue::InvalidParameterSyntax.at("/url", Some(url)))?;
        if call.body["event_types"].as_array().is_none_or(Vec::is_empty) {
            return Err(Issue::MissingRequiredParameter.at("/event_types", None));
        }
        let webhook = Webhook {
            account: call.account.clone(),
            id: self.core.ids.code("paypal.webhook", 17),
            url: parsed,
            event_types: call.body["event_types"].clone(),
        };
        let json = webhook.json(call);
        self.records.webhooks.insert(webhook.id.clone(), webhook);
        Ok(Reply::new(StatusCode::CREATED, json))
    }

    pub(super) fn list_webhooks(&self, call: &Call) -> Reply {
        let own = self.records.webhooks.values().filter(|webhook| webhook.account == call.account);
        Reply::ok(json!({ "webhooks": own.map(|webhook| webhook.json(call)).collect::<Vec<_>>() }))
    }

    pub(super) fn get_webhook(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let webhook = self.records.webhooks.get(id).filter(|webhook| webhook.account == call.account);
        Ok(Reply::ok(webhook.ok_or(Issue::InvalidResourceId)?.json(call)))
    }

    pub(super) fn delete_webhook(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        self.get_webhook(call, id)?;
        self.records.webhooks.remove(id);
        Ok(Reply::new(StatusCode::NO_CONTENT, Value::Null))
    }
}

pub(super) fn event_types() -> Reply {
    let types: Vec<Value> = EVENT_TYPES
        .iter()
        .map(|(name, description)| {
            json!({
                "name": name,
                "description": description,
                "status": "ENABLED",
                "resource_versions": ["2.0"],
            })
        })
        .collect();
    Reply::ok(json!({ "event_types": types }))
}
