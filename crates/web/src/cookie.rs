//! The few cookies: the session, the theme, a message for the next page, and where one was.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use crate::frame::Theme;
use crate::toast::Said;

/// Name of the session cookie. With the prefix, browsers insist on HTTPS, path `/` and this host.
pub(crate) fn session_name(secure: bool) -> &'static str {
    if secure { "__Host-session" } else { "session" }
}

/// Cookies of a request.
pub(crate) struct Cookies<'a>(&'a HeaderMap);

impl<'a> Cookies<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        Self(headers)
    }

    /// The first cookie of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let headers = self.0.get_all(header::COOKIE).iter().filter_map(|h| h.to_str().ok());
        let mut pairs = headers.flat_map(|h| h.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The chosen theme.
    pub(crate) fn theme(&self) -> Theme {
        self.get("theme").and_then(|word| word.parse().ok()).unwrap_or(Theme::System)
    }

    /// What the last page wanted to say on this one.
    pub(crate) fn said(&self) -> Option<Said> {
        self.get("said").and_then(|word| word.parse().ok())
    }
}

/// A cookie to set. Values are tokens, words and encoded paths: nothing that needs quoting.
pub(crate) struct NewCookie<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    /// Seconds it is kept; 0 removes it.
    pub(crate) max_age: i64,
    /// Kept from scripts?
    pub(crate) hidden: bool,
}

impl NewCookie<'_> {
    /// Adds it to a response.
    pub(crate) fn set(&self, response: &mut Response, secure: bool) {
        let Self { name, value, max_age, .. } = self;
        let hidden = if self.hidden { "; HttpOnly" } else { "" };
        let secure = if secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={max_age}; SameSite=Lax{hidden}{secure}");
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("xsession=no; theme=dark"));
        headers.append(header::COOKIE, HeaderValue::from_static("session=abc=="));
        let cookies = Cookies::of(&headers);
        assert_eq!(cookies.get("session"), Some("abc=="));
        assert_eq!(cookies.theme(), Theme::Dark);
        assert_eq!(cookies.get("none"), None);
    }
}
