//! Resizes: a VPS that gets the price of another plan, a volume that gets another quantity. Everybody here holds the wallet.

use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::{EarlierCap, HeldFor, Meter, Sold, Subject};
use domain::catalog::Product;
use domain::identity::Actor;
use domain::vps::VpsState;
use domain::{MeterId, Money, PriceVersionId, RegionId, ResizeId, ResourceId, TransactionId, VpsId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result};

/// What something is and costs before a resize.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    /// What it is.
    pub kind: Product,
    /// Where it is in its life.
    pub state: VpsState,
    /// Do its hours count at cost, for want of money?
    pub unpaid: bool,
    /// At which price it is sold.
    pub price_version_id: PriceVersionId,
    /// How much of it.
    pub quantity: i64,
    /// Where.
    pub region_id: RegionId,
    /// What an hour of all of it is sold for.
    pub sell_hour: Money,
    /// What a month of it is sold for at most.
    pub sell_month: Money,
    /// Is it being resized?
    pub resizing: bool,
    /// Is it a VPS with backups?
    pub backed_up: bool,
}

/// What something is and costs now; `None` when there is none.
pub async fn present(tx: &mut OrgTx, of: Subject) -> Result<Option<Present>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Present,
        r#"select s.kind as "kind!: Product", s.state as "state!: VpsState", s.unpaid as "unpaid!",
            s.price_version_id as "price_version_id!: PriceVersionId", s.quantity as "quantity!",
            p.region_id as "region_id: RegionId",
            amount_of(p.sell_hour_micros, s.quantity, p.per_units) as "sell_hour!: Money",
            amount_of(p.sell_month_micros, s.quantity, p.per_units) as "sell_month!: Money",
            exists (select from resizes r where r.organization_id = s.organization_id and s.id in (r.vps_id, r.resource_id)
                and r.state = 'open') as "resizing!",
            exists (select from resources b where b.organization_id = s.organization_id and b.vps_id = s.id
                and b.kind = 'backups' and b.state in ('creating', 'active')) as "backed_up!"
        from sold_hourly s join price_versions p on p.id = s.price_version_id
        where s.organization_id = $1 and s.id = $2"#,
        organization.0,
        of.id(),
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A price in force.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// Of what.
    pub kind: Product,
    /// Where.
    pub region_id: RegionId,
    /// What an hour of the asked quantity is sold for.
    pub sell_hour: Money,
}

/// What so much costs at a price version; `None` when that is not in force.
pub async fn offer(tx: &mut OrgTx, version: PriceVersionId, quantity: i64) -> Result<Option<Offer>> {
    Ok(sqlx::query_as!(
        Offer,
        r#"select p.kind as "kind: Product", p.region_id as "region_id: RegionId",
            amount_of(p.sell_hour_micros, $2, p.per_units) as "sell_hour!: Money"
        from price_versions p
        where p.id = $1 and (exists (select from current_prices c where c.id = p.id)
            or exists (select from current_resource_prices c where c.id = p.id))"#,
        version.0,
        quantity,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Writes the intent.
pub async fn insert(
    tx: &mut OrgTx,
    id: ResizeId,
    of: Subject,
    (version, quantity): (PriceVersionId, i64),
) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into resizes (organization_id, id, vps_id, resource_id, price_version_id, quantity, created_by)
        values ($1, $2, $3, $4, $5, $6, $7)",
        scope.organization_id().0,
        id.0,
        of.vps().map(|id| id.0),
        of.resource().map(|id| id.0),
        version.0,
        quantity,
        Json(scope.actor()) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A resize under way.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// Its id.
    pub id: ResizeId,
    /// Of what.
    pub subject: Subject,
    /// What it becomes.
    pub to: (PriceVersionId, i64),
    /// What that costs.
    pub sold: Sold,
    /// The difference of an hour, held and drawn on the wallet; nothing when it becomes no dearer.
    pub difference: Money,
    /// Who ordered it.
    pub created_by: Actor,
}

impl Open {
    /// What its difference is held for.
    pub const fn order(&self) -> HeldFor {
        HeldFor::Resize(self.id, self.subject)
    }
}

/// A resize, if it is under way, locked.
pub async fn lock_open(tx: &mut OrgTx, id: ResizeId) -> Result<Option<Open>> {
    Ok(lock(tx, Some(id), &[]).await?.pop())
}

/// The resizes under way of some VPSs and resources, locked.
pub async fn lock_open_of(tx: &mut OrgTx, of: &[Subject]) -> Result<Vec<Open>> {
    let ids: Vec<Uuid> = of.iter().map(|subject| subject.id()).collect();
    lock(tx, None, &ids).await
}

async fn lock(tx: &mut OrgTx, id: Option<ResizeId>, of: &[Uuid]) -> Result<Vec<Open>> {
    let organization = tx.organization_id();
    let rows = sqlx::query!(
        r#"select r.id as "id: ResizeId", r.vps_id as "vps_id: VpsId", r.resource_id as "resource_id: ResourceId",
            r.price_version_id as "version: PriceVersionId", r.quantity,
            amount_of(p.sell_hour_micros, r.quantity, p.per_units) as "hour!: Money",
            amount_of(p.sell_month_micros, r.quantity, p.per_units) as "month!: Money",
            coalesce((select amount_micros from holds h where h.organization_id = r.organization_id and h.resize_id = r.id), 0)
                as "difference!: Money",
            r.created_by as "created_by: Json<Actor>"
        from resizes r join price_versions p on p.id = r.price_version_id
        where r.organization_id = $1 and r.state = 'open' and (r.id = $2 or r.vps_id = any($3) or r.resource_id = any($3))
        order by r.id for update of r"#,
        organization.0,
        id.map(|id| id.0),
        of,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|r| {
            let subject = r.vps_id.map(Subject::Vps).or(r.resource_id.map(Subject::Resource));
            Ok(Open {
                id: r.id,
                subject: subject.ok_or(crate::Error::Inconsistent("a resize of nothing"))?,
                to: (r.version, r.quantity),
                sold: Sold { hour: r.hour, month: r.month },
                difference: r.difference,
                created_by: r.created_by.0,
            })
        })
        .collect()
}

/// A resize has ended: it is done, or will not be.
pub async fn end(tx: &mut OrgTx, id: ResizeId, done: bool) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update resizes set state = case when $3 then 'done' else 'failed' end, ended_at = now()
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        done,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The hours of something that is to be resized.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// Its meter.
    pub meter_id: MeterId,
    /// The count.
    pub meter: Meter,
    /// When the hour began that was paid last.
    pub last: DateTime<Utc>,
    /// What that came to so far.
    pub charged: Money,
}

/// The hours of something as they stand.
pub async fn running(tx: &mut OrgTx, of: Subject) -> Result<Option<Running>> {
    let organization = tx.organization_id();
    let row = sqlx::query!(
        r#"select m.id as "id!: MeterId", m.started_at as "started_at!", m.ended_at, m.paid_until as "paid_until!",
            m.month as "month!", m.month_used_micros as "month_used!: Money", m.cap_month, m.cap_micros as "cap: Money",
            m.paid_until - interval '1 hour' as "last!",
            coalesce((select sum(amount_micros) from charged c where c.organization_id = m.organization_id and c.meter_id = m.id
                and c.span_start = m.paid_until - interval '1 hour'), 0)::bigint as "charged!: Money"
        from meter_counts m
        where m.organization_id = $1 and (m.vps_id = $2 or m.resource_id = $3) and m.ended_at is null"#,
        organization.0,
        of.vps().map(|id| id.0),
        of.resource().map(|id| id.0),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|m| Running {
        meter_id: m.id,
        meter: Meter {
            started_at: m.started_at,
            ended_at: m.ended_at,
            paid_until: m.paid_until,
            month: m.month,
            month_used: m.month_used,
            earlier_cap: m.cap_month.zip(m.cap).map(|(month, cap)| EarlierCap { month, cap }),
        },
        last: m.last,
        charged: m.charged,
    }))
}

/// What the running hour is raised by.
#[derive(Debug, Clone, Copy)]
pub struct Raise {
    /// By how much.
    pub amount: Money,
    /// The movement that paid it.
    pub transaction_id: TransactionId,
}

/// Writes down what a resize makes of its VPS or resource: price and quantity from the next hour on, the cap that the month
/// keeps, and what the running hour is raised by. A change of price that was announced for a VPS is over.
pub async fn apply(tx: &mut OrgTx, resize: &Open, running: &Running, raise: Option<Raise>) -> Result<()> {
    let organization = tx.organization_id();
    let (version, quantity) = resize.to;
    let cap: Option<(NaiveDate, Money)> =
        running.meter.earlier_cap.map(|earlier| (earlier.month, earlier.cap));
    sqlx::query!(
        "update meters set price_version_id = $3, quantity = $4, cap_month = $5, cap_micros = $6, resize_id = $7
        where organization_id = $1 and id = $2",
        organization.0,
        running.meter_id.0,
        version.0,
        quantity,
        cap.map(|(month, _)| month),
        cap.map(|(_, cap)| cap.micros()),
        resize.id.0,
    )
    .execute(tx.conn())
    .await?;
    match resize.subject {
        Subject::Vps(id) => change_vps(tx, id, version).await?,
        Subject::Resource(id) => change_resource(tx, id, version, quantity).await?,
    }
    let Some(raise) = raise else { return Ok(()) };
    sqlx::query!(
        "insert into raised_hours (organization_id, resize_id, meter_id, span_start, amount_micros, transaction_id)
        values ($1, $2, $3, $4, $5, $6)",
        organization.0,
        resize.id.0,
        running.meter_id.0,
        running.last,
        raise.amount.micros(),
        raise.transaction_id.0,
    )
    .execute(tx.conn())
    .await?;
    // Its count was written down as it stood when its terms changed.
    sqlx::query!(
        "update meters set month_used_micros = month_used_micros + $3 where organization_id = $1 and id = $2",
        organization.0,
        running.meter_id.0,
        raise.amount.micros(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn change_vps(tx: &mut OrgTx, id: VpsId, version: PriceVersionId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances v set price_version_id = p.id, plan_id = p.plan_id
        from price_versions p where v.organization_id = $1 and v.id = $2 and p.id = $3",
        organization.0,
        id.0,
        version.0,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update vps_price_moves set state = 'over'
        where organization_id = $1 and vps_id = $2 and state = 'announced'",
        organization.0,
        id.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn change_resource(
    tx: &mut OrgTx,
    id: ResourceId,
    version: PriceVersionId,
    quantity: i64,
) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update resources set price_version_id = $3, quantity = $4 where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        version.0,
        quantity,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
