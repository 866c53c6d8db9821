//! What is sold by the hour besides a VPS: its rows. Whose hours count at cost for want of money is marked on them.

use chrono::{DateTime, Utc};
use domain::catalog::Product;
use domain::identity::Actor;
use domain::vps::VpsState;
use domain::{Money, OrganizationId, PriceVersionId, RegionId, ResourceId, VpsId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result, SystemRead, SystemTx};

/// A resource to order.
#[derive(Debug, Clone, Copy)]
pub struct NewResource<'a> {
    /// Its id.
    pub id: ResourceId,
    /// What it is. Not a VPS, by the table's check.
    pub kind: Product,
    /// Name.
    pub name: &'a str,
    /// The VPS with which it ends.
    pub vps_id: Option<VpsId>,
    /// Where.
    pub region_id: RegionId,
    /// GiB of what is sold by the GiB, else 1.
    pub quantity: i64,
    /// At which price.
    pub price_version_id: PriceVersionId,
}

/// Writes the intent.
pub async fn insert(tx: &mut OrgTx, new: NewResource<'_>) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into resources (organization_id, id, kind, name, vps_id, region_id, quantity, price_version_id, created_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        scope.organization_id().0,
        new.id.0,
        new.kind.as_str(),
        new.name,
        new.vps_id.map(|id| id.0),
        new.region_id.0,
        new.quantity,
        new.price_version_id.0,
        Json(scope.actor()) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A resource as use cases need it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its id.
    pub id: ResourceId,
    /// What it is.
    pub kind: Product,
    /// Its name.
    pub name: String,
    /// Where it is in its life: the same as that of a VPS.
    pub state: VpsState,
    /// How much of it.
    pub quantity: i64,
    /// At which price.
    pub price_version_id: PriceVersionId,
    /// What an hour of all of it is sold for: its share of the burn.
    pub sell_hour: Money,
    /// Do its hours count at cost, for want of money?
    pub unpaid: bool,
    /// Who ordered it.
    pub created_by: Json<Actor>,
}

/// A resource, locked until the transaction ends.
pub async fn lock(tx: &mut OrgTx, id: ResourceId) -> Result<Option<Resource>> {
    Ok(lock_where(tx, Some(id), None).await?.pop())
}

/// The living resources that end with a VPS, locked, in id order.
pub async fn lock_of_vps(tx: &mut OrgTx, vps: VpsId) -> Result<Vec<Resource>> {
    lock_where(tx, None, Some(vps)).await
}

/// The one with an id, or the living ones of a VPS.
async fn lock_where(
    tx: &mut OrgTx,
    id: Option<ResourceId>,
    living_of: Option<VpsId>,
) -> Result<Vec<Resource>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Resource,
        r#"select r.organization_id as "organization_id: OrganizationId", r.id as "id: ResourceId",
            r.kind as "kind: Product", r.name, r.state as "state: VpsState", r.quantity,
            r.price_version_id as "price_version_id: PriceVersionId",
            amount_of(p.sell_hour_micros, r.quantity, p.per_units) as "sell_hour!: Money",
            r.unpaid_at is not null as "unpaid!", r.created_by as "created_by: Json<Actor>"
        from resources r join price_versions p on p.id = r.price_version_id
        where r.organization_id = $1 and (r.id = $2 or (r.vps_id = $3 and r.state in ('creating', 'active')))
        order by r.id for update of r"#,
        organization.0,
        id.map(|id| id.0),
        living_of.map(|id| id.0),
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What a resource was sold at: for ever.
#[derive(Debug, Clone, Copy)]
pub struct SoldAt {
    /// The price version.
    pub price_version_id: PriceVersionId,
    /// How much of it.
    pub quantity: i64,
}

/// What a resource was sold at; `None` when there is none.
pub async fn sold_at(db: &mut SystemRead, id: ResourceId) -> Result<Option<SoldAt>> {
    Ok(sqlx::query_as!(
        SoldAt,
        r#"select price_version_id as "price_version_id: PriceVersionId", quantity from resources where id = $1"#,
        id.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// Puts resources that are locked into another state, from `at` on. The caller has checked that the step is allowed.
pub async fn set_state(tx: &mut OrgTx, ids: &[ResourceId], state: VpsState, at: DateTime<Utc>) -> Result<()> {
    let organization = tx.organization_id();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "update resources set state = $3, active_at = case when $3 = 'active' then $4 else active_at end,
            ended_at = case when $3 = 'active' then null else coalesce(ended_at, $4) end
        where organization_id = $1 and id = any($2)",
        organization.0,
        &ids,
        state.as_str(),
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Marks all active resources of an organization whose hours are to count at cost from now on. Answers what each was
/// sold for: its share of the burn.
pub async fn suspend_unpaid(tx: &mut SystemTx, organization: OrganizationId) -> Result<Vec<Money>> {
    Ok(sqlx::query_scalar!(
        r#"update resources r set unpaid_at = now() from price_versions p
        where r.organization_id = $1 and r.state = 'active' and r.unpaid_at is null and p.id = r.price_version_id
        returning amount_of(p.sell_hour_micros, r.quantity, p.per_units) as "sell_hour!: Money""#,
        organization.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A resource whose hours count at cost.
#[derive(Debug, Clone, Copy)]
pub struct Unpaid {
    /// Which.
    pub id: ResourceId,
    /// The VPS with which it ends.
    pub vps_id: Option<VpsId>,
    /// What an hour of it is sold for.
    pub sell_hour: Money,
}

/// The resources that money would have sold again, locked.
pub async fn lock_unpaid(tx: &mut OrgTx) -> Result<Vec<Unpaid>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Unpaid,
        r#"select r.id as "id: ResourceId", r.vps_id as "vps_id: VpsId",
            amount_of(p.sell_hour_micros, r.quantity, p.per_units) as "sell_hour!: Money"
        from resources r join price_versions p on p.id = r.price_version_id
        where r.organization_id = $1 and r.state = 'active' and r.unpaid_at is not null
        order by r.id for update of r"#,
        organization.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// These are sold again.
pub async fn lift_unpaid(tx: &mut OrgTx, ids: &[ResourceId]) -> Result<()> {
    let organization = tx.organization_id();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "update resources set unpaid_at = null where organization_id = $1 and id = any($2)",
        organization.0,
        &ids
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A price in force of something besides a VPS.
#[derive(Debug, Clone, Copy)]
pub struct Quote {
    /// The version.
    pub price_version_id: PriceVersionId,
    /// What an hour of the asked quantity is sold for.
    pub sell_hour: Money,
    /// What a month of it is sold for at most.
    pub sell_month: Money,
    /// What its first hour is sold for at least.
    pub sell_minimum: Money,
}

/// What so much costs in a region at the price in force; backups, of a VPS of which plan its row says. `None` when it is
/// not sold there.
pub async fn quote(
    tx: &mut OrgTx,
    kind: Product,
    region: RegionId,
    vps: Option<VpsId>,
    quantity: i64,
) -> Result<Option<Quote>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Quote,
        r#"select c.id as "price_version_id!: PriceVersionId",
            amount_of(c.sell_hour_micros, $5, c.per_units) as "sell_hour!: Money",
            amount_of(c.sell_month_micros, $5, c.per_units) as "sell_month!: Money",
            amount_of(c.sell_minimum_micros, $5, c.per_units) as "sell_minimum!: Money"
        from current_resource_prices c
        where c.kind = $2 and c.region_id = $3 and c.backs_up_plan_id is not distinct from (
            select plan_id from vps_instances where organization_id = $1 and id = $4 and $2 = 'backups')"#,
        organization.0,
        kind.as_str(),
        region.0,
        vps.map(|id| id.0),
        quantity,
    )
    .fetch_optional(tx.conn())
    .await?)
}
