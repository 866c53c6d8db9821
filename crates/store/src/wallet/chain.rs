//! The ledger as written down, read back as the chain it must be.

use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::wallet::{Account, Hash, Place, Posted, Transaction, TransactionKind};
use domain::{Money, OrganizationId, TransactionId};
use futures_util::Stream;
use sqlx::PgConnection;

/// A transaction and its lines as stored: words and actor are read as they stand, for they may be no words of ours.
pub(crate) struct LedgerRow {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: TransactionId,
    pub(crate) sequence: i64,
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) actor: serde_json::Value,
    pub(crate) reference: serde_json::Value,
    pub(crate) previous_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) lines: Vec<i16>,
    pub(crate) accounts: Vec<String>,
    pub(crate) amounts: Vec<i64>,
}

impl LedgerRow {
    /// The transaction again, chained to this hash. Says in words why it cannot be one.
    pub(crate) fn chain_to(&self, previous: Hash) -> std::result::Result<Posted, String> {
        let lines = self.accounts.iter().zip(&self.amounts);
        let entries: Vec<(Account, Money)> = lines
            .map(|(account, amount)| Ok((account.parse()?, Money::from_micros(*amount))))
            .collect::<std::result::Result<_, domain::text_enum::UnknownWord>>()
            .map_err(|e| e.to_string())?;
        let kind: TransactionKind = self.kind.parse().map_err(|_| format!("{:?} is no kind", self.kind))?;
        let transaction =
            Transaction::new(kind, self.key.clone(), self.actor()?, self.reference.clone(), &entries)
                .map_err(|e| e.to_string())?;
        let place = Place {
            organization_id: self.organization_id,
            id: self.id,
            sequence: self.sequence,
            at: self.created_at,
            previous,
        };
        Ok(transaction.chain(place))
    }

    /// Who caused it; refused when more is written there than an actor.
    fn actor(&self) -> std::result::Result<Actor, String> {
        let actor = serde_json::from_value(self.actor.clone()).ok();
        let is_whole = |actor: &Actor| serde_json::to_value(actor).is_ok_and(|whole| whole == self.actor);
        actor.filter(is_whole).ok_or_else(|| "its actor is nobody".to_owned())
    }
}

/// Every transaction of everybody, chain by chain. Read as it comes, so memory stays flat however long the ledger is.
pub(crate) fn ledger(
    conn: &mut PgConnection,
) -> impl Stream<Item = std::result::Result<LedgerRow, sqlx::Error>> {
    sqlx::query_as!(
        LedgerRow,
        r#"select t.organization_id as "organization_id: OrganizationId", t.id as "id: TransactionId", t.sequence,
            t.kind, t.key, t.actor, t.reference, t.previous_hash, t.hash, t.created_at, coalesce(e.lines, '{}') as "lines!",
            coalesce(e.accounts, '{}') as "accounts!", coalesce(e.amounts, '{}') as "amounts!"
        from ledger_transactions t
        left join lateral (select array_agg(line order by line) as lines, array_agg(account order by line) as accounts,
            array_agg(amount_micros order by line) as amounts
            from ledger_entries where transaction_id = t.id and organization_id = t.organization_id) e on true
        order by t.organization_id, t.sequence"#
    )
    .fetch(conn)
}
