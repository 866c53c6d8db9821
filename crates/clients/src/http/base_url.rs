//! Addresses we are willing to send credentials to.

use std::str::FromStr;

use url::{Host, Url};

/// The root of a vendor's API. Always `https`, except for loopback addresses (simulated clouds), where plain
/// `http` is fine, too. Never carries credentials, a query or a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(Url);

/// Why an address was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// Not an absolute URL with a host.
    #[error("not an absolute URL with a host")]
    Malformed,
    /// The token would travel in the clear.
    #[error("must be https unless it is a loopback address")]
    Unencrypted,
    /// User name, password, query or fragment in the address.
    #[error("must not carry credentials, a query or a fragment")]
    Extras,
}

impl BaseUrl {
    /// Is the API on this machine?
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The address itself.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The address of a path below the root. Segments are percent-encoded, so a segment stays one segment.
    pub(crate) fn path(&self, segments: &[String]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl TryFrom<Url> for BaseUrl {
    type Error = InvalidBaseUrl;

    fn try_from(url: Url) -> Result<Self, Self::Error> {
        if url.cannot_be_a_base() || url.host().is_none() {
            return Err(InvalidBaseUrl::Malformed);
        }
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if has_credentials || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidBaseUrl::Extras);
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            _ => Err(InvalidBaseUrl::Unencrypted),
        }
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Url::parse(text).map_err(|_| InvalidBaseUrl::Malformed)?.try_into()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_unencrypted() {
        for good in
            ["https://api.example.com", "http://127.0.0.1:4101", "http://[::1]:80/x", "http://localhost"]
        {
            assert!(good.parse::<BaseUrl>().is_ok(), "{good}");
        }
        for bad in
            ["http://api.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "ftp://localhost"]
        {
            assert_eq!(bad.parse::<BaseUrl>(), Err(InvalidBaseUrl::Unencrypted), "{bad}");
        }
    }

    #[test]
    fn extras_and_noise_are_refused() {
        for bad in ["https://user@example.com", "https://example.com?x=1", "https://example.com#x"] {
            assert_eq!(bad.parse::<BaseUrl>(), Err(InvalidBaseUrl::Extras), "{bad}");
        }
        for bad in ["", "example.com", "mailto:ann@example.com"] {
            assert_eq!(bad.parse::<BaseUrl>(), Err(InvalidBaseUrl::Malformed), "{bad}");
        }
    }

    #[test]
    fn a_segment_stays_one_segment() {
        let base: BaseUrl = "https://api.example.com/base/".parse().unwrap();
        let url = base.path(&["v4".to_owned(), "a/b?c".to_owned()]);
        assert_eq!(url.as_str(), "https://api.example.com/base/v4/a%2Fb%3Fc");
    }
}
