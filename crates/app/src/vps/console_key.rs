//! The key pair of a VPS's console: made with the order, the private half sealed.

use secrecy::SecretString;
use ssh_key::LineEnding;
use ssh_key::private::{Ed25519Keypair, PrivateKey};

use crate::{Error, Result};

/// An Ed25519 key pair in OpenSSH format.
pub(super) struct ConsoleKey {
    /// One line for `authorized_keys`.
    pub(super) public: String,
    /// The private key file's content.
    pub(super) private: SecretString,
}

/// Makes a fresh pair.
pub(super) fn generate() -> Result<ConsoleKey> {
    let seed: [u8; 32] = rand::random();
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let public = key.public_key().to_openssh().map_err(Error::internal)?;
    let private = key.to_openssh(LineEnding::LF).map_err(Error::internal)?;
    Ok(ConsoleKey { public, private: SecretString::from(private.to_string()) })
}
