//! Random tokens. Only their SHA-256 is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use store::identity::Digest;

/// A token of 256 random bits after a prefix that says what it is.
pub(crate) fn generate(prefix: &str) -> SecretString {
    let bytes: [u8; 32] = rand::random();
    SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of a token.
pub fn digest(token: &str) -> Digest {
    Sha256::digest(token.as_bytes()).into()
}

pub(crate) fn digest_secret(token: &SecretString) -> Digest {
    digest(token.expose_secret())
}

/// The first characters of a key, to recognize it by.
pub(crate) fn hint(key: &SecretString) -> String {
    key.expose_secret().chars().take(8).collect()
}
