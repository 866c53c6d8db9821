//! One movement of money with everything known of it.

use chrono::{DateTime, Utc};
use domain::billing::transfer::Figures;
use domain::catalog::Product;
use domain::wallet::{Account, TransactionKind};
use domain::{Money, OrganizationId, TopUpId, TransactionId, VpsId};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::read::Movement;
use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, Result, SystemRead};

/// A movement, and what it takes to find the hours it paid.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization: String,
    /// What moved.
    pub movement: Movement,
    /// `user`, `api_key` or `system`.
    pub actor_kind: String,
    /// Name of the person or key.
    pub actor_name: Option<String>,
    /// SHA-256 over it and the movement before it, in hexadecimal.
    pub hash: String,
    /// Beginning of the first hour it paid, as noted when it was written; `None` where it was not noted.
    pub from: Option<DateTime<Utc>>,
    /// Beginning of the last.
    pub until: Option<DateTime<Utc>>,
    /// The other movement of the same hours or transfer: what the wallet paid of it, and what is owed for it, stand apart.
    pub other: Option<(TransactionId, i64)>,
}

/// A movement of the organization.
pub async fn movement(db: &mut OrgRead, id: TransactionId) -> Result<Option<Explained>> {
    let organization = db.organization_id();
    explained(db.conn(), Some(organization), id).await
}

/// A movement of anybody's, for operators.
pub async fn any_movement(db: &mut SystemRead, id: TransactionId) -> Result<Option<Explained>> {
    explained(db.conn(), None, id).await
}

async fn explained(
    conn: &mut PgConnection,
    organization: Option<OrganizationId>,
    id: TransactionId,
) -> Result<Option<Explained>> {
    let row = sqlx::query!(
        r#"select t.organization_id as "organization_id: OrganizationId", g.name as organization, t.sequence,
            t.kind as "kind: TransactionKind", t.created_at, (t.reference->>'vps_id')::uuid as "vps_id: VpsId", s.kind as "product?: Product", s.name as "name?",
            (t.reference->>'top_up_id')::uuid as "top_up_id: TopUpId", (t.reference->>'hours')::bigint as hours,
            case when t.reference ? 'transfer' then t.reference end as "transfer: Json<Figures>",
            t.reference ? 'refund_id' as "refund!", t.reference ? 'resize_id' as "resize!", coalesce(c.reason, a.reason) as reason,
            t.actor->>'kind' as "actor_kind!", coalesce(u.name, k.name) as actor_name, encode(t.hash, 'hex') as "hash!",
            (t.reference->>'from')::timestamptz as "from", (t.reference->>'until')::timestamptz as until,
            o.id as "other_id?: TransactionId", o.sequence as "other_sequence?"
        from ledger_transactions t
        join organizations g on g.id = t.organization_id
        left join sold_hourly s on s.organization_id = t.organization_id
            and s.id = coalesce(t.reference->>'vps_id', t.reference->>'resource_id')::uuid
        left join credits c on c.organization_id = t.organization_id and c.id = (t.reference->>'credit_id')::uuid
        left join adjustments a
            on a.organization_id = t.organization_id and a.id = (t.reference->>'adjustment_id')::uuid
        left join users u on u.organization_id = t.organization_id and u.id = (t.actor->>'user')::uuid
        left join api_keys k on k.organization_id = t.organization_id and k.id = (t.actor->>'key')::uuid
        left join ledger_transactions o on o.organization_id = t.organization_id
            and o.key = case t.kind when 'charge' then 'accrual' when 'accrual' then 'charge' end
                || substr(t.key, strpos(t.key, ':'))
        where t.id = $1 and ($2::uuid is null or t.organization_id = $2)"#,
        id.0,
        organization.map(|o| o.0)
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let movement = Movement {
        id,
        sequence: row.sequence,
        kind: row.kind,
        vps_id: row.vps_id,
        product: row.product,
        name: row.name,
        top_up_id: row.top_up_id,
        refund: row.refund,
        resize: row.resize,
        hours: row.hours,
        transfer: row.transfer.map(|figures| figures.0),
        reason: row.reason,
        created_at: row.created_at,
        lines: lines(conn, row.organization_id, id).await?,
    };
    Ok(Some(Explained {
        organization_id: row.organization_id,
        organization: row.organization,
        movement,
        actor_kind: row.actor_kind,
        actor_name: row.actor_name,
        hash: row.hash,
        from: row.from,
        until: row.until,
        other: row.other_id.zip(row.other_sequence),
    }))
}

async fn lines(
    conn: &mut PgConnection,
    organization: OrganizationId,
    id: TransactionId,
) -> Result<Vec<(Account, Money)>> {
    let rows = sqlx::query!(
        r#"select account as "account: Account", amount_micros as "amount: Money" from ledger_entries
        where organization_id = $1 and transaction_id = $2 order by line"#,
        organization.0,
        id.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| (r.account, r.amount)).collect())
}
