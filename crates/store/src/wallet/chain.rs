//! The ledger as written down, read back as the chain it must be.

use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::wallet::{Account, Hash, Place, Posted, Transaction, TransactionKind};
use domain::{Money, OrganizationId, TransactionId};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;

/// A transaction and its lines as stored.
pub(crate) struct LedgerRow {
    pub(crate) id: TransactionId,
    pub(crate) sequence: i64,
    pub(crate) kind: TransactionKind,
    pub(crate) key: String,
    pub(crate) actor: Json<Actor>,
    pub(crate) reference: serde_json::Value,
    pub(crate) previous_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) accounts: Vec<String>,
    pub(crate) amounts: Vec<i64>,
}

impl LedgerRow {
    /// The transaction again, chained to this hash. Says in words why it cannot be one.
    pub(crate) fn chain_to(
        &self,
        organization: OrganizationId,
        previous: Hash,
    ) -> std::result::Result<Posted, String> {
        let lines = self.accounts.iter().zip(&self.amounts);
        let entries: Vec<(Account, Money)> = lines
            .map(|(account, amount)| Ok((account.parse()?, Money::from_micros(*amount))))
            .collect::<std::result::Result<_, domain::text_enum::UnknownWord>>()
            .map_err(|e| e.to_string())?;
        let transaction =
            Transaction::new(self.kind, self.key.clone(), self.actor.0, self.reference.clone(), &entries)
                .map_err(|e| e.to_string())?;
        let place = Place {
            organization_id: organization,
            id: self.id,
            sequence: self.sequence,
            at: self.created_at,
            previous,
        };
        Ok(transaction.chain(place))
    }
}

/// Transactions in one read: memory stays flat however long the ledger is.
const PAGE: i64 = 5_000;

/// The next transactions of an organization after a sequence number.
pub(crate) async fn ledger_page(
    conn: &mut PgConnection,
    organization: OrganizationId,
    after: i64,
) -> Result<Vec<LedgerRow>> {
    Ok(sqlx::query_as!(
        LedgerRow,
        r#"select t.id as "id: TransactionId", t.sequence, t.kind as "kind: TransactionKind", t.key,
            t.actor as "actor: Json<Actor>", t.reference, t.previous_hash, t.hash, t.created_at,
            coalesce(array_agg(e.account order by e.line) filter (where e.line is not null), '{}') as "accounts!",
            coalesce(array_agg(e.amount_micros order by e.line) filter (where e.line is not null), '{}')
                as "amounts!"
        from ledger_transactions t left join ledger_entries e on e.transaction_id = t.id
        where t.organization_id = $1 and t.sequence > $2
        group by t.id order by t.sequence limit $3"#,
        organization.0,
        after,
        PAGE,
    )
    .fetch_all(conn)
    .await?)
}
