//! Meters and charges; what documents say of them.

pub mod document;
pub mod profile;
pub mod statement;
pub mod tax;
pub mod transfer;
pub mod vat;

pub mod moves;

pub mod ladder;

pub mod hours;
pub mod recompute;
pub mod resize;
pub mod resource;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::{EarlierCap, Flat, Meter, Span, Subject, Tariff};
use domain::catalog::Price;
use domain::{MeterId, Money, OrganizationId, PriceVersionId, TransactionId};
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Error, OrgDb, OrgTx, Result, Store, SystemPurpose, SystemRead, SystemTx, WriteDb, catalog};

/// A meter with what it needs to be billed.
#[derive(Debug, Clone)]
pub struct OpenMeter {
    /// Its id.
    pub id: MeterId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// What it is sold at: all of its quantity.
    pub price: Price,
    /// The count.
    pub meter: Meter,
    /// At whose price hours count now.
    pub tariff: Tariff,
}

/// One hour to write down.
#[derive(Debug, Clone, Copy)]
pub struct NewCharge {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Of which meter.
    pub meter_id: MeterId,
    /// The hour and its price.
    pub span: Span,
    /// At whose price.
    pub tariff: Tariff,
    /// The movement that paid it; `None` for an hour beyond the cap.
    pub transaction_id: Option<TransactionId>,
}

const fn word(tariff: Tariff) -> &'static str {
    match tariff {
        Tariff::Sold => "sold",
        Tariff::AtCost => "at_cost",
    }
}

fn flat_micros(flat: Option<Flat>) -> i64 {
    flat.map_or(0, |flat| flat.amount.micros())
}

struct MeterRow {
    id: MeterId,
    organization_id: OrganizationId,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    paid_until: DateTime<Utc>,
    month: NaiveDate,
    month_used: Money,
    cap_month: Option<NaiveDate>,
    cap: Option<Money>,
    sold: bool,
    price_version_id: PriceVersionId,
    quantity: i64,
}

impl MeterRow {
    fn with(self, price: Price) -> OpenMeter {
        OpenMeter {
            id: self.id,
            organization_id: self.organization_id,
            price,
            meter: Meter {
                started_at: self.started_at,
                ended_at: self.ended_at,
                paid_until: self.paid_until,
                month: self.month,
                month_used: self.month_used,
                earlier_cap: self.cap_month.zip(self.cap).map(|(month, cap)| EarlierCap { month, cap }),
            },
            tariff: if self.sold { Tariff::Sold } else { Tariff::AtCost },
        }
    }
}

impl OpenMeter {
    /// The next hours as far as they are sold and cost the same.
    fn flat(&self) -> Option<Flat> {
        let goes_on = self.tariff == Tariff::Sold && self.meter.ended_at.is_none();
        self.meter.flat(&self.price).filter(|_| goes_on)
    }
}

/// Organizations with hours that began at or before `now` and are not paid, or with VPSs that are to be moved to another
/// price by then, in id order.
pub async fn due_organizations(db: &mut SystemRead, now: DateTime<Utc>) -> Result<Vec<OrganizationId>> {
    Ok(sqlx::query_scalar!(
        r#"select w.organization_id as "id!: OrganizationId" from wallets w
            cross join lateral (select from meter_counts m
                where m.organization_id = w.organization_id and not m.settled and m.paid_until <= $1 limit 1) d
        union select organization_id from vps_price_moves where state = 'announced' and moves_at <= $1
        order by 1"#,
        now
    )
    .fetch_all(db.conn())
    .await?)
}

/// What an organization owes for one flat hour of each VPS of which hours are due.
#[derive(Debug, Clone, Copy)]
pub struct FlatDue {
    /// Whose.
    pub organization_id: OrganizationId,
    /// How many hours.
    pub hours: i64,
    /// What they cost together.
    pub amount: Money,
    /// When the first of these hours begins.
    pub from: DateTime<Utc>,
    /// When the last of them begins.
    pub until: DateTime<Utc>,
    /// Is nothing else due: is each due hour flat, and the only one of its meter? If not, the rule has to be asked.
    pub only: bool,
}

/// What is due at `now` of some organizations, if all of it is flat. Their wallets are locked.
pub async fn flat_dues(
    tx: &mut SystemTx,
    organizations: &[OrganizationId],
    now: DateTime<Utc>,
) -> Result<Vec<FlatDue>> {
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    // Organizations are joined, so that only their wallets are read; a list of them would be sought in meters alone. What
    // is due of a meter is worked out once (`offset 0`), not once for each use.
    Ok(sqlx::query_as!(
        FlatDue,
        r#"select organization_id as "organization_id!: OrganizationId", count(*) as "hours!",
            sum(flat_micros)::bigint as "amount!: Money", min(paid_until) as "from!", max(paid_until) as "until!",
            bool_and(flat and paid_until > $2::timestamptz - interval '1 hour') as "only!"
        from (
            select m.organization_id, m.paid_until, m.flat_micros, m.tariff = 'sold' and m.ended_at is null
                and coalesce(m.flat_until > m.paid_until, false) as flat
            from unnest($1::uuid[]) as o (id) join meter_counts m on m.organization_id = o.id
            where not m.settled and m.paid_until <= $2 offset 0
        ) due group by organization_id"#,
        &ids,
        now,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Charges the flat hours of these organizations, each to the movement beside it (`None` when they cost nothing).
/// Answers how many hours that were. No meter is written: the wallets, which are locked, have to say up to which hour
/// this was, in the same transaction ([`LockedWallet::charged_until`](crate::wallet::LockedWallet)).
pub async fn charge_flat(
    tx: &mut SystemTx,
    organizations: &[(OrganizationId, Option<TransactionId>)],
    now: DateTime<Utc>,
) -> Result<u64> {
    let ids: Vec<Uuid> = organizations.iter().map(|(id, _)| id.0).collect();
    let paid_by: Vec<Option<Uuid>> = organizations.iter().map(|(_, paid_by)| paid_by.map(|t| t.0)).collect();
    let charged = sqlx::query!(
        "insert into charges (organization_id, meter_id, span_start, amount_micros, tariff, transaction_id)
        select m.organization_id, m.id, m.paid_until, m.flat_micros, 'sold', case when m.flat_micros > 0 then n.paid_by end
        from unnest($1::uuid[], $2::uuid[]) as n (organization, paid_by)
        join meter_counts m on m.organization_id = n.organization
        where not m.settled and m.paid_until <= $3",
        &ids,
        &paid_by as &[Option<Uuid>],
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(charged.rows_affected())
}

/// All meters of these organizations that are not settled, due or not, by organization and oldest unpaid hour.
pub async fn open_meters(tx: &mut SystemTx, organizations: &[OrganizationId]) -> Result<Vec<OpenMeter>> {
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    let mut rows = sqlx::query_as!(
        MeterRow,
        r#"select m.id as "id!: MeterId", m.organization_id as "organization_id!: OrganizationId",
            m.started_at as "started_at!", m.ended_at, m.paid_until as "paid_until!", m.month as "month!",
            m.month_used_micros as "month_used!: Money", m.cap_month, m.cap_micros as "cap: Money",
            m.tariff = 'sold' as "sold!", m.price_version_id as "price_version_id!: PriceVersionId",
            m.quantity as "quantity!"
        from unnest($1::uuid[]) as o (id) join meter_counts m on m.organization_id = o.id where not m.settled"#,
        &ids
    )
    .fetch_all(tx.conn())
    .await?;
    rows.sort_unstable_by_key(|m| (m.organization_id, m.paid_until, m.id));
    // Many meters share few prices: they are read once.
    let versions: BTreeSet<PriceVersionId> = rows.iter().map(|m| m.price_version_id).collect();
    let prices = catalog::prices(tx, versions).await?;
    rows.into_iter()
        .map(|m| {
            let price = prices.get(&m.price_version_id).ok_or(Error::Inconsistent("price of a meter"))?;
            let price = price.of(m.quantity)?;
            Ok(m.with(price))
        })
        .collect()
}

/// A meter to start.
#[derive(Debug, Clone, Copy)]
pub struct NewMeter<'a> {
    /// Its id.
    pub id: MeterId,
    /// What it counts hours of.
    pub subject: Subject,
    /// How much of it: GiB of what is sold by the GiB, else 1.
    pub quantity: i64,
    /// At which version's price it is sold.
    pub price_version_id: PriceVersionId,
    /// What that quantity costs at it.
    pub price: &'a Price,
    /// The count, with its first hour already charged.
    pub meter: &'a Meter,
}

/// Starts a meter.
pub async fn insert_meter(tx: &mut OrgTx, new: NewMeter<'_>) -> Result<()> {
    let organization = tx.organization_id();
    let NewMeter { id, subject, quantity, price_version_id, price, meter } = new;
    let flat = meter.flat(price);
    sqlx::query!(
        "insert into meters (organization_id, id, vps_id, price_version_id, started_at, ended_at, paid_until, month,
            month_used_micros, settled, flat_micros, flat_until, resource_id, quantity)
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
            case when $7 <= charged_until then null else $12::timestamptz end, $13, $14
        from wallets where organization_id = $1",
        organization.0,
        id.0,
        subject.vps().map(|id| id.0),
        price_version_id.0,
        meter.started_at,
        meter.ended_at,
        meter.paid_until,
        meter.month,
        meter.month_used.micros(),
        meter.is_settled(),
        flat_micros(flat),
        flat.map(|flat| flat.until),
        subject.resource().map(|id| id.0),
        quantity,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes hours down. An hour that was charged before is refused by constraint `charges_pkey`.
pub async fn insert_charges(tx: &mut impl WriteDb, charges: &[NewCharge]) -> Result<()> {
    let organizations: Vec<Uuid> = charges.iter().map(|c| c.organization_id.0).collect();
    let meters: Vec<Uuid> = charges.iter().map(|c| c.meter_id.0).collect();
    let starts: Vec<DateTime<Utc>> = charges.iter().map(|c| c.span.start).collect();
    let amounts: Vec<i64> = charges.iter().map(|c| c.span.amount.micros()).collect();
    let sold: Vec<bool> = charges.iter().map(|c| c.tariff == Tariff::Sold).collect();
    let transactions: Vec<Option<Uuid>> = charges
        .iter()
        .map(|c| c.transaction_id.filter(|_| c.span.amount.is_positive()).map(|t| t.0))
        .collect();
    sqlx::query!(
        "insert into charges (organization_id, meter_id, span_start, amount_micros, tariff, transaction_id)
        select organization, meter, start, amount, case when sold then 'sold' else 'at_cost' end, paid_by
        from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[], $5::boolean[], $6::uuid[])
            as n (organization, meter, start, amount, sold, paid_by)",
        &organizations,
        &meters,
        &starts,
        &amounts,
        &sold,
        &transactions as &[Option<Uuid>],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Moves cursors forward and sets tariffs, where they changed. The wallets of these organizations are locked, so the
/// meters are as the caller read them; a cursor never goes back.
pub async fn update_meters(
    tx: &mut SystemTx,
    organizations: &[OrganizationId],
    meters: &[OpenMeter],
) -> Result<()> {
    let organizations: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    let ids: Vec<Uuid> = meters.iter().map(|m| m.id.0).collect();
    let paid: Vec<DateTime<Utc>> = meters.iter().map(|m| m.meter.paid_until).collect();
    let months: Vec<NaiveDate> = meters.iter().map(|m| m.meter.month).collect();
    let used: Vec<i64> = meters.iter().map(|m| m.meter.month_used.micros()).collect();
    let sold: Vec<bool> = meters.iter().map(|m| m.tariff == Tariff::Sold).collect();
    let settled: Vec<bool> = meters.iter().map(|m| m.meter.is_settled()).collect();
    let flat: Vec<Option<Flat>> = meters.iter().map(OpenMeter::flat).collect();
    let flat_amounts: Vec<i64> = flat.iter().map(|flat| flat_micros(*flat)).collect();
    let flat_until: Vec<Option<DateTime<Utc>>> = flat.iter().map(|flat| flat.map(|f| f.until)).collect();
    sqlx::query!(
        "update meters m set paid_until = n.paid, month = n.month, month_used_micros = n.used,
            tariff = case when n.sold then 'sold' else 'at_cost' end, settled = n.settled,
            flat_micros = n.flat, flat_until = case when n.paid <= w.charged_until then null else n.flat_until end
        from wallets w, unnest($1::uuid[], $2::timestamptz[], $3::date[], $4::bigint[], $5::boolean[], $6::boolean[],
                $8::bigint[], $9::timestamptz[])
            as n (id, paid, month, used, sold, settled, flat, flat_until)
        where m.organization_id = any($7) and w.organization_id = m.organization_id and not m.settled and m.id = n.id
            and m.paid_until <= n.paid
            and (m.paid_until, m.tariff = 'sold', m.settled) is distinct from (n.paid, n.sold, n.settled)",
        &ids,
        &paid,
        &months,
        &used,
        &sold,
        &settled,
        &organizations,
        &flat_amounts,
        &flat_until as &[Option<DateTime<Utc>>],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the hours of some VPSs and resources; what began before is still charged by the billing run.
pub async fn end_meters(tx: &mut OrgTx, of: &[Subject], at: DateTime<Utc>) -> Result<()> {
    let organization = tx.organization_id();
    let (vps, resources) = split(of);
    sqlx::query!(
        "update meters set ended_at = $4, settled = paid_until >= $4
        where organization_id = $1 and (vps_id = any($2) or resource_id = any($3)) and ended_at is null",
        organization.0,
        &vps,
        &resources,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn split(of: &[Subject]) -> (Vec<Uuid>, Vec<Uuid>) {
    let vps = of.iter().filter_map(|one| one.vps()).map(|id| id.0);
    (vps.collect(), of.iter().filter_map(|one| one.resource()).map(|id| id.0).collect())
}

/// Sets at whose price the hours of some VPSs and resources count from the next on.
pub async fn set_tariff(tx: &mut OrgTx, of: &[Subject], tariff: Tariff) -> Result<()> {
    let organization = tx.organization_id();
    let (vps, resources) = split(of);
    sqlx::query!(
        "update meters set tariff = $4
        where organization_id = $1 and (vps_id = any($2) or resource_id = any($3)) and not settled",
        organization.0,
        &vps,
        &resources,
        word(tariff),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Are there hours at cost that began before now and are not written down yet? They must be, before
/// the organization's VPSs are sold again.
pub async fn at_cost_due(tx: &mut OrgTx) -> Result<bool> {
    let organization = tx.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select exists (select from meter_counts where organization_id = $1 and not settled and tariff = 'at_cost'
            and paid_until <= now()) as "due!""#,
        organization.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// The database's time, taken once per billing run.
pub async fn now(store: &Store) -> Result<DateTime<Utc>> {
    let mut db = store.system_read(SystemPurpose::Billing).await?;
    Ok(sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(db.conn()).await?)
}
