//! `/tags`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Account, Linode, edit, errors, page};
use crate::core::service::{Call, Reply};

pub(super) fn list(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let tags = all(world.account(call)).into_iter().map(|label| json!({ "label": label })).collect();
    page::list(call, tags, &["label"])
}

pub(super) fn create(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let label = call.text("label").unwrap_or_default();
    if !edit::is_tag(label) {
        return Err(errors::field("label", "Length must be 3-50 characters"));
    }
    let account = world.account(call);
    if all(account).contains(label) {
        return Err(errors::field("label", "Label must be unique among your tags"));
    }
    let ids: Vec<u64> = call.list("linodes").iter().filter_map(Value::as_u64).collect();
    for instance in account.instances.values_mut().filter(|i| i.exists() && ids.contains(&i.id)) {
        instance.tags.push(label.to_owned());
    }
    account.tags.insert(label.to_owned());
    Ok(Reply::ok(json!({ "label": label })))
}

/// What carries the tag.
pub(super) fn objects(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let label = call.param(0);
    let account = world.account(call);
    if !all(account).contains(label) {
        return Err(errors::not_found());
    }
    let tagged = account.instances.values().filter(|i| i.exists() && i.tags.iter().any(|tag| tag == label));
    page::list(call, tagged.map(|i| json!({ "type": "linode", "data": i.json(call.now) })).collect(), &[])
}

pub(super) fn delete(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let label = call.param(0);
    let account = world.account(call);
    if !all(account).contains(label) {
        return Err(errors::not_found());
    }
    account.tags.remove(label);
    for instance in account.instances.values_mut() {
        instance.tags.retain(|tag| tag != label);
    }
    Ok(Reply::ok(json!({})))
}

/// Tags exist by themselves or by being on something.
fn all(account: &Account) -> BTreeSet<&str> {
    let used = account.instances.values().filter(|instance| instance.exists()).flat_map(|i| &i.tags);
    account.tags.iter().chain(used).map(String::as_str).collect()
}
