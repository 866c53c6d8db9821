//! An organization's ledger, followed to say which money paid for what.

use domain::wallet::attribution::{Attribution, Movement};
use domain::wallet::{Account, Entry, TransactionKind};
use domain::{Money, TransactionId};
use futures_util::TryStreamExt as _;

use crate::{Error, OrgDb, Result};

/// Where the organization's money came from and went. Read whole: for a page that explains or a job that decides, not
/// for every charge. Whoever acts on it has locked the wallet before.
pub async fn attribution(db: &mut impl OrgDb) -> Result<Attribution> {
    let organization = db.organization_id();
    let mut attribution = Attribution::default();
    let mut rows = sqlx::query!(
        r#"select t.id as "id: TransactionId", t.sequence, t.kind as "kind: TransactionKind", t.reference, t.created_at,
            e.accounts as "accounts!: Vec<String>", e.amounts as "amounts!"
        from ledger_transactions t
        join (select transaction_id, array_agg(account order by line) as accounts,
                array_agg(amount_micros order by line) as amounts
            from ledger_entries where organization_id = $1 group by transaction_id) e on e.transaction_id = t.id
        where t.organization_id = $1 order by t.sequence"#,
        organization.0
    )
    .fetch(db.conn());
    while let Some(row) = rows.try_next().await? {
        let lines = row.accounts.iter().zip(row.amounts);
        let entries: Vec<Entry> = lines
            .map(|(account, micros)| {
                let account: Account =
                    account.parse().map_err(|_| Error::Inconsistent("a ledger account"))?;
                Ok(Entry { account, amount: Money::from_micros(micros) })
            })
            .collect::<Result<_>>()?;
        let movement = Movement {
            id: row.id,
            sequence: row.sequence,
            kind: row.kind,
            at: row.created_at,
            reference: &row.reference,
            entries: &entries,
        };
        attribution.apply(&movement).map_err(|_| Error::Inconsistent("the money of a ledger"))?;
    }
    Ok(attribution)
}
