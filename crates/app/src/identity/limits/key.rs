//! Whom requests are counted for.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::{ApiKeyId, OrganizationId, UserId};

/// So many buckets for the addresses for which a process has no room of their own.
const CROWDS: u64 = 256;

/// Whom, and for what. `Display` is the key of the shared bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// All requests of a network.
    Address(IpAddr),
    /// Signing in and up from a network.
    SignIn(IpAddr),
    /// Messages of the payment gateway from a network.
    Webhook(IpAddr),
    /// Requests of strangers, when there are too many of them to count each.
    AddressCrowd(u64),
    /// Signing in and up of strangers.
    SignInCrowd(u64),
    /// Messages of strangers.
    WebhookCrowd(u64),
    /// A person in the browser.
    User(UserId),
    /// A program.
    Program(ApiKeyId),
    /// Everybody and everything of an organization.
    Organization(OrganizationId),
    /// What an organization asks of the payment gateway.
    Money(OrganizationId),
}

impl Key {
    /// The key under which an address is counted when there is no room for its own; others always
    /// have room, since there are no more of them than accounts.
    pub(super) fn crowd(self) -> Self {
        let crowd = |network: IpAddr| {
            let mut digest = DefaultHasher::new();
            network.hash(&mut digest);
            digest.finish() % CROWDS
        };
        match self {
            Self::Address(network) => Self::AddressCrowd(crowd(network)),
            Self::SignIn(network) => Self::SignInCrowd(crowd(network)),
            Self::Webhook(network) => Self::WebhookCrowd(crowd(network)),
            other => other,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(network) => write!(f, "address:{network}"),
            Self::SignIn(network) => write!(f, "sign-in:network:{network}"),
            Self::Webhook(network) => write!(f, "webhook:network:{network}"),
            Self::WebhookCrowd(crowd) => write!(f, "webhook:crowd:{crowd}"),
            Self::AddressCrowd(crowd) => write!(f, "address:crowd:{crowd}"),
            Self::SignInCrowd(crowd) => write!(f, "sign-in:crowd:{crowd}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Program(id) => write!(f, "api-key:{id}"),
            Self::Organization(id) => write!(f, "organization:{id}"),
            Self::Money(id) => write!(f, "money:{id}"),
        }
    }
}

/// What an address is counted as: an IPv4 address alone, an IPv6 address with all of its /64, which
/// is the least that one customer of a provider is given. An unknown address is one, too.
pub(crate) fn network(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
        Some(v4) => v4,
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_however_many_addresses_they_use() {
        let of = |text: &str| network(text.parse().ok()).to_string();
        assert_eq!(of("2001:db8:1:2:a:b:c:d"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }
}
