//! `/profile/sshkeys`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Linode, errors, page, wire_time};
use crate::core::service::{Call, Reply};

/// A key in the user's profile. Creates carry their keys inline and do not look here.
#[derive(Serialize, Deserialize)]
pub(super) struct SshKey {
    id: u64,
    label: String,
    ssh_key: String,
    created: DateTime<Utc>,
}

impl SshKey {
    pub(super) fn json(&self) -> Value {
        let created = wire_time(self.created);
        json!({ "id": self.id, "label": self.label, "ssh_key": self.ssh_key, "created": created })
    }
}

pub(super) const BAD_KEY: &str = "SSH Key key-type must be one of ssh-dss, ssh-rsa, ecdsa-sha2-nistp256, \
    ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, ssh-ed25519, or sk-ecdsa-sha2-nistp256.";

/// The form `type base64 [comment]`.
pub(super) fn is_public_key(text: &str) -> bool {
    const TYPES: [&str; 7] = [
        "ssh-dss",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-ed25519",
        "sk-ecdsa-sha2-nistp256",
    ];
    let mut parts = text.split_whitespace();
    parts.next().is_some_and(|kind| TYPES.contains(&kind))
        && parts.next().is_some_and(|body| body.len() >= 16 && body.starts_with("AAAA"))
}

pub(super) fn list(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    page::list(call, world.account(call).keys.values().map(SshKey::json).collect(), &["label"])
}

pub(super) fn create(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let (label, ssh_key) = (call.text("label").unwrap_or_default(), call.text("ssh_key").unwrap_or_default());
    if label.is_empty() || label.chars().count() > 64 {
        return Err(errors::field("label", "Length must be 0-64 characters"));
    }
    if !is_public_key(ssh_key) {
        return Err(errors::field("ssh_key", BAD_KEY));
    }
    let id = world.core.ids.next("linode.key", 400_000);
    let key = SshKey { id, label: label.to_owned(), ssh_key: ssh_key.to_owned(), created: call.now };
    let answer = key.json();
    world.account(call).keys.insert(id, key);
    Ok(Reply::ok(answer))
}

pub(super) fn get(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(find(world, call)?.json()))
}

pub(super) fn update(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let key = find(world, call)?;
    if let Some(label) = call.text("label") {
        label.clone_into(&mut key.label);
    }
    Ok(Reply::ok(key.json()))
}

pub(super) fn delete(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let id = find(world, call)?.id;
    world.account(call).keys.remove(&id);
    Ok(Reply::ok(json!({})))
}

fn find<'a>(world: &'a mut Linode, call: &Call) -> Result<&'a mut SshKey, Reply> {
    call.id(0).and_then(|id| world.account(call).keys.get_mut(&id)).ok_or_else(errors::not_found)
}
