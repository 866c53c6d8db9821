//! Keys that sign statements (Ed25519).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The installation's keys: the first private one signs, the public halves of all are published.
#[derive(Default)]
pub struct StatementKeys {
    signing: Option<SigningKey>,
    known: Vec<PublicKey>,
}

/// The public half of a key, with which anybody checks a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// What is wrong with the configured keys. Names no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes in base64.
    #[error(
        "a statement key must be the base64 of 32 random bytes, for example from `openssl rand -base64 32`, \
        or public: and the base64 of a public key that signs no more"
    )]
    Malformed,
    /// Not random.
    #[error("a statement key is not random; make one with `openssl rand -base64 32`")]
    Weak,
}

/// What marks a key of which only the public half is left.
const PUBLIC: &str = "public:";

impl StatementKeys {
    /// Reads keys separated by commas; none at all is no mistake, statements are then not offered.
    pub fn parse(keys: &SecretString) -> Result<Self, KeyError> {
        let mut parsed = Self::default();
        let entries = keys.expose_secret().split(',').map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            if let Some(public) = entry.strip_prefix(PUBLIC) {
                parsed.known.push(public.parse()?);
                continue;
            }
            let seed = seed(entry)?;
            // 32 random bytes have fewer than 20 different values once in 10^9 keys.
            if seed.iter().collect::<std::collections::HashSet<_>>().len() < 20 {
                return Err(KeyError::Weak);
            }
            let key = SigningKey::from_bytes(&seed);
            parsed.known.push(PublicKey(key.verifying_key()));
            parsed.signing.get_or_insert(key);
        }
        Ok(parsed)
    }

    /// The public halves of all keys, in the order of the setting.
    pub fn known(&self) -> &[PublicKey] {
        &self.known
    }

    /// The public half of the key that signs.
    pub fn current(&self) -> Option<PublicKey> {
        self.signing.as_ref().map(|key| PublicKey(key.verifying_key()))
    }

    /// Signs; `None` when there is no key to sign with.
    pub(super) fn sign(&self, message: &[u8]) -> Option<String> {
        self.signing.as_ref().map(|key| STANDARD.encode(key.sign(message).to_bytes()))
    }
}

fn seed(text: &str) -> Result<[u8; 32], KeyError> {
    STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError::Malformed)
}

impl PublicKey {
    /// A short name: the beginning of its SHA-256, in hexadecimal.
    pub fn id(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes())[..8])
    }

    /// Did the private half sign this? The signature is the base64 of 64 bytes, in its one canonical form.
    pub(super) fn signed(&self, message: &[u8], signature: &str) -> bool {
        let bytes = STANDARD.decode(signature).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        bytes.is_some_and(|bytes| self.0.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok())
    }
}

impl std::str::FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        VerifyingKey::from_bytes(&seed(text)?).map(Self).map_err(|_| KeyError::Malformed)
    }
}

/// The base64 of its 32 bytes.
impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&STANDARD.encode(self.0.as_bytes()))
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed_of(first: u8) -> String {
        STANDARD.encode((0..32).map(|i| first.wrapping_add(i * 7)).collect::<Vec<u8>>())
    }

    fn keys(text: &str) -> Result<StatementKeys, KeyError> {
        StatementKeys::parse(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn the_first_private_key_signs_and_all_are_known() -> Result<(), KeyError> {
        let (old, new) = (keys(&seed_of(1))?, keys(&seed_of(2))?);
        let retired = format!("{PUBLIC}{}", old.known()[0]);
        let both = keys(&format!("{retired}, {}", seed_of(2)))?;
        assert_eq!(both.current(), new.current());
        assert_eq!(both.known(), [old.known()[0], new.known()[0]]);
        let signature = both.sign(b"x").unwrap_or_default();
        assert!(new.known()[0].signed(b"x", &signature) && !old.known()[0].signed(b"x", &signature));
        Ok(())
    }

    #[test]
    fn none_is_no_mistake_and_malformed_or_weak_ones_are() {
        assert_eq!(keys("").map(|k| k.current()), Ok(None));
        assert_eq!(keys("short").map(|k| k.current()), Err(KeyError::Malformed));
        assert_eq!(keys(&STANDARD.encode([7; 32])).map(|k| k.current()), Err(KeyError::Weak));
    }
}
