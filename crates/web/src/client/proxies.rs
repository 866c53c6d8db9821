//! The reverse proxies in front of us, and what they say of where a request came from.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The networks of the proxies we trust. Anybody else can write `X-Forwarded-For`, too, and is not
/// believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Not a list of networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1")]
pub struct BadNetwork(String);

impl Proxies {
    /// Where a request came from: the hop nearest to us that is no proxy of ours. The peer itself is
    /// known; what stands in `lines` of `X-Forwarded-For` is believed from the right, as long as
    /// whoever wrote it is trusted.
    pub(crate) fn client<'a>(&self, peer: IpAddr, lines: impl Iterator<Item = &'a str>) -> IpAddr {
        let mut client = peer;
        let entries: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        for entry in entries.into_iter().rev() {
            if !self.trust(client) {
                break;
            }
            match hop(entry.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// An entry of the header; some proxies add the port.
fn hop(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|a| a.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let prefix = u32::from(self.prefix);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = u32::from(own) ^ u32::from(other);
                differ.leading_zeros() >= prefix
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = u128::from(own) ^ u128::from(other);
                differ.leading_zeros() >= prefix
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let wrong = || BadNetwork(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |p| p.parse().map_err(|_| wrong()))?;
        if prefix > longest { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

impl FromStr for Proxies {
    type Err = BadNetwork;

    /// Networks and addresses, separated by commas.
    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, peer: &str, lines: &[&str]) -> String {
        let proxies: Proxies = proxies.parse().expect("networks");
        proxies.client(peer.parse().expect("address"), lines.iter().copied()).to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(client("", "192.0.2.7", &["6.6.6.6"]), "192.0.2.7", "nobody is trusted");
        assert_eq!(
            client("10.0.0.0/8", "192.0.2.7", &["6.6.6.6, 10.0.0.1"]),
            "192.0.2.7",
            "not a proxy of ours"
        );
    }

    #[test]
    fn the_nearest_hop_that_is_not_ours_is_the_client() {
        let ours = "10.0.0.0/8, 2001:db8::/32";
        assert_eq!(client(ours, "10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(
            client(ours, "10.0.0.1", &["6.6.6.6, 192.0.2.7, 10.3.0.1"]),
            "192.0.2.7",
            "spoofed on the left"
        );
        assert_eq!(client(ours, "10.0.0.1", &["10.9.9.9, 192.0.2.7"]), "192.0.2.7", "spoofed as one of ours");
        assert_eq!(
            client(ours, "10.0.0.1", &["6.6.6.6", "192.0.2.7"]),
            "192.0.2.7",
            "several lines are one list"
        );
        assert_eq!(client(ours, "2001:db8::1", &["[2001:db9::5]:443"]), "2001:db9::5", "with a port");
        assert_eq!(client(ours, "10.0.0.1", &["192.0.2.7:5555"]), "192.0.2.7");
        assert_eq!(client(ours, "10.0.0.1", &["::ffff:192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, x, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn networks_are_read_strictly() {
        assert_eq!("".parse(), Ok(Proxies::default()));
        for bad in ["1", "10.0.0.0/33", "10.0.0.0/x", "proxy.example.com", "::/129"] {
            assert!(bad.parse::<Proxies>().is_err(), "{bad}");
        }
        let all: Network = "0.0.0.0/0".parse().expect("a network");
        assert!(
            all.contains("203.0.113.9".parse().expect("address"))
                && !all.contains("::1".parse().expect("address"))
        );
    }
}
