//! The address of the mail host.

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Host, Url};

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// From the first byte (RFC 8314).
    Tls,
    /// After STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all: on this machine only.
    None,
}

/// A mail host, read from `smtp://` or `smtps://`.
pub(super) struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<(String, SecretString)>,
}

impl SmtpUrl {
    /// `None` for anything that is not the address of a mail host and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url: Url = text.trim().parse().ok()?;
        let host = url.host_str().filter(|host| !host.is_empty())?;
        let (encryption, port) = match url.scheme() {
            "smtps" => (Encryption::Tls, 465),
            "smtp" if is_this_machine(host) => (Encryption::None, 25),
            "smtp" => (Encryption::StartTls, 587),
            _ => return None,
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) => Some((decoded(user)?, SecretString::from(decoded(password)?))),
            (_, None) => return None,
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        Some(Self { host, port: url.port().unwrap_or(port), encryption, credentials })
    }
}

/// Schemes that the URL standard does not know have opaque hosts, so the address is read here.
fn is_this_machine(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(text: &str) -> Option<(String, u16, Encryption)> {
        SmtpUrl::parse(text).map(|url| (url.host, url.port, url.encryption))
    }

    #[test]
    fn mail_leaves_this_machine_encrypted_or_not_at_all() {
        assert_eq!(read("smtp://127.0.0.1:2525"), Some(("127.0.0.1".into(), 2525, Encryption::None)));
        assert_eq!(read("smtp://[::1]:2525"), Some(("::1".into(), 2525, Encryption::None)));
        assert_eq!(
            read("smtp://mail.example.com"),
            Some(("mail.example.com".into(), 587, Encryption::StartTls))
        );
        assert_eq!(read("smtps://mail.example.com"), Some(("mail.example.com".into(), 465, Encryption::Tls)));
        let lookalike = read("smtp://127.0.0.1.example.com:25");
        assert_eq!(lookalike.map(|url| url.2), Some(Encryption::StartTls));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://h/inbox",
            "smtps://h?tls=none",
            "smtps://user@h",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn credentials_may_hold_any_character() {
        let url = SmtpUrl::parse("smtps://ann%40example.com:p%3A%2F%25@mail.example.com");
        let (user, password) = url.and_then(|url| url.credentials).expect("credentials");
        assert_eq!((user.as_str(), password.expose_secret()), ("ann@example.com", "p:/%"));
    }
}
