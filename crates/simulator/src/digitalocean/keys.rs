//! `/v2/account/keys`: addressed by id or by MD5 fingerprint.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DigitalOcean, errors, page};
use crate::core::service::{Call, Reply};

#[derive(Serialize, Deserialize)]
pub(super) struct SshKey {
    id: u64,
    name: String,
    public_key: String,
    fingerprint: String,
}

impl SshKey {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id, "fingerprint": self.fingerprint, "public_key": self.public_key, "name": self.name,
        })
    }

    /// Whether this id or fingerprint means the key.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.fingerprint == name || self.id.to_string() == name
    }
}

pub(super) fn list(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    Ok(page::list(call, "ssh_keys", world.account(call).keys.values().map(SshKey::json).collect()))
}

pub(super) fn create(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let name = call.text("name").unwrap_or_default();
    let public_key = call.text("public_key").unwrap_or_default();
    if name.is_empty() {
        return Err(errors::unprocessable("Name can't be blank"));
    }
    let Some(fingerprint) = fingerprint(public_key) else {
        return Err(errors::unprocessable("Key invalid, key should be of the format `ssh-rsa AAAA...`"));
    };
    if world.account(call).keys.values().any(|key| key.fingerprint == fingerprint) {
        return Err(errors::unprocessable("SSH Key is already in use on your account"));
    }
    let id = world.core.ids.next("digitalocean.key", 40_000_000);
    let key = SshKey { id, name: name.to_owned(), public_key: public_key.to_owned(), fingerprint };
    let body = json!({ "ssh_key": key.json() });
    world.account(call).keys.insert(id, key);
    Ok(Reply::new(StatusCode::CREATED, body))
}

pub(super) fn get(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!({ "ssh_key": find(world, call)?.json() })))
}

pub(super) fn update(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let key = find(world, call)?;
    if let Some(name) = call.text("name") {
        name.clone_into(&mut key.name);
    }
    Ok(Reply::ok(json!({ "ssh_key": key.json() })))
}

pub(super) fn delete(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let id = find(world, call)?.id;
    world.account(call).keys.remove(&id);
    Ok(Reply::new(StatusCode::NO_CONTENT, Value::Null))
}

fn find<'a>(world: &'a mut DigitalOcean, call: &Call) -> Result<&'a mut SshKey, Reply> {
    let mut keys = world.account(call).keys.values_mut();
    keys.find(|key| key.is_named(call.param(0))).ok_or_else(errors::not_found)
}

/// MD5 over the key's bytes in hexadecimal pairs; `None` when the text is not a public key.
fn fingerprint(public_key: &str) -> Option<String> {
    let mut parts = public_key.split_whitespace();
    let kind = parts.next()?;
    let blob = STANDARD.decode(parts.next()?).ok()?;
    // the blob begins with the length and the name of its type
    let named = blob.get(4..4 + kind.len())?;
    let digest = Md5::digest(&blob);
    (named == kind.as_bytes())
        .then(|| digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn fingerprints_are_those_of_ssh_keygen() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@host";
        assert_eq!(fingerprint(key).as_deref(), Some("0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba"));
        assert_eq!(fingerprint("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAB"), None);
        assert_eq!(fingerprint("not a key"), None);
    }
}
