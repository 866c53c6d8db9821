//! From Linode's words to neutral ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, NaiveDateTime, Utc};
use domain::provider::{OperationState, PowerAction, Server, ServerRef, ServerState, ServerTag};
use domain::vps::Power;

use super::wire::Instance;
use crate::http::Invalid;

/// A server. Its tag is read from the label, too, in case somebody removed the tags at the vendor.
pub(super) fn server(instance: Instance) -> Result<Server, Invalid> {
    if instance.id == 0 {
        return Err(Invalid("an instance without an id"));
    }
    let tag = instance.tags.iter().chain([&instance.label]).find_map(|text| ServerTag::parse(text));
    Ok(Server {
        id: ServerRef(instance.id.to_string()),
        tag,
        state: state(&instance.status),
        created_at: time(&instance.created).ok_or(Invalid("an instance without a time of creation"))?,
        region: instance.region.unwrap_or_default(),
        size: instance.size.unwrap_or_default(),
        ipv4: instance.ipv4.iter().find_map(|text| public_v4(text)),
        ipv6: instance.ipv6.as_deref().and_then(v6),
        label: instance.label,
    })
}

/// `stopped` is the vendor's maintenance and `billing_suspension` a hold; neither is the customer's doing.
fn state(status: &str) -> ServerState {
    ServerState::Up(match status {
        "provisioning" => return ServerState::Provisioning,
        "deleting" => return ServerState::Gone,
        "running" => Power::Running,
        "offline" => Power::Stopped,
        "booting" => Power::Starting,
        "shutting_down" => Power::Stopping,
        "rebooting" => Power::Rebooting,
        _ => Power::Busy,
    })
}

/// Times are UTC and do not say so.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let naive = text.trim_end_matches('Z').parse::<NaiveDateTime>().ok()?;
    Some(naive.and_utc())
}

/// Private addresses are listed among the others.
fn public_v4(text: &str) -> Option<IpAddr> {
    text.parse::<Ipv4Addr>().ok().filter(|address| !address.is_private()).map(IpAddr::V4)
}

fn v6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// The action of the event that a power action brings about.
pub(super) const fn event_action(action: PowerAction) -> &'static str {
    match action {
        PowerAction::Start => "linode_boot",
        PowerAction::Stop | PowerAction::Cut => "linode_shutdown",
        PowerAction::Reboot => "linode_reboot",
    }
}

/// How far an event is. `notification` events have no progress: they tell what has happened.
pub(super) fn operation(status: &str) -> OperationState {
    match status {
        "finished" | "notification" => OperationState::Done,
        "failed" | "canceled" => OperationState::Failed,
        _ => OperationState::Pending,
    }
}

#[cfg(test)]
mod tests {
    use domain::VpsId;
    use serde_json::json;

    use super::*;

    fn instance(change: &serde_json::Value) -> Instance {
        let mut wire = json!({
            "id": 123, "label": "web", "status": "running", "created": "2026-01-02T03:04:05",
            "type": "g6-nanode-1", "region": "eu-central", "tags": ["web", "skyp"],
            "ipv4": ["192.168.130.1", "203.0.113.7"], "ipv6": "2001:db8::7/128", "hypervisor": "kvm",
        });
        for (key, value) in change.as_object().unwrap() {
            wire[key] = value.clone();
        }
        serde_json::from_value(wire).unwrap()
    }

    #[test]
    fn a_server_is_read_whole() {
        let server = server(instance(&json!({}))).unwrap();
        assert_eq!((server.id.0.as_str(), server.tag), ("123", None));
        assert_eq!(server.state, ServerState::Up(Power::Running));
        assert_eq!(server.created_at.to_rfc3339(), "2026-01-02T03:04:05+00:00");
        assert_eq!(server.ipv4, Some("203.0.113.7".parse().unwrap()));
        assert_eq!(server.ipv6, Some("2001:db8::7".parse().unwrap()));
    }

    #[test]
    fn the_tag_is_found_in_tags_or_label() {
        let tag = ServerTag::of(VpsId::new());
        let tagged = server(instance(&json!({ "tags": ["skyp", tag.to_string()] }))).unwrap();
        let labelled = server(instance(&json!({ "tags": [], "label": tag.to_string() }))).unwrap();
        assert_eq!((tagged.tag.as_ref(), labelled.tag.as_ref()), (Some(&tag), Some(&tag)));
    }

    #[test]
    fn odd_values_are_survived_or_refused() {
        let odd = json!({ "status": "dancing", "type": null, "region": null, "ipv4": ["x"], "ipv6": null });
        let odd = server(instance(&odd)).unwrap();
        assert_eq!((odd.state, odd.ipv4, odd.ipv6), (ServerState::Up(Power::Busy), None, None));
        for bad in [json!({ "id": 0 }), json!({ "created": "yesterday" })] {
            assert!(server(instance(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn statuses_have_states() {
        for (status, expected) in [
            ("provisioning", ServerState::Provisioning),
            ("offline", ServerState::Up(Power::Stopped)),
            ("shutting_down", ServerState::Up(Power::Stopping)),
            ("billing_suspension", ServerState::Up(Power::Busy)),
            ("deleting", ServerState::Gone),
        ] {
            assert_eq!(state(status), expected, "{status}");
        }
    }

    #[test]
    fn unknown_progress_is_pending() {
        assert_eq!(operation("paused"), OperationState::Pending);
        assert_eq!(operation("failed"), OperationState::Failed);
    }
}
