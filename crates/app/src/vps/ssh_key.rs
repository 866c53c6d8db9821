//! The organization's public SSH keys.

use domain::SshKeyId;
use domain::activity::{Action, TargetKind};
use domain::identity::Permission;
use domain::notify::Topic;
use domain::vps::PublicKey;
use serde_json::json;
use store::notify;
use store::vps::ssh_key as rows;

use crate::identity::short_text;
use crate::{App, Caller, Error, Result};

const NOT_A_KEY: &str =
    "This is not an OpenSSH public key. Paste the one line of your .pub file: ssh-ed25519 AAAA… you@laptop.";

/// Adds a key; an empty name becomes the key's comment.
pub async fn add(app: &App, caller: &Caller, name: &str, public_key: &str) -> Result<SshKeyId> {
    caller.require(Permission::SshKeyManage)?;
    let key = PublicKey::parse(public_key).map_err(|_| Error::invalid("public_key", NOT_A_KEY))?;
    let name = short_text("name", if name.trim().is_empty() { key.comment() } else { name })?;
    let id = SshKeyId::new();
    let mut tx = app.store.org_tx(&caller.scope).await?;
    rows::insert(&mut tx, id, &name, &key).await.map_err(|e| {
        if e.is_constraint("ssh_keys_organization_id_fingerprint_key") {
            Error::invalid("public_key", "You have added this key already.")
        } else {
            e.into()
        }
    })?;
    notify::publish(&mut tx, Topic::SshKey, id).await?;
    let detail = json!({ "name": name, "fingerprint": key.fingerprint() });
    tx.commit(caller.did(Action::SshKeyAdded).on(TargetKind::SshKey, id).with(detail)).await?;
    Ok(id)
}

/// Deletes a key. VPSs made with it keep it.
pub async fn delete(app: &App, caller: &Caller, id: SshKeyId) -> Result<()> {
    caller.require(Permission::SshKeyManage)?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    let name = rows::delete(&mut tx, id).await?.ok_or(Error::NotFound)?;
    notify::publish(&mut tx, Topic::SshKey, id).await?;
    let entry = caller.did(Action::SshKeyDeleted).on(TargetKind::SshKey, id).with(json!({ "name": name }));
    Ok(tx.commit(entry).await?)
}
