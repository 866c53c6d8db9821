//! One ledger transaction and its place in the chain.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{Account, TransactionKind};
use crate::identity::Actor;
use crate::money::Overflow;
use crate::{Money, OrganizationId, TransactionId};

/// SHA-256 over a transaction's content and the previous hash.
pub type Hash = [u8; 32];

/// The previous hash of an organization's first transaction.
pub const GENESIS: Hash = [0; 32];

/// One line of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// The change, positive when the organization gets richer; never zero.
    pub amount: Money,
}

/// The lines do not sum to zero, or a line is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ledger entries must be non-zero and sum to zero")]
pub struct Unbalanced;

/// A balanced transaction that is not posted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    kind: TransactionKind,
    key: String,
    actor: Actor,
    reference: serde_json::Value,
    entries: Vec<Entry>,
}

impl Transaction {
    /// Checks the balance. `key` names the cause: the same key can be posted once only.
    /// `reference` holds ids for people and reports. Zero lines are dropped; a transaction in
    /// which nothing moves is refused.
    pub fn new(
        kind: TransactionKind,
        key: String,
        actor: Actor,
        reference: serde_json::Value,
        entries: &[(Account, Money)],
    ) -> Result<Self, Unbalanced> {
        let entries: Vec<Entry> = entries
            .iter()
            .filter(|(_, amount)| *amount != Money::ZERO)
            .map(|&(account, amount)| Entry { account, amount })
            .collect();
        let sum = Money::total(entries.iter().map(|e| e.amount)).map_err(|_: Overflow| Unbalanced)?;
        if entries.is_empty() || sum != Money::ZERO {
            return Err(Unbalanced);
        }
        Ok(Self { kind, key, actor, reference, entries })
    }

    /// Why money moves.
    pub const fn kind(&self) -> TransactionKind {
        self.kind
    }

    /// The idempotency key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Who caused it.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// Ids of what it is about.
    pub const fn reference(&self) -> &serde_json::Value {
        &self.reference
    }

    /// The lines.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The change of one account.
    pub fn change(&self, account: Account) -> Result<Money, Overflow> {
        Money::total(self.entries.iter().filter(|e| e.account == account).map(|e| e.amount))
    }

    /// Gives it its place in the organization's chain.
    pub fn chain(self, place: Place) -> Posted {
        let hash = place.hash(&self);
        Posted { transaction: self, place, hash }
    }
}

/// Where a transaction stands in an organization's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whose chain.
    pub organization_id: OrganizationId,
    /// Its id.
    pub id: TransactionId,
    /// 1 for the first.
    pub sequence: i64,
    /// When it was posted, at microsecond precision as the database keeps it.
    pub at: DateTime<Utc>,
    /// Hash of the one before.
    pub previous: Hash,
}

impl Place {
    /// The hash over everything that must not change. Texts are length-prefixed, so that no two
    /// different contents read the same.
    fn hash(&self, t: &Transaction) -> Hash {
        let mut digest = Sha256::new();
        let mut text = |part: &[u8]| {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        };
        text(&self.previous);
        text(self.organization_id.0.as_bytes());
        text(self.id.0.as_bytes());
        text(&self.sequence.to_be_bytes());
        text(&self.at.timestamp_micros().to_be_bytes());
        text(t.kind.as_str().as_bytes());
        text(t.key.as_bytes());
        text(serde_json::to_string(&t.actor).unwrap_or_default().as_bytes());
        text(t.reference.to_string().as_bytes());
        for entry in &t.entries {
            text(entry.account.as_str().as_bytes());
            text(&entry.amount.micros().to_be_bytes());
        }
        digest.finalize().into()
    }
}

/// A transaction in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// What moved.
    pub transaction: Transaction,
    /// Where it stands.
    pub place: Place,
    /// The hash the next one builds on.
    pub hash: Hash,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(amount: i64) -> Result<Transaction, Unbalanced> {
        let amount = Money::from_micros(amount);
        let back = amount.negated().map_err(|_| Unbalanced)?;
        Transaction::new(
            TransactionKind::TopUp,
            "k".into(),
            Actor::System,
            serde_json::json!({"a": 1}),
            &[(Account::Wallet, amount), (Account::GatewayClearing, back)],
        )
    }

    #[test]
    fn only_balanced_transactions_exist() {
        let one = Money::from_micros(1);
        let lone = Transaction::new(
            TransactionKind::TopUp,
            "k".into(),
            Actor::System,
            serde_json::Value::Null,
            &[(Account::Wallet, one)],
        );
        assert_eq!(lone, Err(Unbalanced));
        assert_eq!(transaction(0), Err(Unbalanced), "nothing moves");
        assert!(transaction(5).is_ok());
    }

    #[test]
    fn every_part_of_the_content_changes_the_hash() -> Result<(), Unbalanced> {
        let place = Place {
            organization_id: OrganizationId::new(),
            id: TransactionId::new(),
            sequence: 1,
            at: DateTime::UNIX_EPOCH,
            previous: GENESIS,
        };
        let hash = |p: Place, amount| Ok::<_, Unbalanced>(transaction(amount)?.chain(p).hash);
        let first = hash(place, 5)?;
        assert_eq!(first, hash(place, 5)?);
        assert_ne!(first, hash(place, 6)?);
        assert_ne!(first, hash(Place { sequence: 2, ..place }, 5)?);
        assert_ne!(first, hash(Place { previous: first, ..place }, 5)?);
        assert_ne!(first, hash(Place { organization_id: OrganizationId::new(), ..place }, 5)?);
        Ok(())
    }
}
