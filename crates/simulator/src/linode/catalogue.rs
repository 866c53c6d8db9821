//! What Linode sells: plans, regions, images, kernels. Public figures as of August 2026, a selection.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::Listed;

/// The catalogue, read once from `catalogue/linode.json`.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../catalogue/linode.json"))
        .expect("the built-in catalogue is read by a test")
});

#[derive(Deserialize)]
pub(super) struct Catalogue {
    pub(super) types: Vec<Plan>,
    pub(super) regions: Vec<Region>,
    core_capabilities: Vec<String>,
    pub(super) images: Vec<Image>,
    kernels: Vec<Value>,
    stackscripts: Vec<Value>,
    unavailable: Vec<Unavailable>,
}

/// US dollars per hour and per month at most. Floats, because that is what the wire carries.
type Price = (f64, f64);

#[derive(Deserialize)]
pub(super) struct Plan {
    pub(super) id: String,
    label: String,
    class: String,
    vcpus: u32,
    /// MB
    memory: u64,
    /// MB
    pub(super) disk: u64,
    /// GB
    transfer: u64,
    /// Mbit/s
    network_out: u32,
    price: Price,
    backups: Price,
    regions: BTreeMap<String, RegionPrice>,
}

#[derive(Deserialize)]
struct RegionPrice {
    price: Price,
    backups: Price,
}

#[derive(Deserialize)]
pub(super) struct Region {
    pub(super) id: String,
    label: String,
    country: String,
    site_type: String,
    extra: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Image {
    pub(super) id: String,
    pub(super) label: String,
    vendor: String,
    size: u32,
    created: String,
    eol: String,
    deprecated: bool,
}

#[derive(Deserialize)]
struct Unavailable {
    region: String,
    plan: String,
}

impl Catalogue {
    pub(super) fn plan(&self, id: &str) -> Option<&Plan> {
        self.types.iter().find(|plan| plan.id == id)
    }

    pub(super) fn region(&self, id: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.id == id)
    }

    pub(super) fn image(&self, id: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.id == id)
    }

    /// Whether new instances of this plan fit into the region. Distributed sites sell plans of their own only.
    pub(super) fn sells(&self, region: &Region, plan: &Plan) -> bool {
        !region.is_distributed()
            && !self.unavailable.iter().any(|pair| pair.region == region.id && pair.plan == plan.id)
    }

    /// The pairs `/regions/availability` lists: the classes that are scarce somewhere.
    pub(super) fn availability(&self) -> Vec<Value> {
        let scarce = |plan: &&Plan| self.unavailable.iter().any(|pair| pair.plan == plan.id);
        self.regions
            .iter()
            .flat_map(|region| {
                self.types.iter().filter(scarce).map(move |plan| {
                    json!({ "region": region.id, "plan": plan.id, "available": self.sells(region, plan) })
                })
            })
            .collect()
    }

    pub(super) fn kernels(&self) -> Vec<Value> {
        let constant = json!({ "kvm": true, "architecture": "x86_64", "pvops": true });
        self.kernels.iter().map(|kernel| merged(kernel, &constant)).collect()
    }

    pub(super) fn stackscripts(&self) -> Vec<Value> {
        self.stackscripts.iter().map(stackscript).collect()
    }
}

impl Plan {
    pub(super) fn json(&self) -> Value {
        let regional = |pick: fn(&RegionPrice) -> Price| -> Vec<Value> {
            self.regions
                .iter()
                .rev()
                .map(|(id, price)| merged(&json!({ "id": id }), &money(pick(price))))
                .collect()
        };
        json!({
            "id": self.id, "label": self.label, "class": self.class,
            "price": money(self.price), "region_prices": regional(|regional| regional.price),
            "addons": { "backups": {
                "price": money(self.backups), "region_prices": regional(|regional| regional.backups),
            } },
            "memory": self.memory, "disk": self.disk, "transfer": self.transfer, "vcpus": self.vcpus, "gpus": 0,
            "accelerated_devices": 0, "network_out": self.network_out, "successor": null,
        })
    }

    /// The `specs` of an instance.
    pub(super) fn specs(&self) -> Value {
        json!({
            "disk": self.disk, "memory": self.memory, "vcpus": self.vcpus, "gpus": 0, "transfer": self.transfer,
            "accelerated_devices": 0,
        })
    }

    /// Included traffic in GB.
    pub(super) fn transfer(&self) -> u64 {
        self.transfer
    }
}

impl Region {
    pub(super) fn is_distributed(&self) -> bool {
        self.site_type == "distributed"
    }

    pub(super) fn site_type(&self) -> &str {
        &self.site_type
    }

    pub(super) fn json(&self) -> Value {
        let resolver = |prefix: &str| (2..=5).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(",");
        let groups = if self.is_distributed() { (json!(0), 0, 0) } else { (Value::Null, 5, 250) };
        json!({
            "id": self.id, "label": self.label, "country": self.country, "capabilities": self.capabilities(),
            "monitors": { "alerts": [], "metrics": [] }, "status": "ok", "site_type": self.site_type,
            "resolvers": { "ipv4": resolver("198.18.255."), "ipv6": resolver("2001:db8:ffff::") },
            "placement_group_limits": {
                "maximum_pgs_per_customer": groups.0, "maximum_linodes_per_pg": groups.1,
                "maximum_linodes_per_flexible_pg": groups.2,
            },
        })
    }

    pub(super) fn capabilities(&self) -> Vec<&str> {
        const DISTRIBUTED: [&str; 6] =
            ["Linodes", "Cloud Firewall", "Vlans", "Metadata", "Disk Encryption", "Maintenance Policy"];
        let base: Vec<&str> = if self.is_distributed() {
            DISTRIBUTED.to_vec()
        } else {
            CATALOGUE.core_capabilities.iter().map(String::as_str).collect()
        };
        base.into_iter().chain(self.extra.iter().map(String::as_str)).collect()
    }
}

impl Image {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id, "label": self.label, "vendor": self.vendor, "size": self.size, "total_size": self.size,
            "created": self.created, "updated": self.created, "eol": self.eol, "deprecated": self.deprecated,
            "description": "", "created_by": "linode", "type": "manual", "tags": [], "is_public": true,
            "is_shared": false, "expiry": null, "regions": [], "status": "available",
            "capabilities": ["cloud-init", "distributed-sites"], "image_sharing": null,
        })
    }
}

impl Listed for Plan {
    fn key(&self) -> &str {
        &self.id
    }

    fn by_key(key: &str) -> Option<&'static Self> {
        CATALOGUE.plan(key)
    }
}

impl Listed for Region {
    fn key(&self) -> &str {
        &self.id
    }

    fn by_key(key: &str) -> Option<&'static Self> {
        CATALOGUE.region(key)
    }
}

fn money((hourly, monthly): Price) -> Value {
    json!({ "hourly": hourly, "monthly": monthly })
}

fn stackscript(row: &Value) -> Value {
    json!({
        "id": row["id"], "username": "linode-stackscripts", "user_gravatar_id": "9d4d301385af69ceb7ad658aad09c142",
        "label": row["label"], "description": row["description"], "images": row["images"],
        "deployments_total": 150, "deployments_active": 40, "is_public": true, "mine": false,
        "created": "2019-03-08T20:53:45", "updated": "2025-10-01T10:00:00", "rev_note": "",
        "script": "#!/bin/bash\nset -e\n", "user_defined_fields": row["fields"],
    })
}

fn merged(base: &Value, extra: &Value) -> Value {
    let mut all = base.clone();
    if let (Some(all), Some(extra)) = (all.as_object_mut(), extra.as_object()) {
        all.extend(extra.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_follow_the_published_regional_factors() {
        assert!(CATALOGUE.types.len() >= 15 && CATALOGUE.regions.len() >= 12 && CATALOGUE.images.len() >= 12);
        for plan in &CATALOGUE.types {
            for (region, factor) in [("id-cgk", 1.2), ("br-gru", 1.4)] {
                let monthly = plan.regions[region].price.1;
                assert!((monthly / plan.price.1 - factor).abs() < 0.01, "{} {region}", plan.id);
            }
        }
        for id in ["linode/debian12", "linode/debian13"] {
            assert!(CATALOGUE.image(id).is_some_and(|image| !image.deprecated));
        }
        assert!(CATALOGUE.images.iter().any(|image| image.deprecated));
        let nanode = CATALOGUE.plan("g6-nanode-1").unwrap().json();
        assert_eq!(nanode["region_prices"][0], json!({"id": "id-cgk", "hourly": 0.009, "monthly": 6.0}));
    }
}
