//! Plans, prices, and what the accounts offer.

pub mod moves;
pub mod read;
mod sync;

pub use sync::{
    ImageRow, PriceRow, RegionRow, SizeRow, replace_images, replace_prices, replace_regions, replace_sizes,
};

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::catalog::{Markup, Price, Product, UnitPrice};
use domain::identity::Actor;
use domain::{ImageId, Money, PlanId, PriceVersionId, ProviderId, RegionId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Error, OrgDb, OrgTx, Result, SystemDb, SystemTx};

/// What an order is priced at.
#[derive(Debug, Clone)]
pub struct Quote {
    /// The version in force.
    pub price_version_id: PriceVersionId,
    /// Per hour.
    pub sell_hour: Money,
    /// Monthly cap.
    pub sell_month: Money,
    /// The least the first hour costs.
    pub sell_minimum: Money,
    /// Can it be ordered now, with this image?
    pub orderable: bool,
}

/// The price in force of a plan in a region, and whether some account delivers it with the image.
pub async fn quote(tx: &mut OrgTx, plan: PlanId, region: RegionId, image: ImageId) -> Result<Option<Quote>> {
    Ok(sqlx::query_as!(
        Quote,
        r#"select c.id as "price_version_id!: PriceVersionId", c.sell_hour_micros as "sell_hour!: Money",
            c.sell_month_micros as "sell_month!: Money", c.sell_minimum_micros as "sell_minimum!: Money",
            exists (select from orderable_images o
                where o.plan_id = c.plan_id and o.region_id = c.region_id and o.image_id = $3) as "orderable!"
        from current_prices c where c.plan_id = $1 and c.region_id = $2"#,
        plan.0,
        region.0,
        image.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Ids of a plan, region and image by their slugs, with the price in force.
#[derive(Debug, Clone, Copy)]
pub struct Orderable {
    /// The plan.
    pub plan_id: PlanId,
    /// The region.
    pub region_id: RegionId,
    /// The image.
    pub image_id: ImageId,
    /// The price in force.
    pub price_version_id: PriceVersionId,
}

/// What these slugs stand for, if it can be ordered now.
pub async fn orderable(
    db: &mut impl OrgDb,
    plan: &str,
    region: &str,
    image: &str,
) -> Result<Option<Orderable>> {
    Ok(sqlx::query_as!(
        Orderable,
        r#"select p.id as "plan_id: PlanId", r.id as "region_id: RegionId", i.id as "image_id: ImageId",
            c.id as "price_version_id!: PriceVersionId"
        from plans p
        join regions r on r.slug = $2
        join images i on i.slug = $3
        join current_prices c on c.plan_id = p.id and c.region_id = r.id
        join orderable_images o on o.plan_id = p.id and o.region_id = r.id and o.image_id = i.id
        where p.slug = $1"#,
        plan,
        region,
        image
    )
    .fetch_optional(db.conn())
    .await?)
}

/// What so much costs at a price version, with our cost.
pub async fn price(db: &mut impl SystemDb, version: PriceVersionId, quantity: i64) -> Result<Price> {
    let found = prices(db, [version]).await?.remove(&version);
    Ok(found.ok_or(Error::Inconsistent("price version"))?.of(quantity)?)
}

/// What some price versions say.
pub async fn prices(
    db: &mut impl SystemDb,
    versions: impl IntoIterator<Item = PriceVersionId>,
) -> Result<HashMap<PriceVersionId, UnitPrice>> {
    let ids: Vec<Uuid> = versions.into_iter().map(|v| v.0).collect();
    let rows = sqlx::query!(
        r#"select id as "id: PriceVersionId", cost_hour_micros as "cost_hour: Money", cost_month_micros as "cost_month: Money",
            cost_minimum_micros as "cost_minimum: Money", sell_hour_micros as "sell_hour: Money",
            sell_month_micros as "sell_month: Money", sell_minimum_micros as "sell_minimum: Money", per_units
        from price_versions where id = any($1)"#,
        &ids
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let price = Price {
                cost_hour: r.cost_hour,
                cost_month: r.cost_month,
                cost_minimum: r.cost_minimum,
                sell_hour: r.sell_hour,
                sell_month: r.sell_month,
                sell_minimum: r.sell_minimum,
            };
            (r.id, UnitPrice { price, per_units: r.per_units })
        })
        .collect())
}

/// Where an order can be delivered: an account and its own words for region, size and image.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The account.
    pub provider_id: ProviderId,
    /// Its region.
    pub region_ref: String,
    /// Its size.
    pub size_ref: String,
    /// Its image.
    pub image_ref: String,
}

/// The accounts that can deliver an order, first choice first. Active accounts only, except for
/// `also`, the one that may already have been asked.
pub async fn offers(
    db: &mut impl SystemDb,
    plan: PlanId,
    region: RegionId,
    image: ImageId,
    also: Option<ProviderId>,
) -> Result<Vec<Offer>> {
    Ok(sqlx::query_as!(
        Offer,
        r#"select distinct on (a.created_at, a.id) a.id as "provider_id: ProviderId", c.region_ref, c.size_ref,
            i.ref as image_ref
        from plan_sizes s
        join providers a on a.id = s.provider_id and (a.state = 'active' or a.id = $4)
        join provider_prices c on c.provider_id = s.provider_id and c.size_ref = s.size_ref
            and (c.available or a.id = $4)
        join provider_regions r on r.provider_id = c.provider_id and r.ref = c.region_ref and r.region_id = $2
            and (r.available or a.id = $4)
        join provider_images i on i.provider_id = s.provider_id and i.image_id = $3 and (i.available or a.id = $4)
        where s.plan_id = $1
        order by a.created_at, a.id, c.region_ref, i.ref desc"#,
        plan.0,
        region.0,
        image.0,
        also.map(|p| p.0),
    )
    .fetch_all(db.conn())
    .await?)
}

/// A plan to add.
#[derive(Debug)]
pub struct NewPlan<'a> {
    /// Its id.
    pub id: PlanId,
    /// Short name for URLs and the API; unique by constraint `plans_slug_key`.
    pub slug: &'a str,
    /// Display name.
    pub name: &'a str,
}

/// The dimensions of a size of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    /// Virtual CPUs.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
    /// Included traffic in GB a month.
    pub transfer_gb: i32,
    /// Dedicated CPUs?
    pub dedicated: bool,
}

/// What a size of an account is.
pub async fn dimensions(
    db: &mut impl SystemDb,
    provider: ProviderId,
    size: &str,
) -> Result<Option<Dimensions>> {
    Ok(sqlx::query_as!(
        Dimensions,
        "select vcpus, memory_mib, disk_gib, transfer_gb, dedicated from provider_sizes
        where provider_id = $1 and ref = $2",
        provider.0,
        size
    )
    .fetch_optional(db.conn())
    .await?)
}

/// Adds a plan.
pub async fn insert_plan(tx: &mut SystemTx, plan: NewPlan<'_>, size: Dimensions) -> Result<()> {
    sqlx::query!(
        "insert into plans (id, slug, name, vcpus, memory_mib, disk_gib, transfer_gb, dedicated)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        plan.id.0,
        plan.slug,
        plan.name,
        size.vcpus,
        size.memory_mib,
        size.disk_gib,
        size.transfer_gb,
        size.dedicated,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets a size of an account deliver a plan.
pub async fn set_plan_size(tx: &mut SystemTx, plan: PlanId, provider: ProviderId, size: &str) -> Result<()> {
    sqlx::query!(
        "insert into plan_sizes (plan_id, provider_id, size_ref) values ($1, $2, $3)
        on conflict (plan_id, provider_id) do update set size_ref = excluded.size_ref",
        plan.0,
        provider.0,
        size
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Locks a plan against other changes of its prices; its name.
pub async fn lock_plan(tx: &mut SystemTx, plan: PlanId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select name from plans where id = $1 for update", plan.0)
        .fetch_optional(tx.conn())
        .await?)
}

/// The name of a plan.
pub async fn plan_name(db: &mut impl SystemDb, plan: PlanId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select name from plans where id = $1", plan.0).fetch_optional(db.conn()).await?)
}

/// Puts a plan on or off sale. VPSs that have it keep it. Answers its name.
pub async fn set_plan_active(tx: &mut SystemTx, plan: PlanId, active: bool) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("update plans set active = $2 where id = $1 returning name", plan.0, active)
        .fetch_optional(tx.conn())
        .await?)
}

/// What a plan costs us in each region: the highest price among the accounts that deliver it, so
/// that no choice of account sells below cost.
#[derive(Debug, Clone, Copy)]
pub struct RegionCost {
    /// The region.
    pub region_id: RegionId,
    /// Per hour.
    pub hour: Money,
    /// Monthly cap.
    pub month: Money,
    /// The least a server costs.
    pub minimum: Money,
    /// The price published last, in force or not yet.
    pub newest: Option<PriceVersionId>,
}

/// The present costs of a plan.
pub async fn plan_costs(db: &mut impl SystemDb, plan: PlanId) -> Result<Vec<RegionCost>> {
    Ok(sqlx::query_as!(
        RegionCost,
        r#"select r.region_id as "region_id: RegionId", max(c.cost_hour_micros) as "hour!: Money",
            max(c.cost_month_micros) as "month!: Money", max(c.cost_minimum_micros) as "minimum!: Money",
            (select v.id from price_versions v where v.plan_id = $1 and v.region_id = r.region_id
                and not exists (select from price_withdrawals w where w.price_version_id = v.id)
                order by v.id desc limit 1) as "newest: PriceVersionId"
        from plan_sizes s
        join provider_prices c on c.provider_id = s.provider_id and c.size_ref = s.size_ref
        join provider_regions r on r.provider_id = c.provider_id and r.ref = c.region_ref
        where s.plan_id = $1
        group by r.region_id
        order by r.region_id"#,
        plan.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// Publishes prices of a plan, in force from a time on; `None` is now.
pub async fn insert_prices(
    tx: &mut SystemTx,
    plan: PlanId,
    markup: Markup,
    prices: &[(RegionId, Price)],
    effective_at: Option<DateTime<Utc>>,
    by: Actor,
) -> Result<()> {
    let ids: Vec<Uuid> = prices.iter().map(|_| PriceVersionId::new().0).collect();
    let regions: Vec<Uuid> = prices.iter().map(|(r, _)| r.0).collect();
    let column = |f: fn(&Price) -> Money| prices.iter().map(|(_, p)| f(p).micros()).collect::<Vec<i64>>();
    sqlx::query!(
        "insert into price_versions (id, plan_id, region_id, cost_hour_micros, cost_month_micros, cost_minimum_micros,
            sell_hour_micros, sell_month_micros, sell_minimum_micros, markup_basis_points, markup_hour_micros,
            markup_month_micros, published_by, effective_at)
        select n.id, $1, n.region_id, n.ch, n.cm, n.cn, n.sh, n.sm, n.sn, $2, $3, $4, $5, coalesce($14, now())
        from unnest($6::uuid[], $7::uuid[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
            $13::bigint[]) as n (id, region_id, ch, cm, cn, sh, sm, sn)",
        plan.0,
        markup.basis_points,
        markup.fixed_hour.micros(),
        markup.fixed_month.micros(),
        Json(by) as _,
        &ids,
        &regions,
        &column(|p| p.cost_hour),
        &column(|p| p.cost_month),
        &column(|p| p.cost_minimum),
        &column(|p| p.sell_hour),
        &column(|p| p.sell_month),
        &column(|p| p.sell_minimum),
        effective_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a price besides a VPS's is of.
#[derive(Debug, Clone, Copy)]
pub struct ResourcePlace {
    /// Of what.
    pub kind: Product,
    /// Where.
    pub region_id: RegionId,
    /// Of backups: of VPSs of which plan.
    pub backs_up: Option<PlanId>,
}

/// Publishes a price of what is sold besides VPSs, in force at once.
pub async fn insert_resource_price(
    tx: &mut SystemTx,
    id: PriceVersionId,
    of: ResourcePlace,
    unit: &UnitPrice,
    markup: Markup,
    by: Actor,
) -> Result<()> {
    let price = &unit.price;
    sqlx::query!(
        "insert into price_versions (id, kind, region_id, backs_up_plan_id, per_units, cost_hour_micros,
            cost_month_micros, cost_minimum_micros, sell_hour_micros, sell_month_micros, sell_minimum_micros,
            markup_basis_points, markup_hour_micros, markup_month_micros, published_by, effective_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, now())",
        id.0,
        of.kind.as_str(),
        of.region_id.0,
        of.backs_up.map(|plan| plan.0),
        unit.per_units,
        price.cost_hour.micros(),
        price.cost_month.micros(),
        price.cost_minimum.micros(),
        price.sell_hour.micros(),
        price.sell_month.micros(),
        price.sell_minimum.micros(),
        markup.basis_points,
        markup.fixed_hour.micros(),
        markup.fixed_month.micros(),
        Json(by) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The database's time, past what this transaction waited for.
pub async fn clock(tx: &mut SystemTx) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(tx.conn()).await?)
}

/// When a price of a plan comes into force, or did; `None` when there is none or it was withdrawn.
pub async fn effective_at(
    tx: &mut SystemTx,
    plan: PlanId,
    version: PriceVersionId,
) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!(
        "select effective_at from price_versions v where plan_id = $1 and id = $2
            and not exists (select from price_withdrawals w where w.price_version_id = v.id)",
        plan.0,
        version.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Takes back everything that was published together with a price and is not in force yet. Answers how many prices.
pub async fn withdraw_prices(tx: &mut SystemTx, version: PriceVersionId, by: Actor) -> Result<u64> {
    let done = sqlx::query!(
        "insert into price_withdrawals (price_version_id, effective_at, withdrawn_by)
        select v.id, v.effective_at, $2
        from price_versions one
        join price_versions v on v.plan_id = one.plan_id and v.created_at = one.created_at
            and v.effective_at = one.effective_at
        where one.id = $1
        on conflict do nothing",
        version.0,
        Json(by) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}
