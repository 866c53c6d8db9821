//! Public SSH keys.

use ssh_key::HashAlg;

/// A checked OpenSSH public key, without options, as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    line: String,
    comment: String,
    fingerprint: String,
}

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an OpenSSH public key")]
pub struct InvalidPublicKey;

impl PublicKey {
    /// Parses the one-line format of `id_ed25519.pub` (RFC 4253 section 6.6, RFC 8709).
    pub fn parse(text: &str) -> Result<Self, InvalidPublicKey> {
        let text = text.trim();
        if text.contains(['\n', '\r']) || text.len() > 16_384 {
            return Err(InvalidPublicKey);
        }
        let mut key: ssh_key::PublicKey = text.parse().map_err(|_| InvalidPublicKey)?;
        let comment = key.comment().to_owned();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        key.set_comment("");
        let line = key.to_openssh().map_err(|_| InvalidPublicKey)?.trim().to_owned();
        Ok(Self { line, comment, fingerprint })
    }

    /// Algorithm and key, without the comment.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The comment of the pasted line, often `user@host`; empty when there was none.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// `SHA256:…` as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    #[test]
    fn the_comment_is_kept_apart() -> Result<(), InvalidPublicKey> {
        let key = PublicKey::parse(&format!("  {KEY} ann@laptop\n"))?;
        assert_eq!((key.line(), key.comment()), (KEY, "ann@laptop"));
        assert!(key.fingerprint().starts_with("SHA256:"));
        Ok(())
    }

    #[test]
    fn options_private_keys_and_noise_are_refused() {
        for bad in [
            "",
            "hello",
            "ssh-ed25519 AAAA",
            &format!("command=\"x\" {KEY}"),
            &format!("{KEY}\n{KEY}"),
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            assert_eq!(PublicKey::parse(bad), Err(InvalidPublicKey), "{bad}");
        }
    }
}
