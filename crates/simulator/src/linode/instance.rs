//! An instance and how it looks on the wire.

use std::net::Ipv4Addr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalogue::{CATALOGUE, Plan, Region};
use super::wire_time;
use crate::core::{Timeline, by_key};
use crate::{Cloud, SimServer};

/// A Linode.
#[derive(Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) group: String,
    pub(super) tags: Vec<String>,
    #[serde(with = "by_key")]
    pub(super) plan: &'static Plan,
    #[serde(with = "by_key")]
    pub(super) region: &'static Region,
    /// Image id; `None` for an instance without disks.
    pub(super) image: Option<String>,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) deleted: Option<DateTime<Utc>>,
    pub(super) status: Timeline<String>,
    /// No new job is taken before.
    pub(super) busy_until: DateTime<Utc>,
    pub(super) ipv4: Ipv4Addr,
    pub(super) private_ipv4: Option<Ipv4Addr>,
    pub(super) ipv6: String,
    pub(super) host_uuid: String,
    pub(super) alerts: Value,
    pub(super) backups_enabled: bool,
    pub(super) watchdog_enabled: bool,
    pub(super) has_user_data: bool,
    pub(super) maintenance_policy: String,
    pub(super) root_disk: u64,
    pub(super) swap_disk: u64,
    /// MB
    pub(super) swap_size: u64,
    pub(super) config: u64,
}

impl Instance {
    /// Whether the API still shows it.
    pub(super) fn exists(&self) -> bool {
        self.deleted.is_none()
    }

    pub(super) fn status(&self, now: DateTime<Utc>) -> &str {
        self.status.at(now)
    }

    /// Whether a job is running or a transition is under way.
    pub(super) fn is_busy(&self, now: DateTime<Utc>) -> bool {
        now < self.busy_until || !self.status.is_settled(now)
    }

    pub(super) fn json(&self, now: DateTime<Utc>) -> Value {
        let mut ipv4 = vec![self.ipv4];
        ipv4.extend(self.private_ipv4);
        let window = self.backups_enabled.then_some(("Saturday", "W22")).unzip();
        json!({
            "id": self.id, "label": self.label, "group": self.group, "status": self.status(now),
            "created": wire_time(self.created), "updated": wire_time(self.updated), "type": self.plan.id,
            "ipv4": ipv4, "ipv6": format!("{}/128", self.ipv6), "image": self.image, "region": self.region.id,
            "site_type": self.region.site_type(), "specs": self.plan.specs(), "alerts": self.alerts,
            "backups": {
                "enabled": self.backups_enabled, "available": self.backup_at(now).is_some(),
                "schedule": { "day": window.0, "window": window.1 },
                "last_successful": self.backup_at(now).map(wire_time),
            },
            "hypervisor": "kvm", "watchdog_enabled": self.watchdog_enabled, "tags": self.tags,
            "host_uuid": self.host_uuid, "has_user_data": self.has_user_data, "placement_group": null,
            "disk_encryption": "enabled", "lke_cluster_id": null, "capabilities": ["SMTP Enabled"],
            "interface_generation": "legacy_config", "maintenance_policy": self.maintenance_policy, "locks": [],
        })
    }

    /// The first automatic backup comes within a day, later ones daily.
    fn backup_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = (now - self.created).num_days();
        (self.backups_enabled && days > 0).then(|| self.created + TimeDelta::days(days))
    }

    /// Root disk and swap; none without an image.
    pub(super) fn disks(&self, now: DateTime<Utc>) -> Vec<Value> {
        let Some(image) = self.image.as_deref() else { return Vec::new() };
        let label = CATALOGUE.image(image).map_or(image, |image| &image.label);
        let status = if self.status(now) == "provisioning" { "not ready" } else { "ready" };
        let disk = |id: u64, label: String, filesystem: &str, size: u64| {
            json!({
                "id": id, "label": label, "filesystem": filesystem, "size": size, "status": status,
                "created": wire_time(self.created), "updated": wire_time(self.created), "disk_encryption": "enabled",
            })
        };
        let mut disks = vec![disk(
            self.root_disk,
            format!("{label} Disk"),
            "ext4",
            self.plan.disk.saturating_sub(self.swap_size),
        )];
        if self.swap_size > 0 {
            disks.push(disk(
                self.swap_disk,
                format!("{} MB Swap Image", self.swap_size),
                "swap",
                self.swap_size,
            ));
        }
        disks
    }

    pub(super) fn config_label(&self) -> String {
        let image = self.image.as_deref().and_then(|id| CATALOGUE.image(id));
        format!("My {} Disk Profile", image.map_or("Linode", |image| &image.label))
    }

    /// The one configuration profile; none without an image.
    pub(super) fn configs(&self) -> Vec<Value> {
        if self.image.is_none() {
            return Vec::new();
        }
        let disk = |id: u64| json!({ "disk_id": id, "volume_id": null });
        let swap = if self.swap_size > 0 { disk(self.swap_disk) } else { Value::Null };
        vec![json!({
            "id": self.config, "label": self.config_label(), "comments": "", "kernel": "linode/grub2",
            "memory_limit": 0, "run_level": "default", "virt_mode": "paravirt", "root_device": "/dev/sda",
            "devices": {
                "sda": disk(self.root_disk), "sdb": swap, "sdc": null, "sdd": null, "sde": null, "sdf": null,
                "sdg": null, "sdh": null,
            },
            "helpers": {
                "updatedb_disabled": true, "distro": true, "modules_dep": true, "network": true,
                "devtmpfs_automount": true,
            },
            "interfaces": [], "created": wire_time(self.created), "updated": wire_time(self.created),
        })]
    }

    pub(super) fn truth(&self, account: &str, now: DateTime<Utc>) -> SimServer {
        SimServer {
            cloud: Cloud::Linode,
            account: account.to_owned(),
            id: self.id,
            label: self.label.clone(),
            tags: self.tags.clone(),
            status: self.status(self.deleted.unwrap_or(now)).to_owned(),
            created_at: self.created,
            deleted_at: self.deleted,
            size: self.plan.id.clone(),
            region: self.region.id.clone(),
        }
    }
}
