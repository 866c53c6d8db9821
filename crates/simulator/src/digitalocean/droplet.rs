//! A droplet, how it looks on the wire, and looking at or deleting it.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalogue::{Image, Region, Size};
use super::{DigitalOcean, errors, page, wire_time};
use crate::core::service::{Call, Reply};
use crate::core::{Timeline, Twist, by_key};
use crate::{Cloud, SimServer};

#[derive(Serialize, Deserialize)]
pub(super) struct Droplet {
    pub(super) id: u64,
    pub(super) name: Timeline<String>,
    #[serde(with = "by_key")]
    pub(super) size: &'static Size,
    #[serde(with = "by_key")]
    pub(super) region: &'static Region,
    #[serde(with = "by_key")]
    pub(super) image: &'static Image,
    pub(super) created: DateTime<Utc>,
    pub(super) deleted: Option<DateTime<Utc>>,
    /// `new`, `active`, `off`. There is no status for transitions, those are actions.
    pub(super) status: Timeline<String>,
    /// Addresses are shown from when the create action completes; `None` means never.
    pub(super) networks_from: Option<DateTime<Utc>>,
    pub(super) ipv6_from: Option<DateTime<Utc>>,
    pub(super) tags: Vec<String>,
    pub(super) monitoring: bool,
    pub(super) backups: bool,
    pub(super) vpc: String,
    /// Number of the droplet, from which its addresses follow.
    pub(super) ordinal: u64,
}

impl Droplet {
    /// Whether the API still shows it.
    pub(super) fn exists(&self) -> bool {
        self.deleted.is_none()
    }

    pub(super) fn status(&self, now: DateTime<Utc>) -> &str {
        self.status.at(now)
    }

    pub(super) fn json(&self, now: DateTime<Utc>) -> Value {
        let has_ipv6 = self.ipv6_from.is_some_and(|from| from <= now);
        let features = [
            (self.backups, "backups"),
            (true, "private_networking"),
            (self.ipv6_from.is_some(), "ipv6"),
            (self.monitoring, "monitoring"),
            (true, "droplet_agent"),
        ];
        let features: Vec<&str> = features.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        let connected = self.networks_from.is_some_and(|from| from <= now);
        json!({
            "id": self.id, "name": self.name.at(now), "memory": self.size.memory, "vcpus": self.size.vcpus,
            "disk": self.size.disk, "disk_info": self.size.disk_info(), "locked": false,
            "status": self.status(now), "kernel": null, "created_at": wire_time(self.created),
            "features": features, "backup_ids": [], "next_backup_window": null, "snapshot_ids": [],
            "image": self.image.json(), "volume_ids": [], "size": self.size.json(), "size_slug": self.size.slug,
            "networks": if connected { self.networks(has_ipv6) } else { json!({ "v4": [], "v6": [] }) },
            "region": self.region.json(), "tags": self.tags, "vpc_uuid": self.vpc,
        })
    }

    /// 198.19.0.0/16 and 2001:db8::/32 are reserved: no simulated address is a machine of somebody.
    fn networks(&self, ipv6: bool) -> Value {
        let (net, host) = (self.ordinal / 250 % 250, self.ordinal % 250 + 2);
        let v4 = json!([
            {
                "ip_address": format!("198.19.{net}.{host}"), "netmask": "255.255.255.0",
                "gateway": format!("198.19.{net}.1"), "type": "public",
            },
            {
                "ip_address": format!("10.108.{net}.{host}"), "netmask": "255.255.0.0", "gateway": "10.108.0.1",
                "type": "private",
            },
        ]);
        let v6 = json!([{
            "ip_address": format!("2001:db8:2:1010::{:x}:{:x}", net, host), "netmask": 64,
            "gateway": "2001:db8:2:1010::1", "type": "public",
        }]);
        json!({ "v4": v4, "v6": if ipv6 { v6 } else { json!([]) } })
    }

    pub(super) fn truth(&self, account: &str, now: DateTime<Utc>) -> SimServer {
        let seen = self.deleted.unwrap_or(now);
        SimServer {
            cloud: Cloud::DigitalOcean,
            account: account.to_owned(),
            id: self.id,
            label: self.name.at(seen).clone(),
            tags: self.tags.clone(),
            status: self.status(seen).to_owned(),
            created_at: self.created,
            deleted_at: self.deleted,
            size: self.size.slug.clone(),
            region: self.region.slug.clone(),
        }
    }
}

/// By `tag_name`, or by `name` whatever its case; not both.
pub(super) fn list(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let (tag, name) = (call.query("tag_name"), call.query("name"));
    if tag.is_some() && name.is_some() {
        return Err(errors::bad_request("name and tag_name cannot be combined"));
    }
    let now = call.now;
    let wanted = world.account(call).existing().filter(|droplet| {
        tag.is_none_or(|tag| droplet.tags.iter().any(|own| own.eq_ignore_ascii_case(tag)))
            && name.is_none_or(|name| droplet.name.at(now).eq_ignore_ascii_case(name))
    });
    Ok(page::list(call, "droplets", wanted.map(|droplet| droplet.json(now)).collect()))
}

pub(super) fn get(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let now = call.now;
    Ok(Reply::ok(json!({ "droplet": world.droplet(call)?.json(now) })))
}

/// 204 at once. A delete that fails or hangs is accepted, too, and the droplet stays.
pub(super) fn delete(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let droplet = world.droplet(call)?;
    let id = droplet.id;
    let kept = matches!(call.twist, Some(Twist::Failed | Twist::Stuck));
    if !kept {
        droplet.deleted = Some(call.now);
    }
    let ends = (call.twist != Some(Twist::Stuck)).then_some(call.now);
    world.record(call, id, "destroy", ends, kept);
    Ok(Reply::new(StatusCode::NO_CONTENT, Value::Null))
}
