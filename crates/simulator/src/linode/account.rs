//! The account, the user and the catalogue: things that only have to be there to be read.

use serde_json::{Value, json};

use super::catalogue::CATALOGUE;
use super::{Linode, errors, page, username};
use crate::core::service::{Call, Reply};
use crate::core::stable_hash;

pub(super) fn account(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!({
        "company": call.account, "email": format!("{}@linode.example", call.account), "first_name": "Sim",
        "last_name": "Ulated", "address_1": "1 Example Street", "address_2": "", "city": "Philadelphia",
        "state": "PA", "zip": "19106", "country": "US", "phone": "", "tax_id": "",
        "credit_card": { "last_four": "1111", "expiry": "12/2030" }, "balance": 0.0, "balance_uninvoiced": 0.0,
        "billing_source": "linode", "active_since": "2020-01-01T00:00:00", "active_promotions": [],
        "euuid": euuid(&call.account),
        "capabilities": ["Linodes", "Block Storage", "Cloud Firewall", "Vlans", "VPCs", "Placement Group"],
    })))
}

/// The same for the same account, so that a rotated token shows the same upstream account.
fn euuid(account: &str) -> String {
    let hash = stable_hash(account);
    let text = format!("{hash:016X}{:016X}", hash.rotate_left(29));
    format!("{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..])
}

pub(super) fn settings(_: &mut Linode, _: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!({
        "backups_enabled": false, "managed": false, "network_helper": true, "longview_subscription": null,
        "object_storage": "disabled", "interfaces_for_new_linodes": "legacy_config_default_but_linode_allowed",
        "maintenance_policy": "linode/migrate", "tfa_enforced": false,
    })))
}

pub(super) fn profile(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!({
        "uid": 1001, "username": username(&call.account), "email": format!("{}@linode.example", call.account),
        "timezone": "UTC", "email_notifications": true, "ip_whitelist_enabled": false, "two_factor_auth": true,
        "lish_auth_method": "keys_only", "authentication_type": "password", "authorized_keys": [],
        "restricted": false, "verified_phone_number": null, "tfa_enforced": false,
        "referrals": { "code": "", "url": "", "total": 0, "completed": 0, "pending": 0, "credit": 0 },
    })))
}

/// GB of this month: what the plans include, none of it used up.
pub(super) fn transfer(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let instances = world.account(call).instances.values().filter(|instance| instance.exists());
    let quota: u64 = instances.map(|instance| instance.plan.transfer()).sum();
    Ok(Reply::ok(json!({ "used": 0, "quota": quota, "billable": 0, "region_transfers": [] })))
}

pub(super) fn availability(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let rows = CATALOGUE
        .regions
        .iter()
        .map(|region| json!({ "region": region.id, "available": region.capabilities(), "unavailable": [] }));
    page::list(call, rows.collect(), &["region"])
}

/// A list of which the simulated account has nothing.
pub(super) fn nothing(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    page::list(call, Vec::new(), &["billing_source", "date", "label", "total", "status", "type"])
}

pub(super) fn regions(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    page::list(
        call,
        CATALOGUE.regions.iter().map(|region| region.json()).collect(),
        &["country", "site_type"],
    )
}

pub(super) fn region(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    CATALOGUE.region(call.param(0)).map(|region| Reply::ok(region.json())).ok_or_else(errors::not_found)
}

pub(super) fn plan_availability(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    page::list(call, CATALOGUE.availability(), &["region", "plan", "available"])
}

pub(super) fn region_plans(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let region = CATALOGUE.region(call.param(0)).ok_or_else(errors::not_found)?;
    let rows = CATALOGUE.availability().into_iter().filter(|row| row["region"] == region.id.as_str());
    Ok(Reply::ok(Value::Array(rows.collect())))
}

pub(super) fn types(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let filterable = ["class", "disk", "gpus", "label", "memory", "network_out", "transfer", "vcpus"];
    page::list(call, CATALOGUE.types.iter().map(|plan| plan.json()).collect(), &filterable)
}

pub(super) fn plan(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    CATALOGUE.plan(call.param(0)).map(|plan| Reply::ok(plan.json())).ok_or_else(errors::not_found)
}

pub(super) fn kernels(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let filterable = ["architecture", "deprecated", "kvm", "label", "pvops", "version"];
    page::list(call, CATALOGUE.kernels(), &filterable)
}

pub(super) fn kernel(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    one(CATALOGUE.kernels(), &json!(call.param(0)))
}

pub(super) fn images(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let filterable = ["deprecated", "is_public", "label", "size", "status", "tags", "type", "vendor"];
    page::list(call, CATALOGUE.images.iter().map(|image| image.json()).collect(), &filterable)
}

pub(super) fn image(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    CATALOGUE.image(call.param(0)).map(|image| Reply::ok(image.json())).ok_or_else(errors::not_found)
}

pub(super) fn stackscripts(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let filterable =
        ["deployments_total", "description", "id", "is_public", "label", "mine", "rev_note", "username"];
    page::list(call, CATALOGUE.stackscripts(), &filterable)
}

pub(super) fn stackscript(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    one(CATALOGUE.stackscripts(), &json!(call.id(0)))
}

fn one(items: Vec<Value>, id: &Value) -> Result<Reply, Reply> {
    items.into_iter().find(|item| item["id"] == *id).map(Reply::ok).ok_or_else(errors::not_found)
}

pub(super) fn network_transfer_prices(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let hourly = |price: f64| json!({ "hourly": price, "monthly": null });
    let abroad = [("id-cgk", 0.015), ("br-gru", 0.007)]
        .map(|(region, price)| json!({ "id": region, "hourly": price, "monthly": null }));
    let rows = vec![
        json!({
            "id": "distributed_network_transfer", "label": "Distributed Network Transfer",
            "price": hourly(0.01), "region_prices": [], "transfer": 0,
        }),
        json!({
            "id": "network_transfer", "label": "Network Transfer", "price": hourly(0.005),
            "region_prices": abroad, "transfer": 0,
        }),
    ];
    page::list(call, rows, &[])
}

pub(super) fn volume_types(_: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let row = json!({
        "id": "volume", "label": "Storage Volume", "price": { "hourly": 0.00015, "monthly": 0.1 },
        "region_prices": [
            { "id": "id-cgk", "hourly": 0.00018, "monthly": 0.12 },
            { "id": "br-gru", "hourly": 0.00021, "monthly": 0.14 },
        ],
        "transfer": 0,
    });
    page::list(call, vec![row], &[])
}
