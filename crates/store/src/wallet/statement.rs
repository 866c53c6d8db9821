//! An organization's ledger of a period, whole: where it began, every movement with its hours, and where it ended.

use chrono::{DateTime, Utc};
use domain::wallet::{GENESIS, Hash, Posted};
use domain::{MeterId, Money, OrganizationId, ResourceId, TransactionId, VpsId};
use uuid::Uuid;

use super::chain::LedgerRow;
use crate::handle::sealed::Conn as _;
use crate::{Error, OrgDb, OrgRead, Result};

/// A wallet after one of its movements.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Number of the movement, 0 before the first.
    pub sequence: i64,
    /// Its hash.
    pub hash: Hash,
    /// Money that can be spent.
    pub available: Money,
    /// Money reserved for open orders.
    pub held: Money,
    /// What the organization owes.
    pub receivable: Money,
}

/// Hours of one meter that one movement paid.
#[derive(Debug, Clone)]
pub struct Hours {
    /// The movement.
    pub transaction_id: TransactionId,
    /// Of which VPS; `None` when they are of a resource.
    pub vps_id: Option<VpsId>,
    /// Of which resource; `None` when they are of a VPS.
    pub resource_id: Option<ResourceId>,
    /// The name of either.
    pub name: String,
    /// Of which meter.
    pub meter_id: MeterId,
    /// Are they hours, or what a resize added to one?
    pub raise: bool,
    /// Their beginnings, in the order of time.
    pub starts: Vec<DateTime<Utc>>,
    /// Their prices in micro-units.
    pub amounts: Vec<i64>,
}

/// The ledger of a period.
#[derive(Debug, Clone)]
pub struct Period {
    /// Name of the organization.
    pub organization: String,
    /// Before the first movement.
    pub opening: Standing,
    /// After the last.
    pub closing: Standing,
    /// The movements, in sequence.
    pub movements: Vec<Posted>,
    /// What they paid.
    pub hours: Vec<Hours>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

/// What was written down from one time until before another. Movements are numbered in the order in which they got the
/// wallet, and stamped with the time at which they began to ask for it: the number of the last one stamped before a time
/// divides them. Refused when the ledger is not the chain it must be.
pub async fn period(db: &mut OrgRead, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Period> {
    let organization = db.organization_id();
    let ends = sqlx::query!(
        r#"select o.name, now() as "now!",
            coalesce(max(t.sequence) filter (where t.created_at < $2), 0) as "before!",
            coalesce(max(t.sequence) filter (where t.created_at < $3), 0) as "last!"
        from organizations o left join ledger_transactions t on t.organization_id = o.id
        where o.id = $1 group by o.id"#,
        organization.0,
        from,
        until
    )
    .fetch_one(db.conn())
    .await?;
    let opening = standing(db, ends.before).await?;
    let closing = standing(db, ends.last).await?;
    let movements = movements(db, &opening, closing.sequence).await?;
    if movements.last().map_or(opening.hash, |last| last.hash) != closing.hash {
        return Err(Error::Inconsistent("a ledger hash"));
    }
    let hours = hours(db, &movements).await?;
    Ok(Period { organization: ends.name, opening, closing, movements, hours, now: ends.now })
}

/// The wallet after a movement.
async fn standing(db: &mut OrgRead, sequence: i64) -> Result<Standing> {
    let organization = db.organization_id();
    let row = sqlx::query!(
        r#"select (select hash from ledger_transactions where organization_id = $1 and sequence = $2) as hash,
            coalesce(sum(e.amount_micros) filter (where e.account = 'wallet'), 0)::bigint as "available!: Money",
            coalesce(sum(e.amount_micros) filter (where e.account = 'held'), 0)::bigint as "held!: Money",
            coalesce(-sum(e.amount_micros) filter (where e.account = 'receivable'), 0)::bigint as "receivable!: Money"
        from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
        where t.organization_id = $1 and e.organization_id = $1 and t.sequence <= $2"#,
        organization.0,
        sequence
    )
    .fetch_one(db.conn())
    .await?;
    let hash = row.hash.map_or(Ok(GENESIS), |hash| hash.try_into());
    let hash = hash.map_err(|_| Error::Inconsistent("length of a ledger hash"))?;
    Ok(Standing { sequence, hash, available: row.available, held: row.held, receivable: row.receivable })
}

async fn movements(db: &mut OrgRead, opening: &Standing, last: i64) -> Result<Vec<Posted>> {
    let organization = db.organization_id();
    let rows = sqlx::query_as!(
        LedgerRow,
        r#"select t.organization_id as "organization_id: OrganizationId", t.id as "id: TransactionId", t.sequence,
            t.kind, t.key, t.actor, t.reference, t.previous_hash, t.hash, t.created_at, coalesce(e.lines, '{}') as "lines!",
            coalesce(e.accounts, '{}') as "accounts!", coalesce(e.amounts, '{}') as "amounts!"
        from ledger_transactions t
        left join lateral (select array_agg(line order by line) as lines, array_agg(account order by line) as accounts,
            array_agg(amount_micros order by line) as amounts
            from ledger_entries where transaction_id = t.id and organization_id = $1) e on true
        where t.organization_id = $1 and t.sequence > $2 and t.sequence <= $3 order by t.sequence"#,
        organization.0,
        opening.sequence,
        last
    )
    .fetch_all(db.conn())
    .await?;
    let mut previous = opening.hash;
    let mut posted = Vec::with_capacity(rows.len());
    for row in rows {
        let one = row.chain_to(previous).map_err(|_| Error::Inconsistent("a ledger transaction"))?;
        previous = one.hash;
        posted.push(one);
    }
    Ok(posted)
}

/// Found by meter and hour, between the first and the last that the movements say they are of.
async fn hours(db: &mut OrgRead, movements: &[Posted]) -> Result<Vec<Hours>> {
    let organization = db.organization_id();
    let ids: Vec<Uuid> = movements.iter().map(|posted| posted.place.id.0).collect();
    Ok(sqlx::query_as!(
        Hours,
        r#"with asked as (
            select id, coalesce((reference->>'from')::timestamptz, '-infinity') as "from",
                coalesce((reference->>'until')::timestamptz, 'infinity') as until
            from ledger_transactions
            where organization_id = $1 and id = any($2) and kind in ('charge', 'accrual', 'capture')
        )
        select c.transaction_id as "transaction_id!: TransactionId", m.vps_id as "vps_id: VpsId",
            m.resource_id as "resource_id: ResourceId", min(s.name) as "name!", c.meter_id as "meter_id!: MeterId",
            not c.is_hour as "raise!", array_agg(c.span_start order by c.span_start) as "starts!",
            array_agg(c.amount_micros order by c.span_start) as "amounts!"
        from meters m
        join sold_hourly s on s.organization_id = m.organization_id and s.id = coalesce(m.vps_id, m.resource_id)
        join charged c on c.meter_id = m.id
        where m.organization_id = $1 and c.organization_id = $1 and c.transaction_id in (select id from asked)
            and c.span_start between (select min("from") from asked) and (select max(until) from asked)
        group by c.transaction_id, m.vps_id, m.resource_id, c.meter_id, c.is_hour order by c.transaction_id, c.meter_id"#,
        organization.0,
        &ids
    )
    .fetch_all(db.conn())
    .await?)
}
