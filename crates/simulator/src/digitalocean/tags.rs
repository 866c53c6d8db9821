//! `/v2/tags`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Account, DigitalOcean, errors, page};
use crate::core::service::{Call, Reply};

pub(super) const BAD_TAG: &str = "Tags may contain letters, numbers, colons, dashes, and underscores only.";

/// Letters, digits, `_`, `-`, `:`, at most 255.
pub(super) fn is_tag(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte))
}

pub(super) fn list(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let account = world.account(call);
    Ok(page::list(call, "tags", account.tags.iter().map(|name| describe(account, call, name)).collect()))
}

pub(super) fn create(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let name = call.text("name").unwrap_or_default();
    if !is_tag(name) {
        return Err(errors::unprocessable(BAD_TAG));
    }
    let account = world.account(call);
    account.tags.insert(name.to_owned());
    Ok(Reply::new(StatusCode::CREATED, json!({ "tag": describe(account, call, name) })))
}

pub(super) fn get(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let name = find(world, call)?;
    Ok(Reply::ok(json!({ "tag": describe(world.account(call), call, &name) })))
}

pub(super) fn delete(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let name = find(world, call)?;
    let account = world.account(call);
    account.tags.remove(&name);
    for droplet in account.droplets.values_mut() {
        droplet.tags.retain(|tag| *tag != name);
    }
    Ok(Reply::new(StatusCode::NO_CONTENT, Value::Null))
}

/// Puts the tag on the droplets of the body.
pub(super) fn tag_resources(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    change(world, call, |tags, name| {
        if !tags.contains(name) {
            tags.push(name.clone());
        }
    })
}

/// Takes the tag from the droplets of the body.
pub(super) fn untag_resources(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    change(world, call, |tags, name| tags.retain(|tag| tag != name))
}

fn change(
    world: &mut DigitalOcean,
    call: &Call,
    apply: impl Fn(&mut Vec<String>, &String),
) -> Result<Reply, Reply> {
    let name = find(world, call)?;
    let named = |value: &Value| match &value["resource_id"] {
        Value::String(id) => id.parse().ok(),
        id => id.as_u64(),
    };
    let ids: Vec<u64> = call.list("resources").iter().filter_map(named).collect();
    for droplet in world.account(call).droplets.values_mut().filter(|droplet| ids.contains(&droplet.id)) {
        apply(&mut droplet.tags, &name);
    }
    Ok(Reply::new(StatusCode::NO_CONTENT, Value::Null))
}

fn find(world: &mut DigitalOcean, call: &Call) -> Result<String, Reply> {
    let mut tags = world.account(call).tags.iter();
    tags.find(|tag| tag.eq_ignore_ascii_case(call.param(0))).cloned().ok_or_else(errors::not_found)
}

fn describe(account: &Account, call: &Call, name: &str) -> Value {
    let tagged: Vec<u64> =
        account.existing().filter(|d| d.tags.iter().any(|tag| tag == name)).map(|d| d.id).collect();
    let uri = tagged.last().map(|id| format!("{}/v2/droplets/{id}", call.origin()));
    let mut droplets = json!({ "count": tagged.len() });
    let mut resources = json!({
        "count": tagged.len(), "images": { "count": 0 }, "volumes": { "count": 0 },
        "volume_snapshots": { "count": 0 }, "databases": { "count": 0 },
    });
    if let Some(uri) = uri {
        droplets["last_tagged_uri"] = uri.clone().into();
        resources["last_tagged_uri"] = uri.into();
    }
    resources["droplets"] = droplets;
    json!({ "name": name, "resources": resources })
}
