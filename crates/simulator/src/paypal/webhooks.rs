//! The listeners that merchants register at `/v1/notifications/webhooks`.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::books::{Books, Call};
use super::event_type::EventType;
use super::problem::{Issue, Problem};
use super::render::link;
use crate::core::service::Reply;

/// More a merchant's app may not register.
const MAX_WEBHOOKS: usize = 10;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Webhook {
    pub(super) account: String,
    pub(super) id: String,
    pub(super) url: Url,
    event_types: Value,
}

impl Webhook {
    fn json(&self, call: &Call) -> Value {
        let href = format!("{}/v1/notifications/webhooks/{}", call.origin, self.id);
        json!({
            "id": self.id,
            "url": self.url,
            "event_types": self.event_types,
            "links": [link(&href, "self", "GET"), link(&href, "update", "PATCH"), link(&href, "delete", "DELETE")],
        })
    }

    /// Whether it asked for these events, by name or with `*`.
    pub(super) fn wants(&self, event_type: EventType) -> bool {
        let names =
            self.event_types.as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str());
        names.into_iter().any(|name| name == "*" || name == event_type.name())
    }
}

impl Books {
    pub(super) fn create_webhook(&mut self, call: &Call) -> Result<Reply, Problem> {
        let url = url(&call.body["url"], "/url")?;
        let event_types = event_types(&call.body["event_types"], "/event_types")?;
        let mut own = self.records.webhooks.values().filter(|webhook| webhook.account == call.account);
        if own.any(|webhook| webhook.url == url) {
            return Err(Problem::named("WEBHOOK_URL_ALREADY_EXISTS", "Webhook URL already exists."));
        }
        let own = self.records.webhooks.values().filter(|webhook| webhook.account == call.account);
        if own.count() >= MAX_WEBHOOKS {
            let message = "Your app has reached the limit of webhooks that are allowed.";
            return Err(Problem::named("WEBHOOK_NUMBER_LIMIT_EXCEEDED", message));
        }
        let webhook = Webhook {
            account: call.account.clone(),
            id: self.core.ids.code("paypal.webhook", 17),
            url,
            event_types,
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
        Ok(Reply::ok(self.webhook(call, id)?.json(call)))
    }

    pub(super) fn list_webhook_types(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        Ok(Reply::ok(json!({ "event_types": self.webhook(call, id)?.event_types })))
    }

    /// Replaces the address or the event types, or none if one of the patches is wrong.
    pub(super) fn patch_webhook(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let mut webhook = self.webhook(call, id)?.clone();
        for patch in call.body.as_array().ok_or(Issue::MalformedRequestJson)? {
            match (patch["op"].as_str(), patch["path"].as_str()) {
                (Some("replace"), Some("/url")) => webhook.url = url(&patch["value"], "/url")?,
                (Some("replace"), Some("/event_types")) => {
                    webhook.event_types = event_types(&patch["value"], "/event_types")?;
                }
                (_, path) => return Err(Issue::InvalidParameterValue.at(path.unwrap_or("/path"), None)),
            }
        }
        let json = webhook.json(call);
        self.records.webhooks.insert(id.to_owned(), webhook);
        Ok(Reply::ok(json))
    }

    pub(super) fn delete_webhook(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        self.webhook(call, id)?;
        self.records.webhooks.remove(id);
        Ok(Reply::new(StatusCode::NO_CONTENT, Value::Null))
    }

    /// The caller's listener.
    pub(super) fn webhook(&self, call: &Call, id: &str) -> Result<&Webhook, Problem> {
        let webhook = self.records.webhooks.get(id).filter(|webhook| webhook.account == call.account);
        webhook.ok_or_else(|| Issue::InvalidResourceId.into())
    }
}

/// An address to deliver to. PayPal takes none without TLS; tests have no certificates for theirs.
pub(super) fn url(json: &Value, at: &str) -> Result<Url, Problem> {
    let text = json.as_str().ok_or_else(|| Issue::MissingRequiredParameter.at(at, None))?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| Issue::InvalidParameterSyntax.at(at, Some(text)))
}

fn event_types(json: &Value, at: &str) -> Result<Value, Problem> {
    let types = json.as_array().filter(|types| !types.is_empty());
    for entry in types.ok_or_else(|| Issue::MissingRequiredParameter.at(at, None))? {
        let name = entry["name"].as_str().unwrap_or_default();
        if name != "*" && EventType::named(name).is_none() {
            return Err(Issue::InvalidParameterValue.at(at, Some(name)));
        }
    }
    Ok(json.clone())
}
