//! `/account/events`: the only handle Linode gives on what its actions are doing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Linode, errors, page, wire_time};
use crate::core::service::{Call, Reply};

/// One event. Its state is a function of time.
#[derive(Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) action: String,
    pub(super) instance: u64,
    pub(super) instance_label: String,
    /// Image of a create, configuration of a boot.
    pub(super) secondary: Value,
    pub(super) username: String,
    pub(super) created: DateTime<Utc>,
    /// When work begins and ends. `None` means never: the event stays *scheduled*.
    pub(super) span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Ends as *failed*.
    pub(super) fails: bool,
}

impl Event {
    pub(super) fn json(&self, now: DateTime<Utc>) -> Value {
        let (status, percent, duration, remaining) = self.progress(now);
        let url = format!("/v4/linode/instances/{}", self.instance);
        json!({
            "id": self.id, "action": self.action, "created": wire_time(self.created), "status": status,
            "percent_complete": percent, "duration": duration, "time_remaining": remaining, "rate": null,
            "entity": { "id": self.instance, "label": self.instance_label, "type": "linode", "url": url },
            "secondary_entity": self.secondary, "username": self.username, "message": "", "details": {},
            "seen": false, "read": false,
        })
    }

    /// Status, percent, seconds so far, and `time_remaining` (0 when over, as recorded).
    fn progress(&self, now: DateTime<Utc>) -> (&'static str, i64, Value, Value) {
        let Some((start, end)) = self.span else { return ("scheduled", 0, Value::Null, Value::Null) };
        let total = (end - start).num_milliseconds().max(1);
        let done = (now - start).num_milliseconds();
        if now >= end {
            let status = if self.fails { "failed" } else { "finished" };
            (status, 100, json!(total as f64 / 1e3), json!(0))
        } else if now >= start {
            ("started", (done * 100 / total).clamp(0, 99), json!(done as f64 / 1e3), Value::Null)
        } else {
            ("scheduled", 0, Value::Null, Value::Null)
        }
    }
}

const FILTERABLE: [&str; 8] =
    ["action", "created", "entity.id", "entity.type", "id", "read", "seen", "status"];

/// Newest first.
pub(super) fn list(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let events = world.account(call).events.iter().rev().map(|event| event.json(call.now)).collect();
    page::list(call, events, &FILTERABLE)
}

pub(super) fn get(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let events = &world.account(call).events;
    let event = events.iter().find(|event| Some(event.id) == call.id(0)).ok_or_else(errors::not_found)?;
    Ok(Reply::ok(event.json(call.now)))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn progress_rises_to_the_end() {
        let start = DateTime::UNIX_EPOCH;
        let at = |seconds| start + TimeDelta::seconds(seconds);
        let mut event = Event {
            id: 1,
            action: "linode_boot".to_owned(),
            instance: 2,
            instance_label: "x".to_owned(),
            secondary: Value::Null,
            username: "sim".to_owned(),
            created: start,
            span: Some((at(1), at(21))),
            fails: false,
        };
        let seen: Vec<_> = [0, 1, 11, 20, 21, 99].map(|s| event.progress(at(s))).map(|p| (p.0, p.1)).to_vec();
        let rest = [("scheduled", 0), ("started", 0), ("started", 50), ("started", 95), ("finished", 100)];
        assert_eq!(seen[..5], rest);
        assert_eq!(seen[5], ("finished", 100));
        event.fails = true;
        assert_eq!(event.progress(at(21)).0, "failed");
        event.span = None;
        assert_eq!(event.progress(at(9999)).0, "scheduled");
    }
}
