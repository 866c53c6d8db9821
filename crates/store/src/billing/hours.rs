//! Hours as people read them: what each cost, under which terms, and which movement of the ledger paid it.

use chrono::{DateTime, Utc};
use domain::billing::Tariff;
use domain::catalog::{Price, Product};
use domain::money::Overflow;
use domain::{MeterId, Money, OrganizationId, PriceVersionId, ResourceId, TransactionId, VpsId};
use sqlx::PgConnection;

use crate::handle::sealed::Conn as _;
use crate::wallet::explain::Explained;
use crate::{OrgDb, OrgRead, Result, SystemRead};

/// One charged hour.
#[derive(Debug, Clone)]
pub struct Hour {
    /// Of which meter.
    pub meter_id: MeterId,
    /// Of which VPS; `None` when it is of a resource.
    pub vps_id: Option<VpsId>,
    /// Of which resource; `None` when it is of a VPS.
    pub resource_id: Option<ResourceId>,
    /// What it is of.
    pub kind: Product,
    /// The name of that.
    pub name: String,
    /// How much of it: GiB of what is sold by the GiB, else 1.
    pub quantity: i64,
    /// Its beginning.
    pub start: DateTime<Utc>,
    /// What it cost; in the list of a VPS with what resizes added to it.
    pub amount: Money,
    /// What of that a resize added.
    pub raised: Money,
    /// Was it the first hour, which costs at least the minimum?
    pub first: bool,
    sold: bool,
    /// The price version it counted at.
    pub price_version_id: PriceVersionId,
    /// Since when that price is sold.
    pub priced_at: DateTime<Utc>,
    /// What an hour of that quantity is sold for at it.
    pub sell_hour: Money,
    /// What a month is sold for at most.
    pub sell_month: Money,
    /// What the first hour is sold for at least.
    pub sell_minimum: Money,
    /// Which hour of its month (UTC) it was, 1 for the first.
    pub month_hour: i64,
    /// What the hours of its month had cost with it.
    pub month_used: Money,
    /// The movement that paid it; `None` for an hour beyond the cap.
    pub transaction_id: Option<TransactionId>,
    /// That movement's place in the ledger.
    pub sequence: Option<i64>,
}

impl Hour {
    /// At whose price it counted.
    pub fn tariff(&self) -> Tariff {
        if self.sold { Tariff::Sold } else { Tariff::AtCost }
    }

    /// What it cost us, by the price it counted at: the vendor's month has a cap, too, and the first hour at least its
    /// minimum. What a resize added costs nothing beside its hour.
    pub fn cost(&self, price: &Price) -> std::result::Result<Money, Overflow> {
        if self.raised.is_positive() && self.raised == self.amount {
            return Ok(Money::ZERO);
        }
        let before = price.cost_hour.times(self.month_hour - 1)?;
        let left = price.cost_month.minus(before)?.max(Money::ZERO);
        let full = if self.first { price.cost_hour.max(price.cost_minimum) } else { price.cost_hour };
        Ok(full.min(left))
    }

    /// Had its month cost all it could?
    pub fn is_capped(&self) -> bool {
        self.month_used >= self.sell_month
    }
}

/// Up to `limit` hours of a VPS before `before`, newest first.
pub async fn of_vps(
    db: &mut OrgRead,
    vps: VpsId,
    before: Option<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<Hour>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Hour,
        r#"select c.meter_id as "meter_id: MeterId", m.vps_id as "vps_id: VpsId",
            m.resource_id as "resource_id: ResourceId", s.kind as "kind!: Product", s.name as "name!",
            coalesce(e.quantity, m.quantity) as "quantity!", c.span_start as start,
            c.amount_micros + h.raised as "amount!: Money", h.raised as "raised!: Money", c.span_start = m.started_at as "first!", c.tariff = 'sold' as "sold!",
            p.id as "price_version_id: PriceVersionId", p.effective_at as priced_at,
            amount_of(p.sell_hour_micros, coalesce(e.quantity, m.quantity), p.per_units) as "sell_hour!: Money",
            amount_of(p.sell_month_micros, coalesce(e.quantity, m.quantity), p.per_units) as "sell_month!: Money",
            amount_of(p.sell_minimum_micros, coalesce(e.quantity, m.quantity), p.per_units) as "sell_minimum!: Money", u.hours as "month_hour!", u.used as "month_used!: Money",
            c.transaction_id as "transaction_id: TransactionId", t.sequence as "sequence?"
        from meters m
        join sold_hourly s on s.organization_id = m.organization_id and s.id = coalesce(m.vps_id, m.resource_id)
        join charges c on c.meter_id = m.id
        left join ledger_transactions t on t.organization_id = c.organization_id and t.id = c.transaction_id
        left join lateral (select price_version_id, quantity from meter_terms where meter_id = m.id and until > c.span_start
            order by until, id limit 1) e on true
        join price_versions p on p.id = coalesce(e.price_version_id, m.price_version_id)
        cross join lateral (select coalesce(sum(amount_micros), 0)::bigint as raised from raised_hours
            where meter_id = m.id and span_start = c.span_start) h
        cross join lateral (select count(*) filter (where is_hour) as hours, sum(amount_micros)::bigint as used from charged
            where meter_id = m.id and span_start between date_trunc('month', c.span_start, 'utc') and c.span_start) u
        where m.organization_id = $1 and m.vps_id = $2 and ($3::timestamptz is null or c.span_start < $3)
        order by c.span_start desc limit $4"#,
        organization.0,
        vps.0,
        before,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// Hours that a movement paid, newest first, up to `limit` after the first `skip`. They are for ever the same.
pub async fn of_movement(db: &mut OrgRead, paid: &Explained, skip: i64, limit: i64) -> Result<Vec<Hour>> {
    let organization = db.organization_id();
    paid_by(db.conn(), organization, paid, skip, limit).await
}

/// The same for operators.
pub async fn of_any_movement(
    db: &mut SystemRead,
    paid: &Explained,
    skip: i64,
    limit: i64,
) -> Result<Vec<Hour>> {
    paid_by(db.conn(), paid.organization_id, paid, skip, limit).await
}

/// Looks at meters of the organization in the time that the movement says its hours are of: charges are found by meter and
/// hour, not by what paid them.
async fn paid_by(
    conn: &mut PgConnection,
    organization: OrganizationId,
    paid: &Explained,
    skip: i64,
    limit: i64,
) -> Result<Vec<Hour>> {
    Ok(sqlx::query_as!(
        Hour,
        r#"select c.meter_id as "meter_id!: MeterId", m.vps_id as "vps_id: VpsId",
            m.resource_id as "resource_id: ResourceId", s.kind as "kind!: Product", s.name as "name!",
            coalesce(e.quantity, m.quantity) as "quantity!", c.span_start as "start!",
            c.amount_micros as "amount!: Money", case when c.is_hour then 0 else c.amount_micros end as "raised!: Money", c.span_start = m.started_at as "first!", c.tariff = 'sold' as "sold!",
            p.id as "price_version_id: PriceVersionId", p.effective_at as priced_at,
            amount_of(p.sell_hour_micros, coalesce(e.quantity, m.quantity), p.per_units) as "sell_hour!: Money",
            amount_of(p.sell_month_micros, coalesce(e.quantity, m.quantity), p.per_units) as "sell_month!: Money",
            amount_of(p.sell_minimum_micros, coalesce(e.quantity, m.quantity), p.per_units) as "sell_minimum!: Money", u.hours as "month_hour!", u.used as "month_used!: Money",
            c.transaction_id as "transaction_id: TransactionId", t.sequence as "sequence?"
        from (
            select c.* from meters m join charged c on c.meter_id = m.id
            where m.organization_id = $1 and c.organization_id = $1 and c.transaction_id = $2
                and ($3::uuid is null or m.vps_id = $3)
                and c.span_start between coalesce($4::timestamptz, '-infinity') and coalesce($5::timestamptz, 'infinity')
            order by c.span_start desc, c.meter_id desc, c.is_hour offset $6 limit $7
        ) c
        join meters m on m.id = c.meter_id
        join sold_hourly s on s.organization_id = m.organization_id and s.id = coalesce(m.vps_id, m.resource_id)
        left join ledger_transactions t on t.organization_id = c.organization_id and t.id = c.transaction_id
        left join lateral (
            (select price_version_id, quantity from meter_terms where c.is_hour and meter_id = m.id and until > c.span_start
                order by until, id limit 1)
            union all
            select r.price_version_id, r.quantity from raised_hours a join resizes r on r.id = a.resize_id
            where not c.is_hour and a.organization_id = c.organization_id and a.transaction_id = c.transaction_id
        ) e on true
        join price_versions p on p.id = coalesce(e.price_version_id, m.price_version_id)
        cross join lateral (select count(*) filter (where is_hour) as hours, sum(amount_micros)::bigint as used from charged
            where meter_id = m.id and span_start between date_trunc('month', c.span_start, 'utc') and c.span_start) u
        order by c.span_start desc, c.meter_id desc, c.is_hour"#,
        organization.0,
        paid.movement.id.0,
        paid.movement.vps_id.map(|v| v.0),
        paid.from,
        paid.until,
        skip,
        limit
    )
    .fetch_all(conn)
    .await?)
}
