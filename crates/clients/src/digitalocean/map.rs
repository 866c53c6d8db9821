//! From DigitalOcean's words to neutral ones.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::provider::{OperationState, PowerAction, Server, ServerRef, ServerState, ServerTag};
use domain::vps::Power;

use super::wire::{Droplet, Network};
use crate::http::Invalid;

/// A server.
pub(super) fn server(droplet: Droplet) -> Result<Server, Invalid> {
    if droplet.id == 0 {
        return Err(Invalid("a droplet without an id"));
    }
    let created_at = DateTime::parse_from_rfc3339(&droplet.created_at)
        .map_err(|_| Invalid("a droplet without a time of creation"))?;
    Ok(Server {
        id: ServerRef(droplet.id.to_string()),
        tag: droplet.tags.iter().find_map(|tag| ServerTag::parse(tag)),
        label: droplet.name,
        state: state(&droplet.status),
        created_at: created_at.with_timezone(&Utc),
        region: droplet.region.map(|region| region.slug).unwrap_or_default(),
        size: droplet.size_slug,
        ipv4: public(&droplet.networks.v4).filter(IpAddr::is_ipv4),
        ipv6: public(&droplet.networks.v6).filter(IpAddr::is_ipv6),
    })
}

/// Reboots and the like do not show in the status, only in the actions.
fn state(status: &str) -> ServerState {
    match status {
        "new" => ServerState::Provisioning,
        "active" => ServerState::Up(Power::Running),
        "off" => ServerState::Up(Power::Stopped),
        "archive" => ServerState::Gone,
        _ => ServerState::Up(Power::Busy),
    }
}

fn public(networks: &[Network]) -> Option<IpAddr> {
    networks.iter().find(|network| network.kind == "public")?.ip_address.parse().ok()
}

/// The type of the action that a power action is.
pub(super) const fn action_type(action: PowerAction) -> &'static str {
    match action {
        PowerAction::Start => "power_on",
        PowerAction::Stop => "shutdown",
        PowerAction::Cut => "power_off",
        PowerAction::Reboot => "reboot",
    }
}

/// How far an action is.
pub(super) fn operation(status: &str) -> OperationState {
    match status {
        "completed" => OperationState::Done,
        "errored" => OperationState::Failed,
        _ => OperationState::Pending,
    }
}

#[cfg(test)]
mod tests {
    use domain::VpsId;
    use serde_json::{Value, json};

    use super::*;

    fn droplet(change: &Value) -> Droplet {
        let mut wire = json!({
            "id": 123, "name": "web-1", "status": "active", "created_at": "2026-01-02T03:04:05Z",
            "size_slug": "s-1vcpu-1gb", "region": { "slug": "fra1", "name": "Frankfurt 1" }, "tags": ["skyp"],
            "networks": {
                "v4": [
                    { "ip_address": "10.0.0.2", "type": "private" },
                    { "ip_address": "203.0.113.7", "type": "public" },
                ],
                "v6": [{ "ip_address": "2001:db8::7", "type": "public" }],
            },
        });
        for (key, value) in change.as_object().unwrap() {
            wire[key] = value.clone();
        }
        serde_json::from_value(wire).unwrap()
    }

    #[test]
    fn a_droplet_is_read_whole() {
        let tag = ServerTag::of(VpsId::new());
        let server = server(droplet(&json!({ "tags": ["skyp", tag.to_string()] }))).unwrap();
        assert_eq!((server.id.0.as_str(), server.tag), ("123", Some(tag)));
        assert_eq!((server.region.as_str(), server.size.as_str()), ("fra1", "s-1vcpu-1gb"));
        assert_eq!(server.ipv4, Some("203.0.113.7".parse().unwrap()));
        assert_eq!(server.ipv6, Some("2001:db8::7".parse().unwrap()));
    }

    #[test]
    fn a_new_droplet_has_no_addresses_yet() {
        let new = server(droplet(&json!({ "status": "new", "networks": { "v4": [], "v6": [] } }))).unwrap();
        assert_eq!((new.state, new.ipv4), (ServerState::Provisioning, None));
    }

    #[test]
    fn odd_values_are_survived_or_refused() {
        let odd = server(droplet(&json!({ "status": "dancing", "region": null }))).unwrap();
        assert_eq!((odd.state, odd.region.as_str()), (ServerState::Up(Power::Busy), ""));
        for bad in [json!({ "id": 0 }), json!({ "created_at": "yesterday" })] {
            assert!(server(droplet(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_progress_is_pending() {
        assert_eq!(operation("in-progress"), OperationState::Pending);
        assert_eq!(operation("resting"), OperationState::Pending);
        assert_eq!(operation("errored"), OperationState::Failed);
    }
}
