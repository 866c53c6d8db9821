//! SSH keys: droplets name keys that are registered at the account.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::provider::{Rejection, UpstreamError};
use md5::{Digest as _, Md5};
use serde_json::json;

use super::api::{Api, versioned};
use super::errors::{is_key_known, refusal};
use crate::OUR_TAG;
use crate::http::Call;

/// Makes sure that a key is registered, and answers the fingerprint to name it by.
pub(super) async fn ensure(api: &Api<'_>, key: &str) -> Result<String, UpstreamError> {
    let fingerprint = fingerprint(key)
        .ok_or_else(|| UpstreamError::rejected(Rejection::Invalid, "not an OpenSSH public key"))?;
    match api.send(Call::get(&versioned(&["account", "keys", &fingerprint]))).await {
        Ok(_) => return Ok(fingerprint),
        Err(UpstreamError::NotFound) => {}
        Err(error) => return Err(error),
    }
    let name = format!("{OUR_TAG}-{}", fingerprint.replace(':', ""));
    let register = Call::post(&versioned(&["account", "keys"]))
        .json(&json!({ "name": name, "public_key": key }))
        .repeatable();
    let answer = api.send_raw(register).await?;
    // Somebody may have registered it between the two calls.
    match answer.is_success() || is_key_known(&answer) {
        true => Ok(fingerprint),
        false => Err(refusal(&answer)),
    }
}

/// MD5 over the key's binary form as colon-separated hex, the vendor's name for a key (RFC 4716 section 4).
fn fingerprint(key: &str) -> Option<String> {
    let blob = key.split_ascii_whitespace().nth(1)?;
    let blob = STANDARD_NO_PAD.decode(blob.trim_end_matches('=')).ok().filter(|blob| !blob.is_empty())?;
    let hex: Vec<String> = Md5::digest(blob).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(hex.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_ssh_keygen() {
        // `ssh-keygen -l -E md5` of this key.
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        let expected = "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd";
        assert_eq!(fingerprint(key).as_deref(), Some(expected));
        assert_eq!(fingerprint(&format!("{key} ann@laptop")).as_deref(), Some(expected));
    }

    #[test]
    fn noise_has_no_fingerprint() {
        for noise in ["", "ssh-ed25519", "ssh-ed25519 ?"] {
            assert_eq!(fingerprint(noise), None, "{noise}");
        }
    }
}
