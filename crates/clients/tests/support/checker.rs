//! Messages held to the vendors' published descriptions.

use std::net::SocketAddr;

/// A proxy between client and simulated cloud that refuses what the vendor's published description does not
/// allow. `CHECKED_LINODE="127.0.0.1:5001 http://127.0.0.1:5101"` says where the cloud is to listen and where the
/// proxy answers.
pub(crate) struct Checker {
    pub(crate) upstream: SocketAddr,
    pub(crate) url: String,
}

impl Checker {
    pub(crate) fn of(service: &str) -> Option<Self> {
        let value = std::env::var(format!("CHECKED_{}", service.to_uppercase())).ok()?;
        let (upstream, url) = value.split_once(' ').expect("an address and a URL");
        Some(Self { upstream: upstream.parse().unwrap(), url: url.to_owned() })
    }
}
