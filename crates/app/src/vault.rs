//! Secrets at rest: AES-256-GCM with the key's id in the sealed text and the row it belongs to as
//! associated data, so that a sealed value copied to another row or column does not open.

use aes_gcm::aead::{Aead, Generate, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// Seals and opens secrets. The first key seals; all open, so that keys can be rotated.
pub struct Vault {
    keys: Vec<(String, Aes256Gcm)>,
}

/// The column a secret stands in: part of what is authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Table and column, for example `providers.token`.
    pub column: &'static str,
    /// The row's id.
    pub row: Uuid,
}

/// What is wrong with the configured keys or a sealed text. Names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Not `id:base64`, or not 32 bytes.
    #[error(
        "a sealing key must be written id:base64 of 32 random bytes, for example from `openssl rand -base64 32`"
    )]
    Malformed,
    /// Not random.
    #[error("the sealing key {0:?} is not random; make one with `openssl rand -base64 32`")]
    Weak(String),
    /// There is none.
    #[error("no sealing key is set")]
    Missing,
    /// Sealed with a key we do not have.
    #[error("sealed with key {0:?}, which is not configured")]
    UnknownKey(String),
    /// Changed, cut, or moved from another place.
    #[error("a sealed value does not open at its place")]
    DoesNotOpen,
}

impl Vault {
    /// Reads keys written `id:base64`, separated by commas; the first one seals.
    pub fn parse(keys: &SecretString) -> Result<Self, VaultError> {
        let keys: Vec<_> = keys
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(Self::parse_key)
            .collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(VaultError::Missing) } else { Ok(Self { keys }) }
    }

    fn parse_key(entry: &str) -> Result<(String, Aes256Gcm), VaultError> {
        let (id, key) = entry.split_once(':').ok_or(VaultError::Malformed)?;
        let plain_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let bytes = STANDARD.decode(key).map_err(|_| VaultError::Malformed)?;
        if !plain_id || bytes.len() != 32 {
            return Err(VaultError::Malformed);
        }
        // 32 random bytes have fewer than 20 different values once in 10^9 keys.
        let distinct = bytes.iter().collect::<std::collections::HashSet<_>>().len();
        if distinct < 20 {
            return Err(VaultError::Weak(id.to_owned()));
        }
        let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| VaultError::Malformed)?;
        Ok((id.to_owned(), cipher))
    }

    /// Seals a secret for its place: `v1.<key id>.<base64 of nonce and ciphertext>`.
    pub fn seal(&self, place: Place, secret: &SecretString) -> Result<String, VaultError> {
        let (id, cipher) = self.keys.first().ok_or(VaultError::Missing)?;
        let nonce = Nonce::<Aes256Gcm>::generate();
        let aad = place.aad();
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: aad.as_bytes() };
        let sealed = cipher.encrypt(&nonce, payload).map_err(|_| VaultError::DoesNotOpen)?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("v1.{id}.{}", STANDARD.encode(bytes)))
    }

    /// Opens a sealed text at its place.
    pub fn open(&self, place: Place, sealed: &str) -> Result<SecretString, VaultError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some("v1"), Some(id), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VaultError::DoesNotOpen);
        };
        let (_, cipher) = self
            .keys
            .iter()
            .find(|(known, _)| known == id)
            .ok_or_else(|| VaultError::UnknownKey(id.to_owned()))?;
        let bytes = STANDARD.decode(text).map_err(|_| VaultError::DoesNotOpen)?;
        let (nonce, ciphertext) = bytes.split_at_checked(12).ok_or(VaultError::DoesNotOpen)?;
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| VaultError::DoesNotOpen)?;
        let aad = place.aad();
        let payload = Payload { msg: ciphertext, aad: aad.as_bytes() };
        let plain = cipher.decrypt(&nonce, payload).map_err(|_| VaultError::DoesNotOpen)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| VaultError::DoesNotOpen)
    }
}

impl Place {
    /// The API token of a provider account.
    pub fn provider_token(id: domain::ProviderId) -> Self {
        Self { column: "providers.token", row: id.0 }
    }

    /// The private console key of a VPS.
    pub fn console_key(id: domain::VpsId) -> Self {
        Self { column: "vps_instances.console_key", row: id.0 }
    }

    /// A payer's leave to charge.
    pub fn charge_token(id: domain::AutoTopUpId) -> Self {
        Self { column: "auto_top_ups.token", row: id.0 }
    }

    fn aad(&self) -> String {
        format!("{}/{}", self.column, self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> String {
        let bytes: Vec<u8> = (0..32).map(|i| seed.wrapping_add(i * 7)).collect();
        STANDARD.encode(bytes)
    }

    fn vault(keys: &str) -> Vault {
        Vault::parse(&SecretString::from(keys.to_owned())).expect("test keys")
    }

    fn place(row: u128) -> Place {
        Place { column: "t.c", row: Uuid::from_u128(row) }
    }

    #[test]
    fn opens_only_at_its_place() {
        let vault = vault(&format!("a:{}", key(1)));
        let sealed = vault.seal(place(1), &SecretString::from("s3cret")).expect("seals");
        assert_eq!(vault.open(place(1), &sealed).map(|s| s.expose_secret().to_owned()), Ok("s3cret".into()));
        assert_eq!(vault.open(place(2), &sealed).map(|_| ()), Err(VaultError::DoesNotOpen));
        assert!(!sealed.contains("s3cret"));
    }

    #[test]
    fn old_keys_still_open_after_a_rotation() {
        let sealed = vault(&format!("a:{}", key(1))).seal(place(1), &SecretString::from("x")).expect("seals");
        assert!(vault(&format!("b:{},a:{}", key(2), key(1))).open(place(1), &sealed).is_ok());
        let unknown = vault(&format!("b:{}", key(2))).open(place(1), &sealed).map(|_| ());
        assert_eq!(unknown, Err(VaultError::UnknownKey("a".into())));
    }

    #[test]
    fn missing_malformed_and_weak_keys_are_refused() {
        let parse = |text: &str| Vault::parse(&SecretString::from(text.to_owned())).map(|_| ());
        assert_eq!(parse(""), Err(VaultError::Missing));
        assert_eq!(parse("a:short"), Err(VaultError::Malformed));
        assert_eq!(parse(&key(1)), Err(VaultError::Malformed));
        assert_eq!(parse(&format!("a:{}", STANDARD.encode([0; 32]))), Err(VaultError::Weak("a".into())));
    }
}
