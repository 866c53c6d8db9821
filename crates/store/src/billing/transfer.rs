//! Transfer: what was read of it, and what was charged above what is included.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::transfer::{Figures, Life};
use domain::money::Overflow;
use domain::{Money, OrganizationId, TransactionId, TransferPriceId, VpsId};
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::wallet::verify::Difference;
use crate::{Error, Result, SystemRead, SystemTx};

/// Bytes that went out of a VPS in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Of which VPS.
    pub vps_id: VpsId,
    /// First day of the month (UTC).
    pub month: NaiveDate,
    /// Bytes since its beginning.
    pub bytes_out: i64,
    /// When they were read.
    pub read_at: DateTime<Utc>,
}

/// A reading below one of before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Of which VPS.
    pub vps_id: VpsId,
    /// First day of the month.
    pub month: NaiveDate,
    /// Bytes that were read now.
    pub read: i64,
    /// Bytes that are known, and stay.
    pub known: i64,
}

/// Writes readings down, however many. They only grow: one below what is known changes nothing and is answered.
pub async fn write_readings(tx: &mut SystemTx, readings: &[Reading]) -> Result<Vec<Behind>> {
    let vps: Vec<Uuid> = readings.iter().map(|r| r.vps_id.0).collect();
    let months: Vec<NaiveDate> = readings.iter().map(|r| r.month).collect();
    let bytes: Vec<i64> = readings.iter().map(|r| r.bytes_out).collect();
    let times: Vec<DateTime<Utc>> = readings.iter().map(|r| r.read_at).collect();
    // In the order of the key, so that two who write at once do not wait for each other.
    sqlx::query!(
        "insert into transfer_readings as known (organization_id, vps_id, month, bytes_out, read_at)
        select v.organization_id, v.id, n.month, max(n.bytes_out), max(n.read_at)
        from unnest($1::uuid[], $2::date[], $3::bigint[], $4::timestamptz[]) as n (vps_id, month, bytes_out, read_at)
        join vps_instances v on v.id = n.vps_id
        group by v.organization_id, v.id, n.month order by v.id, n.month
        on conflict (vps_id, month) do update
            set bytes_out = excluded.bytes_out, read_at = greatest(known.read_at, excluded.read_at)
            where excluded.bytes_out >= known.bytes_out",
        &vps,
        &months,
        &bytes,
        &times,
    )
    .execute(tx.conn())
    .await?;
    Ok(sqlx::query_as!(
        Behind,
        r#"select k.vps_id as "vps_id!: VpsId", k.month as "month!", n.bytes_out as "read!", k.bytes_out as "known!"
        from unnest($1::uuid[], $2::date[], $3::bigint[]) as n (vps_id, month, bytes_out)
        join transfer_readings k on k.vps_id = n.vps_id and k.month = n.month
        where n.bytes_out < k.bytes_out order by 1, 2, 3"#,
        &vps,
        &months,
        &bytes,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Organizations of whose transfer in these months something is to be charged, in id order. Some are among them of which
/// nothing is, for a byte that began: the rule decides ([`counts`]).
pub async fn asking(db: &mut SystemRead, months: &[NaiveDate]) -> Result<Vec<OrganizationId>> {
    // Money is compared in `numeric`: bytes times price are more than a bigint holds.
    Ok(sqlx::query_scalar!(
        r#"with months as (
            select month, month::timestamp at time zone 'utc' as start,
                (month + interval '1 month') at time zone 'utc' as "end"
            from unnest($1::date[]) as m (month)
        ), used as (
            select d.organization_id, g.transfer_pool as pool, d.month, sum(d.bytes_out) as bytes
            from transfer_readings d
            join vps_instances v on v.organization_id = d.organization_id and v.id = d.vps_id
            join regions g on g.id = v.region_id
            where d.month = any($1) group by 1, 2, 3
        ), included as (
            select m.organization_id, g.transfer_pool as pool, x.month,
                sum(l.transfer_gb * ceil(extract(epoch from
                        least(m.ended_at, x."end") - greatest(m.started_at, x.start)) / 3600))
                    * 1000000000 / (extract(epoch from x."end" - x.start) / 3600) as bytes
            from months x
            join meters m on m.started_at < x."end" and (m.ended_at is null or m.ended_at > x.start)
            join vps_instances v on v.organization_id = m.organization_id and v.id = m.vps_id
            join regions g on g.id = v.region_id
            join plans l on l.id = v.plan_id
            where m.organization_id in (select organization_id from used)
            group by 1, 2, 3, x.start, x."end"
        ), charged as (
            select organization_id, pool, month, sum(amount_micros) as amount
            from transfer_charges where month = any($1) group by 1, 2, 3
        )
        select distinct u.organization_id as "organization_id!: OrganizationId"
        from used u
        join months x on x.month = u.month
        left join included i on i.organization_id = u.organization_id and i.pool = u.pool and i.month = u.month
        left join charged c on c.organization_id = u.organization_id and c.pool = u.pool and c.month = u.month
        cross join lateral (select sell_gb_micros from transfer_prices
            where pool = u.pool and effective_at <= x.start order by effective_at desc, id desc limit 1) p
        where (u.bytes - coalesce(i.bytes, 0)) * p.sell_gb_micros > coalesce(c.amount, 0) * 1000000000
        order by 1"#,
        months
    )
    .fetch_all(db.conn())
    .await?)
}

/// How an organization's transfer in a pool and month stands.
#[derive(Debug, Clone)]
pub struct Count {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Which pool.
    pub pool: String,
    /// First day of the month.
    pub month: NaiveDate,
    /// Bytes out of all VPSs of the pool.
    pub used: i64,
    /// What it costs.
    pub price_id: TransferPriceId,
    /// Price of a gigabyte.
    pub price_gb: Money,
    /// What is charged of it.
    pub charged: Money,
    /// How often it was.
    pub charges: i32,
    plans: Vec<i32>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<Option<DateTime<Utc>>>,
}

impl Count {
    /// The VPSs that bring included transfer.
    pub fn lives(&self) -> Vec<Life> {
        let times = self.starts.iter().zip(&self.ends);
        let lives = self.plans.iter().zip(times).map(|(&transfer_gb, (&started_at, &ended_at))| Life {
            transfer_gb,
            started_at,
            ended_at,
        });
        lives.collect()
    }
}

/// How the transfer of these organizations in these months stands, where it has a price, by organization, pool and month.
/// Their wallets are locked, so nobody else charges it.
pub async fn counts(
    tx: &mut SystemTx,
    organizations: &[OrganizationId],
    months: &[NaiveDate],
) -> Result<Vec<Count>> {
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    Ok(sqlx::query_as!(
        Count,
        r#"with used as (
            select d.organization_id, g.transfer_pool as pool, d.month, sum(d.bytes_out)::bigint as bytes,
                d.month::timestamp at time zone 'utc' as start, (d.month + interval '1 month') at time zone 'utc' as "end"
            from transfer_readings d
            join vps_instances v on v.organization_id = d.organization_id and v.id = d.vps_id
            join regions g on g.id = v.region_id
            where d.organization_id = any($1) and d.month = any($2) group by 1, 2, 3
        )
        select u.organization_id as "organization_id!: OrganizationId", u.pool as "pool!", u.month as "month!",
            u.bytes as "used!", p.id as "price_id!: TransferPriceId", p.sell_gb_micros as "price_gb!: Money",
            coalesce(c.amount, 0)::bigint as "charged!: Money", coalesce(c.last, 0) as "charges!",
            coalesce(i.plans, '{}') as "plans!", coalesce(i.starts, '{}') as "starts!",
            coalesce(i.ends, '{}') as "ends!: Vec<Option<DateTime<Utc>>>"
        from used u
        cross join lateral (select id, sell_gb_micros from transfer_prices
            where pool = u.pool and effective_at <= u.start order by effective_at desc, id desc limit 1) p
        left join lateral (select sum(amount_micros) as amount, max(sequence) as last from transfer_charges
            where organization_id = u.organization_id and pool = u.pool and month = u.month) c on true
        left join lateral (select array_agg(l.transfer_gb order by m.id) as plans,
                array_agg(m.started_at order by m.id) as starts, array_agg(m.ended_at order by m.id) as ends
            from meters m
            join vps_instances v on v.organization_id = m.organization_id and v.id = m.vps_id
            join regions g on g.id = v.region_id and g.transfer_pool = u.pool
            join plans l on l.id = v.plan_id
            where m.organization_id = u.organization_id and m.started_at < u."end"
                and (m.ended_at is null or m.ended_at > u.start)) i on true
        order by 1, 2, 3"#,
        &ids,
        months,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What an organization's charges of transfer come to, and what the ledger earned by them.
#[derive(Default)]
struct Sums {
    charged: Money,
    earned: Money,
}

/// Charges of transfer counted again by the rule, each from its figures and the one before it, and together against what
/// the ledger earned: of one organization, or of all.
pub(super) async fn charged_otherwise(
    db: &mut SystemRead,
    organization: Option<Uuid>,
) -> Result<Option<Difference>> {
    let mut sums = earned(db, organization).await?;
    let rows = sqlx::query!(
        r#"select c.organization_id as "organization_id: OrganizationId", c.pool, c.month, c.sequence, c.used_bytes,
            c.included_bytes, c.charged_before_micros as "before: Money", c.amount_micros as "amount: Money",
            p.sell_gb_micros as "price_gb: Money"
        from transfer_charges c join transfer_prices p on p.id = c.price_id
        where ($1::uuid is null or c.organization_id = $1) order by c.organization_id, c.pool, c.month, c.sequence"#,
        organization
    )
    .fetch_all(db.conn())
    .await?;
    let beyond = |_: Overflow| Error::Inconsistent("sum of transfer");
    let mut last: Option<(OrganizationId, Figures)> = None;
    for r in rows {
        let (organization_id, amount) = (r.organization_id, r.amount);
        let figures = Figures {
            pool: r.pool,
            month: r.month,
            sequence: r.sequence,
            used: r.used_bytes,
            included: r.included_bytes,
            price_gb: r.price_gb,
            before: r.before,
        };
        let before = last.as_ref().filter(|(of, last)| {
            *of == organization_id && (&last.pool, last.month) == (&figures.pool, figures.month)
        });
        let follows = figures.follows(before.map(|(_, last)| last)).map_err(beyond)?;
        let due = figures.due().map_err(beyond)?;
        let what = match (follows, due == amount) {
            (false, _) => Some(format!("{} does not follow the charge before", figures.word())),
            (true, false) => {
                Some(format!("{} costs {due} by its figures, charged was {amount}", figures.word()))
            }
            (true, true) => None,
        };
        if let Some(what) = what {
            return Ok(Some(Difference { organization_id, what }));
        }
        let sum = sums.entry(organization_id).or_default();
        sum.charged = sum.charged.plus(amount).map_err(beyond)?;
        last = Some((organization_id, figures));
    }
    let wrong = sums.into_iter().find(|(_, sum)| sum.charged != sum.earned);
    Ok(wrong.map(|(organization_id, Sums { charged, earned })| {
        let what = format!("transfer comes to {charged}, the ledger earned {earned}");
        Difference { organization_id, what }
    }))
}

async fn earned(db: &mut SystemRead, organization: Option<Uuid>) -> Result<BTreeMap<OrganizationId, Sums>> {
    let rows = sqlx::query!(
        r#"select t.organization_id as "organization_id: OrganizationId",
            coalesce(sum(e.amount_micros), 0)::bigint as "earned!: Money"
        from ledger_transactions t
        join ledger_entries e on e.transaction_id = t.id and e.account = 'revenue'
        where t.reference ? 'transfer' and ($1::uuid is null or t.organization_id = $1) group by 1"#,
        organization
    )
    .fetch_all(db.conn())
    .await?;
    let sums = rows.into_iter().map(|r| (r.organization_id, Sums { earned: r.earned, ..Sums::default() }));
    Ok(sums.collect())
}

/// A charge to write down.
#[derive(Debug, Clone)]
pub struct NewTransferCharge {
    /// Whose.
    pub organization_id: OrganizationId,
    /// What it comes from.
    pub figures: Figures,
    /// The price.
    pub price_id: TransferPriceId,
    /// What it comes to.
    pub amount: Money,
    /// The movement that took what the wallet had.
    pub paid: Option<TransactionId>,
    /// The movement that added the rest to the debt.
    pub owed: Option<TransactionId>,
    /// When its movements were written.
    pub at: DateTime<Utc>,
}

/// Writes charges down. One that was written before is refused by constraint `transfer_charges_pkey`.
pub async fn insert_charges(tx: &mut SystemTx, charges: &[NewTransferCharge]) -> Result<()> {
    let organizations: Vec<Uuid> = charges.iter().map(|c| c.organization_id.0).collect();
    let pools: Vec<String> = charges.iter().map(|c| c.figures.pool.clone()).collect();
    let months: Vec<NaiveDate> = charges.iter().map(|c| c.figures.month).collect();
    let sequences: Vec<i32> = charges.iter().map(|c| c.figures.sequence).collect();
    let used: Vec<i64> = charges.iter().map(|c| c.figures.used).collect();
    let included: Vec<i64> = charges.iter().map(|c| c.figures.included).collect();
    let prices: Vec<Uuid> = charges.iter().map(|c| c.price_id.0).collect();
    let before: Vec<i64> = charges.iter().map(|c| c.figures.before.micros()).collect();
    let amounts: Vec<i64> = charges.iter().map(|c| c.amount.micros()).collect();
    let paid: Vec<Option<Uuid>> = charges.iter().map(|c| c.paid.map(|t| t.0)).collect();
    let owed: Vec<Option<Uuid>> = charges.iter().map(|c| c.owed.map(|t| t.0)).collect();
    let times: Vec<DateTime<Utc>> = charges.iter().map(|c| c.at).collect();
    sqlx::query!(
        "insert into transfer_charges (organization_id, pool, month, sequence, used_bytes, included_bytes, price_id,
            charged_before_micros, amount_micros, transaction_id, debt_transaction_id, charged_at)
        select * from unnest($1::uuid[], $2::text[], $3::date[], $4::int[], $5::bigint[], $6::bigint[], $7::uuid[],
            $8::bigint[], $9::bigint[], $10::uuid[], $11::uuid[], $12::timestamptz[])",
        &organizations,
        &pools,
        &months,
        &sequences,
        &used,
        &included,
        &prices,
        &before,
        &amounts,
        &paid as &[Option<Uuid>],
        &owed as &[Option<Uuid>],
        &times,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
