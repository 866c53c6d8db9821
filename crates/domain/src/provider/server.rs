//! A server at a provider: the provider's copy of a VPS.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::VpsId;
use crate::vps::Power;

/// The provider's own id of a server, kept as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ServerRef(pub String);

/// The tag every server of ours carries: `skyp-` and the VPS id without hyphens. Fits the tag
/// rules of all providers (letters, digits, hyphens, 3 to 50 characters) and the strictest rules for labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerTag(VpsId);

impl ServerTag {
    const PREFIX: &'static str = "skyp-";

    /// The tag of a VPS.
    pub const fn of(vps: VpsId) -> Self {
        Self(vps)
    }

    /// Reads a tag; `None` for tags that are not ours.
    pub fn parse(tag: &str) -> Option<Self> {
        let id = tag.strip_prefix(Self::PREFIX)?;
        (id.len() == 32).then(|| uuid::Uuid::try_parse(id).ok().map(|id| Self(VpsId(id))))?
    }

    /// The VPS it belongs to.
    pub const fn vps_id(&self) -> VpsId {
        self.0
    }
}

impl std::fmt::Display for ServerTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0.0.simple())
    }
}

/// What to make.
#[derive(Debug, Clone)]
pub struct ServerSpec {
    /// Makes it findable; also the label where labels must be unique.
    pub tag: ServerTag,
    /// Host name for the guest where the provider sets one.
    pub hostname: String,
    /// The provider's region.
    pub region: String,
    /// The provider's size.
    pub size: String,
    /// The provider's image.
    pub image: String,
    /// OpenSSH public keys, one line each; at least one, so that no provider mails a password.
    pub ssh_keys: Vec<String>,
    /// cloud-init user data, at most 64 KiB.
    pub user_data: Option<String>,
}

/// What a provider says a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    /// Being made.
    Provisioning,
    /// In the given power state.
    Up(Power),
    /// Being removed, or kept only as a record.
    Gone,
}

/// A server as last seen at the provider.
#[derive(Debug, Clone)]
pub struct Server {
    /// The provider's id.
    pub id: ServerRef,
    /// Our tag, when it carries one.
    pub tag: Option<ServerTag>,
    /// The provider's label, for the operator.
    pub label: String,
    /// What it does.
    pub state: ServerState,
    /// When the provider made it.
    pub created_at: DateTime<Utc>,
    /// The provider's region.
    pub region: String,
    /// The provider's size.
    pub size: String,
    /// First public IPv4 address, once assigned.
    pub ipv4: Option<IpAddr>,
    /// First public IPv6 address, once assigned.
    pub ipv6: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_round_trip_and_fit_all_vendors() {
        let tag = ServerTag::of(VpsId::new());
        let text = tag.to_string();
        assert_eq!(ServerTag::parse(&text), Some(tag));
        assert!(text.len() <= 50 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }

    #[test]
    fn other_tags_are_not_ours() {
        for tag in ["skyp-", "web", "skyp-123", "skyp-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(ServerTag::parse(tag), None, "{tag}");
        }
    }
}
