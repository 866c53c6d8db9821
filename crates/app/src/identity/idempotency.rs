//! Requests that may be sent twice.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::identity::{Claim, Digest, claim, keep};
use store::{Exempt, OrgTx};

use crate::{App, Caller, Error, Result};

/// The `Idempotency-Key` of a request and what the request was.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    key: String,
    request: Digest,
}

impl IdempotencyKey {
    /// A key of 1 to 255 visible ASCII characters, for this method, path and body.
    pub fn new(key: &str, method: &str, path: &str, body: &[u8]) -> Result<Self> {
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid("Idempotency-Key", "Use 1 to 255 visible ASCII characters."));
        }
        let mut digest = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes(), body] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        Ok(Self { key: key.to_owned(), request: digest.finalize().into() })
    }
}

/// Outcome of a use case that may be repeated.
#[derive(Debug)]
pub enum Done<T> {
    /// It happened just now.
    Now(T),
    /// It happened before; `answer` is what was answered then, if that is known yet.
    Before {
        /// What it made.
        effect: T,
        /// Status and body.
        answer: Option<(u16, Value)>,
    },
}

impl<T: Copy> Done<T> {
    /// What was made, now or before.
    pub fn effect(&self) -> T {
        match self {
            Self::Now(effect) | Self::Before { effect, .. } => *effect,
        }
    }
}

/// Claims the key for an effect within the transaction that makes it. `Some` means: it was made
/// before, roll back and answer this.
pub(crate) async fn begin<T: Serialize + DeserializeOwned>(
    tx: &mut OrgTx,
    key: Option<&IdempotencyKey>,
    effect: &T,
) -> Result<Option<Done<T>>> {
    let Some(key) = key else { return Ok(None) };
    let effect = serde_json::to_value(effect).map_err(Error::internal)?;
    match claim(tx, &key.key, &key.request, &effect).await? {
        Claim::Fresh => Ok(None),
        Claim::Repeated(kept) => {
            let effect = serde_json::from_value(kept.effect).map_err(Error::internal)?;
            Ok(Some(Done::Before { effect, answer: kept.answer }))
        }
        Claim::Mismatch => Err(Error::invalid(
            "Idempotency-Key",
            "This key was used for another request. Use a new key for each new request.",
        )),
    }
}

/// Keeps the answer to a key, and returns the one to give: the first that was kept.
pub async fn remember(
    app: &App,
    caller: &Caller,
    key: &IdempotencyKey,
    status: u16,
    body: &Value,
) -> Result<(u16, Value)> {
    let mut tx = app.store.org_tx(&caller.scope).await?;
    let kept = keep(&mut tx, &key.key, status, body).await?;
    tx.commit(Exempt::IdempotencyKey).await?;
    Ok(kept)
}
