//! Looking at instances.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::instance::Instance;
use super::{Linode, errors, page};
use crate::core::service::{Call, Reply};

const FILTERABLE: [&str; 6] = ["group", "id", "ipv4", "label", "region", "tags"];

pub(super) fn list(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let existing = world.account(call).instances.values().filter(|instance| instance.exists());
    page::list(call, existing.map(|instance| instance.json(call.now)).collect(), &FILTERABLE)
}

pub(super) fn get(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(world.instance(call)?.json(call.now)))
}

pub(super) fn disks(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    page::list(call, world.instance(call)?.disks(call.now), &["label"])
}

pub(super) fn configs(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    page::list(call, world.instance(call)?.configs(), &["label"])
}

/// Bytes of this month so far: a steady 100 kB/s of a running life, enough to see it grow.
pub(super) fn transfer(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let instance = world.instance(call)?;
    let used = (call.now - instance.created).num_seconds().max(0) * 100_000;
    Ok(Reply::ok(json!({ "used": used, "quota": instance.plan.transfer(), "billable": 0 })))
}

/// Fresh and idle instances have none, and all simulated ones count as fresh.
pub(super) fn stats(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    world.instance(call)?;
    Err(errors::general("Stats are unavailable at this time."))
}

pub(super) fn ips(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let instance = world.instance(call)?;
    let private: Vec<Value> =
        instance.private_ipv4.iter().map(|address| private_ipv4(instance, *address)).collect();
    Ok(Reply::ok(json!({
        "ipv4": {
            "public": [public_ipv4(instance)], "private": private, "shared": [], "reserved": [], "vpc": [],
        },
        "ipv6": {
            "slaac": ipv6(instance, &instance.ipv6, true), "link_local": ipv6(instance, &link_local(instance), false),
            "global": [],
        },
    })))
}

fn public_ipv4(instance: &Instance) -> Value {
    let [a, b, c, d] = instance.ipv4.octets();
    json!({
        "address": instance.ipv4, "gateway": Ipv4Addr::new(a, b, c, 1), "subnet_mask": "255.255.255.0",
        "prefix": 24, "type": "ipv4", "public": true, "region": instance.region.id, "linode_id": instance.id,
        "rdns": format!("{a}-{b}-{c}-{d}.ip.linodeusercontent.com"), "interface_id": null, "vpc_nat_1_1": null,
        "assigned_entity": assigned(instance), "reserved": false,
    })
}

fn private_ipv4(instance: &Instance, address: Ipv4Addr) -> Value {
    json!({
        "address": address, "gateway": null, "subnet_mask": "255.255.128.0", "prefix": 17, "type": "ipv4",
        "public": false, "region": instance.region.id, "linode_id": instance.id, "rdns": null,
    })
}

fn ipv6(instance: &Instance, address: &str, public: bool) -> Value {
    json!({
        "address": address, "gateway": "fe80::1", "subnet_mask": "ffff:ffff:ffff:ffff::", "prefix": 64,
        "type": "ipv6", "public": public, "region": instance.region.id, "linode_id": instance.id, "rdns": null,
    })
}

fn link_local(instance: &Instance) -> String {
    let interface = instance.ipv6.split("::").last().unwrap_or("1");
    format!("fe80::{interface}")
}

fn assigned(instance: &Instance) -> Value {
    let url = format!("/v4/linode/instances/{}", instance.id);
    json!({ "id": instance.id, "label": instance.label, "type": "linode", "url": url })
}
