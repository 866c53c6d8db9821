//! Actions: the only place where DigitalOcean shows that something is under way.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use axum::http::StatusCode;

use super::catalogue::Region;
use super::{DigitalOcean, errors, page, wire_time};
use crate::core::service::{Call, Reply};
use crate::core::{Twist, by_key};

/// One action on a droplet. Its state is a function of time; actions are never forgotten.
#[derive(Serialize, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) droplet: u64,
    #[serde(with = "by_key")]
    pub(super) region: &'static Region,
    pub(super) started: DateTime<Utc>,
    /// `None` means never.
    pub(super) ends: Option<DateTime<Utc>>,
    /// Ends as *errored*.
    pub(super) fails: bool,
}

impl Action {
    pub(super) fn is_pending(&self, now: DateTime<Utc>) -> bool {
        self.ends.is_none_or(|end| now < end)
    }

    pub(super) fn json(&self, now: DateTime<Utc>) -> Value {
        let ended = self.ends.filter(|end| *end <= now);
        let status = match (ended, self.fails) {
            (None, _) => "in-progress",
            (Some(_), false) => "completed",
            (Some(_), true) => "errored",
        };
        json!({
            "id": self.id, "status": status, "type": self.kind, "started_at": wire_time(self.started),
            "completed_at": ended.map(wire_time), "resource_id": self.droplet, "resource_type": "droplet",
            "region": self.region.json(), "region_slug": self.region.slug,
        })
    }
}

/// What an action type needs and does. Resize, rebuild, snapshots and backups are not simulated.
struct Kind {
    name: &'static str,
    length: TimeDelta,
    /// Status the droplet must not have, and how that is said.
    refused: Option<(&'static str, &'static str)>,
    /// Status afterwards.
    becomes: Option<&'static str>,
}

const ON: &str = "Droplet is already powered on.";
const OFF: &str = "Droplet is already powered off.";

const KINDS: [Kind; 8] = [
    Kind::new("reboot", 15, Some(("off", OFF)), None),
    Kind::new("power_cycle", 15, None, Some("active")),
    Kind::new("shutdown", 20, Some(("off", OFF)), Some("off")),
    Kind::new("power_off", 8, Some(("off", OFF)), Some("off")),
    Kind::new("power_on", 10, Some(("active", ON)), Some("active")),
    Kind::new("password_reset", 10, None, None),
    Kind::new("rename", 5, None, None),
    Kind::new("enable_ipv6", 10, None, None),
];

impl Kind {
    const fn new(
        name: &'static str,
        seconds: i64,
        refused: Option<(&'static str, &'static str)>,
        becomes: Option<&'static str>,
    ) -> Self {
        Self { name, length: TimeDelta::seconds(seconds), refused, becomes }
    }
}

/// `POST /v2/droplets/{id}/actions`
pub(super) fn create(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let now = call.now;
    let id = world.droplet(call)?.id;
    let asked = call.text("type").unwrap_or_default();
    let kind = KINDS.iter().find(|kind| kind.name == asked);
    let kind = kind.ok_or_else(|| errors::unprocessable("The type of action you requested is not valid."))?;
    let new_name = call.text("name").unwrap_or_default();
    if kind.name == "rename" && !super::create::is_hostname(new_name) {
        return Err(errors::unprocessable(super::create::BAD_NAME));
    }
    if world.account(call).is_pending(id, now) {
        return Err(errors::pending());
    }
    let status_at = now + kind.length;
    let ends = status_at + world.lag();
    let droplet = world.droplet(call)?;
    if let Some((_, reason)) = kind.refused.filter(|(status, _)| droplet.status(now) == *status) {
        return Err(errors::unprocessable(reason));
    }
    if call.twist.is_none() {
        if let Some(status) = kind.becomes {
            droplet.status.plan(status_at, status);
        }
        match kind.name {
            "rename" => droplet.name.plan(status_at, new_name.to_owned()),
            "enable_ipv6" => droplet.ipv6_from = droplet.ipv6_from.or(Some(status_at)),
            _ => {}
        }
    }
    let ends = (call.twist != Some(Twist::Stuck)).then_some(ends);
    let action = world.record(call, id, kind.name, ends, call.twist.is_some());
    Ok(Reply::new(StatusCode::CREATED, json!({ "action": action })))
}

/// `GET /v2/actions`, newest first.
pub(super) fn list(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let actions = world.account(call).actions.iter().rev().map(|action| action.json(call.now)).collect();
    Ok(page::list(call, "actions", actions))
}

/// `GET /v2/actions/{id}`
pub(super) fn get(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    find(world, call, 0, None)
}

/// `GET /v2/droplets/{id}/actions`, newest first.
pub(super) fn list_of_droplet(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let id = world.droplet(call)?.id;
    let own = world.account(call).actions.iter().rev().filter(|action| action.droplet == id);
    Ok(page::list(call, "actions", own.map(|action| action.json(call.now)).collect()))
}

/// `GET /v2/droplets/{id}/actions/{action}`
pub(super) fn get_of_droplet(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let droplet = world.droplet(call)?.id;
    find(world, call, 1, Some(droplet))
}

fn find(world: &mut DigitalOcean, call: &Call, param: usize, droplet: Option<u64>) -> Result<Reply, Reply> {
    let id = call.id(param);
    let mut actions = world.account(call).actions.iter();
    let action = actions.find(|a| Some(a.id) == id && droplet.is_none_or(|droplet| a.droplet == droplet));
    let action = action.ok_or_else(errors::not_found)?;
    Ok(Reply::ok(json!({ "action": action.json(call.now) })))
}
