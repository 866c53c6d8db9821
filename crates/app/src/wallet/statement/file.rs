//! The lines of a statement file. One JSON value a line: the head, each movement in its order, and the seal.
//!
//! Amounts are whole numbers of millionths of the currency unit; times are UTC.

use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::wallet::{Account, TransactionKind};
use domain::{MeterId, Money, OrganizationId, ResourceId, TransactionId, VpsId};
use serde::{Deserialize, Serialize};

/// The form of the file that is written here.
pub(super) const FORM: u32 = 1;

/// What the file is about, and between which two states of the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// [`FORM`].
    pub(super) statement: u32,
    /// Who issued it.
    pub(super) issuer: String,
    pub(super) organization_id: OrganizationId,
    pub(super) organization: String,
    /// ISO 4217.
    pub(super) currency: String,
    /// The period: movements written down from here on …
    pub(super) from: DateTime<Utc>,
    /// … and before this time.
    pub(super) until: DateTime<Utc>,
    pub(super) opening: Standing,
    pub(super) closing: Standing,
    pub(super) made_at: DateTime<Utc>,
    /// Public key that the file is signed for, base64.
    pub(super) key: String,
}

/// A wallet after one of its movements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    /// Number of the movement, 0 before the first.
    pub(super) sequence: i64,
    /// Its hash, hexadecimal.
    pub(super) hash: String,
    pub(super) available: Money,
    pub(super) held: Money,
    pub(super) receivable: Money,
}

/// A movement, with the hours it paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) sequence: i64,
    pub(super) id: TransactionId,
    pub(super) kind: TransactionKind,
    pub(super) key: String,
    pub(super) actor: Actor,
    pub(super) reference: serde_json::Value,
    pub(super) at: DateTime<Utc>,
    pub(super) entries: Vec<(Account, Money)>,
    /// SHA-256 over all of the above and the hash before it, hexadecimal.
    pub(super) hash: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) charges: Vec<Charged>,
}

/// Hours of one VPS or resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Charged {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vps_id: Option<VpsId>,
    /// Name of the VPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vps: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource_id: Option<ResourceId>,
    /// Name of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<String>,
    pub(super) meter_id: MeterId,
    /// Is it what a resize added to an hour?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) raise: bool,
    /// Beginning and price of each.
    pub(super) hours: Vec<(DateTime<Utc>, Money)>,
}

/// The last line: signs every byte before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seal {
    /// Ed25519, base64.
    pub(super) signature: String,
}
