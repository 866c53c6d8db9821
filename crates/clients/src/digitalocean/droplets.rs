//! Droplets: make, find, read, remove.

use domain::provider::{Rejection, Server, ServerRef, ServerSpec, ServerTag, UpstreamError};
use serde_json::{Value, json};

use super::api::{Api, droplet_id, versioned};
use super::map;
use super::ssh_keys;
use super::wire::{DropletAnswer, Droplets};
use crate::OUR_TAG;
use crate::http::Call;

/// `POST /v2/droplets`, after registering the keys. Without a key the vendor would mail a root password to the
/// account's owner.
pub(super) async fn create(api: &Api<'_>, spec: &ServerSpec) -> Result<Server, UpstreamError> {
    if spec.ssh_keys.is_empty() {
        return Err(UpstreamError::rejected(Rejection::Invalid, "a server needs an SSH key"));
    }
    let mut fingerprints = Vec::new();
    for key in &spec.ssh_keys {
        fingerprints.push(ssh_keys::ensure(api, key).await?);
    }
    let call = Call::post(&versioned(&["droplets"])).json(&body(spec, &fingerprints));
    api.send(call).await?.read(|answer: DropletAnswer| map::server(answer.droplet))
}

fn body(spec: &ServerSpec, fingerprints: &[String]) -> Value {
    let mut body = json!({
        "name": spec.hostname,
        "region": spec.region,
        "size": spec.size,
        "image": spec.image,
        "ssh_keys": fingerprints,
        "tags": [spec.tag.to_string(), OUR_TAG],
        "ipv6": true,
        "monitoring": false,
        "backups": false,
    });
    if let Some(user_data) = &spec.user_data {
        body["user_data"] = Value::from(user_data.as_str());
    }
    body
}

/// `GET /v2/droplets?tag_name=`. The answer is checked: a filter that is ignored would otherwise give us every
/// droplet there is.
pub(super) async fn find_by_tag(api: &Api<'_>, tag: &ServerTag) -> Result<Vec<Server>, UpstreamError> {
    let name = tag.to_string();
    let filter = Some(("tag_name", name.as_str()));
    let mut servers = api.all::<Droplets, _>(&["droplets"], filter, map::server).await?;
    servers.retain(|server| server.tag.as_ref() == Some(tag));
    servers.sort_by_key(|server| server.created_at);
    Ok(servers)
}

/// `GET /v2/droplets/{id}`.
pub(super) async fn get(api: &Api<'_>, server: &ServerRef) -> Result<Server, UpstreamError> {
    let answer = api.send(Call::get(&versioned(&["droplets", &droplet_id(server)?]))).await?;
    answer.read(|answer: DropletAnswer| map::server(answer.droplet))
}

/// Every droplet of the account (those with a GPU apart, which we never make).
pub(super) async fn list(api: &Api<'_>) -> Result<Vec<Server>, UpstreamError> {
    api.all::<Droplets, _>(&["droplets"], None, map::server).await
}

/// `DELETE /v2/droplets/{id}`. Never by tag: that would take whatever carries it.
pub(super) async fn delete(api: &Api<'_>, server: &ServerRef) -> Result<(), UpstreamError> {
    let Ok(id) = droplet_id(server) else { return Ok(()) };
    match api.send(Call::delete(&versioned(&["droplets", &id]))).await {
        Ok(_) | Err(UpstreamError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use domain::VpsId;

    use super::*;

    #[test]
    fn droplets_are_named_for_the_guest_and_tagged_for_us() {
        let spec = ServerSpec {
            tag: ServerTag::of(VpsId::new()),
            hostname: "web-1".to_owned(),
            region: "fra1".to_owned(),
            size: "s-1vcpu-1gb".to_owned(),
            image: "debian-13-x64".to_owned(),
            ssh_keys: Vec::new(),
            user_data: Some("#cloud-config\n".to_owned()),
        };
        let body = body(&spec, &["aa:bb".to_owned()]);
        assert_eq!(body["name"], "web-1");
        assert_eq!(body["tags"], json!([spec.tag.to_string(), "skyp"]));
        assert_eq!((&body["ssh_keys"], &body["backups"]), (&json!(["aa:bb"]), &json!(false)));
        assert_eq!(body["user_data"], "#cloud-config\n");
    }
}
