//! Servers: make, find, read, remove.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::provider::{Rejection, Server, ServerRef, ServerSpec, ServerTag, UpstreamError};
use serde_json::{Value, json};

use super::api::{Api, instance_id, versioned};
use super::errors::{is_label_taken, refusal};
use super::map;
use crate::OUR_TAG;
use crate::http::Call;

const PATH: [&str; 2] = ["linode", "instances"];
/// Creates are limited to 20 in 15 s, apart from everything else.
const CREATES: &str = "creates";

/// `POST /linode/instances`. The label is our tag and labels are unique, so when it is taken, an earlier
/// attempt of the same create got through, and its server is the answer.
pub(super) async fn create(api: &Api<'_>, spec: &ServerSpec) -> Result<Server, UpstreamError> {
    if spec.ssh_keys.is_empty() {
        return Err(UpstreamError::rejected(Rejection::Invalid, "a server needs an SSH key"));
    }
    let call = Call::post(&versioned(&PATH)).json(&body(spec)).bucket(CREATES);
    let answer = api.send_raw(call).await?;
    if answer.is_success() {
        return answer.read(map::server);
    }
    if !is_label_taken(&answer) {
        return Err(refusal(&answer));
    }
    let label = spec.tag.to_string();
    let servers = api.all(&PATH, Some(&json!({ "label": label })), map::server).await?;
    let earlier = servers.into_iter().find(|server| server.label == label);
    earlier.ok_or_else(|| UpstreamError::transient("the label is taken by a server that is not listed yet"))
}

fn body(spec: &ServerSpec) -> Value {
    let tag = spec.tag.to_string();
    let mut body = json!({
        "label": tag,
        "tags": [tag, OUR_TAG],
        "region": spec.region,
        "type": spec.size,
        "image": spec.image,
        "authorized_keys": spec.ssh_keys,
        "booted": true,
        "backups_enabled": false,
    });
    if let Some(user_data) = &spec.user_data {
        body["metadata"] = json!({ "user_data": STANDARD.encode(user_data) });
    }
    body
}

/// `GET /linode/instances` with the tag as filter. The answer is checked: a filter that is ignored would
/// otherwise give us every server there is.
pub(super) async fn find_by_tag(api: &Api<'_>, tag: &ServerTag) -> Result<Vec<Server>, UpstreamError> {
    let filter = json!({ "tags": tag.to_string() });
    let mut servers = api.all(&PATH, Some(&filter), map::server).await?;
    servers.retain(|server| server.tag.as_ref() == Some(tag));
    servers.sort_by_key(|server| server.created_at);
    Ok(servers)
}

/// `GET /linode/instances/{id}`.
pub(super) async fn get(api: &Api<'_>, server: &ServerRef) -> Result<Server, UpstreamError> {
    let id = instance_id(server)?.to_string();
    let answer = api.send(Call::get(&versioned(&[PATH[0], PATH[1], &id]))).await?;
    answer.read(map::server)
}

/// Every server of the account.
pub(super) async fn list(api: &Api<'_>) -> Result<Vec<Server>, UpstreamError> {
    api.all(&PATH, None, map::server).await
}

/// `DELETE /linode/instances/{id}`.
pub(super) async fn delete(api: &Api<'_>, server: &ServerRef) -> Result<(), UpstreamError> {
    let Ok(id) = instance_id(server) else { return Ok(()) };
    match api.send(Call::delete(&versioned(&[PATH[0], PATH[1], &id.to_string()]))).await {
        Ok(_) | Err(UpstreamError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use domain::VpsId;

    use super::*;

    fn spec(user_data: Option<&str>) -> ServerSpec {
        ServerSpec {
            tag: ServerTag::of(VpsId::new()),
            hostname: "web-1".to_owned(),
            region: "eu-central".to_owned(),
            size: "g6-nanode-1".to_owned(),
            image: "linode/debian12".to_owned(),
            ssh_keys: vec!["ssh-ed25519 AAAA".to_owned()],
            user_data: user_data.map(str::to_owned),
        }
    }

    #[test]
    fn the_label_is_the_tag_and_no_password_is_sent() {
        let spec = spec(None);
        let body = body(&spec);
        assert_eq!(body["label"], spec.tag.to_string());
        assert_eq!(body["tags"], json!([spec.tag.to_string(), "skyp"]));
        assert!(body.get("root_pass").is_none() && body.get("metadata").is_none());
    }

    #[test]
    fn user_data_is_base64() {
        assert_eq!(body(&spec(Some("#cloud-config\n")))["metadata"]["user_data"], "I2Nsb3VkLWNvbmZpZwo=");
    }
}
