//! What happened and whom it is told to: `/v1/notifications/webhooks-events`.

use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::books::{Books, Call};
use super::delivery::Delivery;
use super::event_type::EventType;
use super::problem::{Issue, Problem};
use super::render::link;
use super::{samples, webhooks};
use crate::core::service::Reply;

/// Events that PayPal lists at once if it is not told how many.
const PAGE_SIZE: usize = 10;
/// What a simulated event to an address without a subscription is signed for.
pub(super) const NO_WEBHOOK: &str = "WEBHOOK_ID";

/// Something that happened to a merchant's money.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) account: String,
    /// In PayPal's words.
    pub(super) event_type: String,
    pub(super) at: DateTime<Utc>,
    /// As it is told: the bytes that are signed are these, written without spaces.
    pub(super) body: Value,
}

impl Books {
    /// Notes what happened and tells it to everybody who asked for it.
    pub(super) fn tell(&mut self, call: &Call, event_type: EventType, summary: &str, resource: Value) {
        let event = self.event(call, event_type, summary, resource);
        let wanted =
            |webhook: &&webhooks::Webhook| webhook.account == event.account && webhook.wants(event_type);
        let listeners: Vec<_> = self.records.webhooks.values().filter(wanted).cloned().collect();
        for webhook in listeners {
            self.queue(Delivery::new(&event, &webhook.id, webhook.url, call));
        }
        self.records.events.push(event);
    }

    fn event(&self, call: &Call, event_type: EventType, summary: &str, resource: Value) -> Event {
        let code = || self.core.ids.code("paypal.event", 17);
        let id = format!("WH-{}-{}", code(), code());
        let href = format!("{}/v1/notifications/webhooks-events/{id}", call.origin);
        let body = json!({
            "id": id,
            "event_version": "1.0",
            "create_time": call.now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "resource_type": event_type.resource_type(),
            "resource_version": event_type.resource_version(),
            "event_type": event_type.name(),
            "summary": summary,
            "resource": resource,
            "links": [link(&href, "self", "GET"), link(&format!("{href}/resend"), "resend", "POST")],
        });
        let (account, event_type) = (call.account.clone(), event_type.name().to_owned());
        Event { id, account, event_type, at: call.now, body }
    }

    /// The newest first.
    pub(super) fn list_events(&self, call: &Call) -> Result<Reply, Problem> {
        let [from, until] = [call.moment("start_time")?, call.moment("end_time")?];
        let size = call.number("page_size", PAGE_SIZE, 1..=100)?;
        let mentions = |event: &Event, id: &str| event.body["resource"]["id"] == id;
        let events = self.records.events.iter().rev().filter(|event| {
            event.account == call.account
                && from.is_none_or(|from| event.at >= from)
                && until.is_none_or(|until| event.at <= until)
                && call.query("event_type").is_none_or(|name| event.event_type == name)
                && call.query("transaction_id").is_none_or(|id| mentions(event, id))
        });
        let events: Vec<&Value> = events.take(size).map(|event| &event.body).collect();
        let href = format!("{}/v1/notifications/webhooks-events", call.origin);
        Ok(Reply::ok(
            json!({ "count": events.len(), "events": events, "links": [link(&href, "self", "GET")] }),
        ))
    }

    pub(super) fn get_event(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        Ok(Reply::ok(self.own_event(call, id)?.body.clone()))
    }

    /// Tells it again, to the listeners that are named or to all, whether they heard it before or not.
    pub(super) fn resend_event(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let event = self.own_event(call, id)?.clone();
        let webhooks: Vec<_> = match call.body["webhook_ids"].as_array() {
            Some(ids) => ids
                .iter()
                .map(|id| self.webhook(call, id.as_str().unwrap_or_default()).cloned())
                .collect::<Result<_, _>>()?,
            None => {
                let own = self.records.webhooks.values().filter(|webhook| webhook.account == call.account);
                own.cloned().collect()
            }
        };
        for webhook in webhooks {
            self.queue(Delivery::new(&event, &webhook.id, webhook.url, call));
        }
        Ok(Reply::new(StatusCode::ACCEPTED, event.body))
    }

    /// An event with a made-up resource, for a listener whatever it asked for, or for any address.
    pub(super) fn simulate_event(&mut self, call: &Call) -> Result<Reply, Problem> {
        let name = call.body["event_type"].as_str();
        let name = name.ok_or_else(|| Issue::MissingRequiredParameter.at("/event_type", None))?;
        let event_type = EventType::named(name)
            .ok_or_else(|| Issue::InvalidParameterValue.at("/event_type", Some(name)))?;
        let (id, url) = match (call.body["webhook_id"].as_str(), &call.body["url"]) {
            (Some(id), _) => (id, self.webhook(call, id)?.url.clone()),
            (None, Value::Null) => return Err(Issue::MissingRequiredParameter.at("/webhook_id", None)),
            (None, url) => (NO_WEBHOOK, webhooks::url(url, "/url")?),
        };
        let resource = samples::resource(event_type, call);
        let event = self.event(call, event_type, "A simulated event", resource);
        self.queue(Delivery::new(&event, id, url, call));
        self.records.events.push(event.clone());
        Ok(Reply::new(StatusCode::ACCEPTED, event.body))
    }

    fn own_event(&self, call: &Call, id: &str) -> Result<&Event, Problem> {
        let found = self.records.events.iter().rfind(|event| event.id == id && event.account == call.account);
        found.ok_or_else(|| Issue::InvalidResourceId.into())
    }
}

impl Call {
    /// The first value of a query parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that is a moment.
    pub(super) fn moment(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        let read = |text: &str| {
            let moment =
                DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%FT%T%z"));
            moment.map_err(|_| Issue::InvalidParameterSyntax.at(name, Some(text)))
        };
        Ok(self.query(name).map(read).transpose()?.map(|moment| moment.with_timezone(&Utc)))
    }

    /// A query parameter that is a number within a range.
    pub(super) fn number(
        &self,
        name: &str,
        default: usize,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<usize, Problem> {
        let Some(text) = self.query(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| Issue::InvalidParameterValue.at(name, Some(text)))
    }
}
