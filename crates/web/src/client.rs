//! What is known of the browser behind a request.

mod proxies;

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

pub use proxies::Proxies;

/// The client's address: the peer, or what the trusted proxies in front of us said.
pub(crate) fn address(parts: &Parts, proxies: &Proxies) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())?;
    let lines = parts.headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap_or_default());
    Some(proxies.client(peer, lines))
}

/// What the browser calls itself.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::USER_AGENT).and_then(|h| h.to_str().ok())
}

/// Is this a request of htmx, for a part of a page?
pub(crate) fn is_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// A short name for a browser: `Firefox on Linux`.
pub(crate) fn browser_name(user_agent: Option<&str>) -> String {
    let Some(text) = user_agent else { return "Unknown browser".to_owned() };
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => text.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_short_names() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(browser_name(Some(firefox)), "Firefox on Linux");
        assert_eq!(browser_name(Some("curl/8.5.0")), "curl");
        assert_eq!(browser_name(None), "Unknown browser");
    }
}
