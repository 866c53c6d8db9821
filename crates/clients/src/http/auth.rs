//! How a call says who is asking.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

/// A credential. Has no `Debug`, and its header is marked as sensitive.
#[derive(Clone)]
pub(crate) enum Auth {
    /// None: the service answers everybody.
    Public,
    /// `Authorization: Bearer …`
    Bearer(SecretString),
    /// `Authorization: Basic …` of user and password.
    Basic {
        /// User name, or a public client id.
        user: String,
        /// Password, or a client secret.
        password: SecretString,
    },
}

impl Auth {
    /// The header's value, if it has one. `None` when the credential has characters that no header can carry: such a
    /// credential cannot be accepted anywhere.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, InvalidHeaderValue> {
        let text = match self {
            Self::Public => return Ok(None),
            Self::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            Self::Basic { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret())))
            }
        };
        let mut value = HeaderValue::from_str(&text)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Takes the secret out of a text that came from outside.
    pub(super) fn redact(&self, text: Vec<u8>) -> Vec<u8> {
        let secret = match self {
            Self::Public => return text,
            Self::Bearer(secret) | Self::Basic { password: secret, .. } => secret,
        };
        match (secret.expose_secret(), std::str::from_utf8(&text)) {
            (secret, Ok(quoting)) if !secret.is_empty() && quoting.contains(secret) => {
                quoting.replace(secret, "[redacted]").into_bytes()
            }
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_sensitive_and_well_formed() {
        let bearer = Auth::Bearer("secret-1".into()).header().unwrap().unwrap();
        assert!(bearer.is_sensitive() && !format!("{bearer:?}").contains("secret-1"));
        let basic = Auth::Basic { user: "id".to_owned(), password: "pw".into() };
        assert_eq!(basic.header().unwrap().unwrap(), "Basic aWQ6cHc=");
        assert_eq!(Auth::Public.header().unwrap(), None);
        assert!(Auth::Bearer("two\nlines".into()).header().is_err());
    }

    #[test]
    fn secrets_are_taken_out_of_texts() {
        let auth = Auth::Bearer("secret-1".into());
        assert_eq!(auth.redact(b"token secret-1 is unknown".to_vec()), b"token [redacted] is unknown");
        assert_eq!(Auth::Bearer("".into()).redact(b"as it is".to_vec()), b"as it is");
        assert_eq!(Auth::Public.redact(b"as it is".to_vec()), b"as it is");
    }
}
