//! The account, its (empty) bills and the catalogue: things that only have to be there to be read.

use serde_json::{Value, json};
use uuid::Uuid;

use super::catalogue::{CATALOGUE, Image};
use super::{DROPLET_LIMIT, DigitalOcean, errors, page, wire_time};
use crate::core::service::{Call, Reply};
use crate::core::stable_hash;

pub(super) fn account(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    // the same for the same account, so that a rotated token shows the same upstream account
    let hash = stable_hash(&call.account);
    let uuid = format!("{hash:016x}{:016x}{:08x}", hash.rotate_left(23), hash as u32);
    Ok(Reply::ok(json!({ "account": {
        "droplet_limit": DROPLET_LIMIT, "floating_ip_limit": 5, "reserved_ip_limit": 5, "volume_limit": 100,
        "email": format!("{}@digitalocean.example", call.account), "name": call.account, "uuid": uuid,
        "email_verified": true, "status": "active", "status_message": "",
        "team": { "uuid": uuid, "name": call.account },
    } })))
}

pub(super) fn balance(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!({
        "month_to_date_balance": "0.00", "account_balance": "0.00", "month_to_date_usage": "0.00",
        "generated_at": wire_time(call.now),
    })))
}

pub(super) fn billing_history(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    Ok(page::list(call, "billing_history", Vec::new()))
}

pub(super) fn invoices(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let mut reply = page::list(call, "invoices", Vec::new());
    let hash = stable_hash(&call.account);
    reply.body["invoice_preview"] = json!({
        "invoice_uuid": Uuid::from_u64_pair(hash, hash.rotate_left(31)), "invoice_id": "0", "amount": "0.00",
        "invoice_period": call.now.format("%Y-%m").to_string(), "updated_at": wire_time(call.now),
    });
    Ok(reply)
}

/// Only the invoice that is being written exists.
pub(super) fn invoice_items(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    if call.param(0) != "preview" {
        return Err(errors::not_found());
    }
    Ok(page::list(call, "invoice_items", Vec::new()))
}

pub(super) fn regions(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    Ok(page::list(call, "regions", CATALOGUE.regions.iter().map(|region| region.json()).collect()))
}

pub(super) fn sizes(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    Ok(page::list(call, "sizes", CATALOGUE.sizes.iter().map(|size| size.json()).collect()))
}

/// All images, or those of one `type`; the simulated accounts have no `private` ones.
pub(super) fn images(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let json = |images: &[Image]| images.iter().map(Image::json).collect::<Vec<Value>>();
    let all = || [json(&CATALOGUE.distributions), json(&CATALOGUE.applications)].concat();
    let images = match (call.query("private"), call.query("type")) {
        (Some("true"), _) => Vec::new(),
        (_, Some("distribution")) => json(&CATALOGUE.distributions),
        (_, Some("application")) => json(&CATALOGUE.applications),
        (_, Some(_)) => Vec::new(),
        (_, None) => all(),
    };
    Ok(page::list(call, "images", images))
}

pub(super) fn image(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let image = CATALOGUE.image(call.param(0)).ok_or_else(errors::not_found)?;
    Ok(Reply::ok(json!({ "image": image.json() })))
}

pub(super) fn one_clicks(_: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let wanted = call.query("type").is_none_or(|kind| kind == "droplet");
    let apps = CATALOGUE.applications.iter().filter(|_| wanted);
    let rows: Vec<Value> = apps.map(|app| json!({ "slug": app.slug, "type": "droplet" })).collect();
    Ok(Reply::ok(json!({ "1_clicks": rows })))
}
