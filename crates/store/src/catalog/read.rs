//! Plans, regions, images and prices as pages show them.

use chrono::{DateTime, Utc};
use domain::provider::ProviderKind;
use domain::{ImageId, Money, PlanId, PriceVersionId, ProviderId, RegionId};

use crate::handle::sealed::Conn as _;
use crate::{OrgRead, Result, SystemRead};

/// A region in which something can be ordered.
#[derive(Debug, Clone)]
pub struct Region {
    /// Its id.
    pub id: RegionId,
    /// Short name for addresses and the API.
    pub slug: String,
    /// City.
    pub name: String,
    /// ISO 3166-1 alpha-2 code of the country.
    pub country: String,
}

/// Regions in which some plan is priced and can be ordered, by country and name.
pub async fn regions(db: &mut OrgRead) -> Result<Vec<Region>> {
    Ok(sqlx::query_as!(
        Region,
        r#"select id as "id: RegionId", slug, name, country from regions r
        where exists (select from orderable_plans o join current_prices c using (plan_id, region_id)
            where o.region_id = r.id)
        order by country, name, id"#
    )
    .fetch_all(db.conn())
    .await?)
}

/// A plan on sale in a region.
#[derive(Debug, Clone)]
pub struct PricedPlan {
    /// Its id.
    pub id: PlanId,
    /// Short name for addresses and the API.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
    /// Included traffic in GB a month.
    pub transfer_gb: i32,
    /// Are the CPUs dedicated?
    pub dedicated: bool,
    /// The price in force.
    pub price_version_id: PriceVersionId,
    /// Per hour.
    pub sell_hour: Money,
    /// Monthly cap.
    pub sell_month: Money,
    /// The least the first hour costs.
    pub sell_minimum: Money,
    /// Can it be ordered now?
    pub orderable: bool,
    /// When the next price that is announced comes into force.
    pub next_at: Option<DateTime<Utc>>,
    /// Per hour from then on.
    pub next_hour: Option<Money>,
    /// Monthly cap from then on.
    pub next_month: Option<Money>,
}

/// Another price that is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextPrice {
    /// From when on.
    pub at: DateTime<Utc>,
    /// Per hour.
    pub hour: Money,
    /// Monthly cap.
    pub month: Money,
}

impl NextPrice {
    /// From the columns of a query, if they are there.
    pub fn of(at: Option<DateTime<Utc>>, hour: Option<Money>, month: Option<Money>) -> Option<Self> {
        Some(Self { at: at?, hour: hour?, month: month? })
    }
}

impl PricedPlan {
    /// Another price that is announced for orders.
    pub fn next(&self) -> Option<NextPrice> {
        NextPrice::of(self.next_at, self.next_hour, self.next_month)
            .filter(|next| (next.hour, next.month) != (self.sell_hour, self.sell_month))
    }
}

/// Plans on sale in a region, cheapest first.
pub async fn plans_in(db: &mut OrgRead, region: RegionId) -> Result<Vec<PricedPlan>> {
    Ok(sqlx::query_as!(
        PricedPlan,
        r#"select p.id as "id: PlanId", p.slug, p.name, p.vcpus, p.memory_mib, p.disk_gib, p.transfer_gb, p.dedicated,
            c.id as "price_version_id!: PriceVersionId", c.sell_hour_micros as "sell_hour!: Money",
            c.sell_month_micros as "sell_month!: Money", c.sell_minimum_micros as "sell_minimum!: Money",
            exists (select from orderable_plans o where o.plan_id = p.id and o.region_id = $1) as "orderable!",
            n.effective_at as "next_at?", n.sell_hour_micros as "next_hour?: Money",
            n.sell_month_micros as "next_month?: Money"
        from current_prices c join plans p on p.id = c.plan_id and p.active
        left join next_prices n on n.plan_id = c.plan_id and n.region_id = c.region_id
        where c.region_id = $1
        order by c.sell_month_micros, p.memory_mib, p.id"#,
        region.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// An operating system.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Short name for addresses and the API.
    pub slug: String,
    /// Family, for example `debian`.
    pub family: String,
    /// Version, for example `12`.
    pub version: String,
    /// Display name.
    pub name: String,
}

/// Images that some plan (or this one) can be ordered with in a region, newest version of each
/// family first.
pub async fn images_in(db: &mut OrgRead, region: RegionId, plan: Option<PlanId>) -> Result<Vec<Image>> {
    Ok(sqlx::query_as!(
        Image,
        r#"select id as "id: ImageId", slug, family, version, name from images i
        where exists (select from orderable_images o where o.image_id = i.id and o.region_id = $1
            and ($2::uuid is null or o.plan_id = $2))
        order by family, version desc, id"#,
        region.0,
        plan.map(|p| p.0)
    )
    .fetch_all(db.conn())
    .await?)
}

/// A plan as operators see it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Display name.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
    /// Included traffic in GB a month.
    pub transfer_gb: i32,
    /// Are the CPUs dedicated?
    pub dedicated: bool,
    /// Is it on sale?
    pub active: bool,
    /// Regions with a price.
    pub regions: i64,
    /// Lowest price per hour over the regions.
    pub sell_hour: Option<Money>,
    /// Lowest monthly cap over the regions.
    pub sell_month: Option<Money>,
    /// VPSs of this plan that are not over.
    pub vps_count: i64,
    /// Regions in which today's cost is another than the one the price was made from.
    pub changed: i64,
}

async fn read_plans(db: &mut SystemRead, only: Option<PlanId>) -> Result<Vec<Plan>> {
    Ok(sqlx::query_as!(
        Plan,
        r#"select p.id as "id: PlanId", p.name, p.vcpus, p.memory_mib, p.disk_gib, p.transfer_gb, p.dedicated, p.active,
            s.regions as "regions!", s.sell_hour as "sell_hour: Money", s.sell_month as "sell_month: Money",
            (select count(*) from vps_instances v where v.plan_id = p.id
                and v.state in ('creating', 'active', 'deleting')) as "vps_count!",
            s.changed as "changed!"
        from plans p
        cross join lateral (
            select count(c.id) as regions, min(c.sell_hour_micros) as sell_hour, min(c.sell_month_micros) as sell_month,
                count(*) filter (where v.cost_hour_micros <> t.hour or v.cost_month_micros <> t.month) as changed
            from current_prices c
            join price_versions v on v.id = c.id
            left join (
                select r.region_id, max(x.cost_hour_micros) as hour, max(x.cost_month_micros) as month
                from plan_sizes z
                join provider_prices x on x.provider_id = z.provider_id and x.size_ref = z.size_ref
                join provider_regions r on r.provider_id = x.provider_id and r.ref = x.region_ref
                where z.plan_id = p.id group by r.region_id
            ) t on t.region_id = c.region_id
            where c.plan_id = p.id
        ) s
        where $1::uuid is null or p.id = $1
        order by p.active desc, p.memory_mib, p.vcpus, p.id"#,
        only.map(|p| p.0)
    )
    .fetch_all(db.conn())
    .await?)
}

/// All plans: those on sale first, smallest first.
pub async fn plans(db: &mut SystemRead) -> Result<Vec<Plan>> {
    read_plans(db, None).await
}

/// One plan.
pub async fn plan(db: &mut SystemRead, id: PlanId) -> Result<Option<Plan>> {
    Ok(read_plans(db, Some(id)).await?.pop())
}

/// What a plan costs us and is sold for in a region. Costs are missing where no account offers it
/// any more, prices where none was published.
#[derive(Debug, Clone)]
pub struct RegionPrice {
    /// The region.
    pub region_id: RegionId,
    /// City.
    pub region: String,
    /// Today's cost per hour: the highest among the accounts that deliver the plan.
    pub cost_hour: Option<Money>,
    /// Today's monthly cap.
    pub cost_month: Option<Money>,
    /// The cost per hour that the price was made from.
    pub priced_cost_hour: Option<Money>,
    /// The monthly cap that the price was made from.
    pub priced_cost_month: Option<Money>,
    /// Markup in hundredths of a percent.
    pub markup_basis_points: Option<i32>,
    /// Fixed markup per hour.
    pub markup_hour: Option<Money>,
    /// Fixed markup per month.
    pub markup_month: Option<Money>,
    /// Sold for, per hour.
    pub sell_hour: Option<Money>,
    /// Monthly cap.
    pub sell_month: Option<Money>,
    /// Since when.
    pub effective_at: Option<DateTime<Utc>>,
    /// Can it be ordered now?
    pub orderable: bool,
}

/// Costs and prices of a plan by region.
pub async fn region_prices(db: &mut SystemRead, plan: PlanId) -> Result<Vec<RegionPrice>> {
    Ok(sqlx::query_as!(
        RegionPrice,
        r#"select g.id as "region_id: RegionId", g.name as region, t.hour as "cost_hour?: Money", t.month as "cost_month?: Money",
            v.cost_hour_micros as "priced_cost_hour?: Money", v.cost_month_micros as "priced_cost_month?: Money",
            v.markup_basis_points as "markup_basis_points?", v.markup_hour_micros as "markup_hour?: Money",
            v.markup_month_micros as "markup_month?: Money", v.sell_hour_micros as "sell_hour?: Money",
            v.sell_month_micros as "sell_month?: Money", v.effective_at as "effective_at?",
            exists (select from orderable_plans o where o.plan_id = $1 and o.region_id = g.id) as "orderable!"
        from regions g
        left join (
            select r.region_id, max(x.cost_hour_micros) as hour, max(x.cost_month_micros) as month
            from plan_sizes z
            join provider_prices x on x.provider_id = z.provider_id and x.size_ref = z.size_ref
            join provider_regions r on r.provider_id = x.provider_id and r.ref = x.region_ref
            where z.plan_id = $1 group by r.region_id
        ) t on t.region_id = g.id
        left join current_prices c on c.region_id = g.id and c.plan_id = $1
        left join price_versions v on v.id = c.id
        where t.region_id is not null or v.id is not null
        order by g.name, g.id"#,
        plan.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// Prices of a plan that were published together.
#[derive(Debug, Clone)]
pub struct Publication {
    /// One of them.
    pub id: PriceVersionId,
    /// When they were published.
    pub created_at: DateTime<Utc>,
    /// From when on they are in force.
    pub effective_at: DateTime<Utc>,
    /// In how many regions.
    pub regions: i64,
    /// In how many of them they are in force now.
    pub in_force: i64,
    /// Markup in hundredths of a percent.
    pub markup_basis_points: i32,
    /// Lowest price per hour.
    pub lowest_hour: Money,
    /// Highest price per hour.
    pub highest_hour: Money,
    /// Lowest monthly cap.
    pub lowest_month: Money,
    /// Highest monthly cap.
    pub highest_month: Money,
    /// When they were taken back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Are they still to come?
    pub scheduled: bool,
}

/// What was published of a plan: what is to come first, then the newest.
pub async fn publications(db: &mut SystemRead, plan: PlanId, limit: i64) -> Result<Vec<Publication>> {
    Ok(sqlx::query_as!(
        Publication,
        r#"select (array_agg(v.id order by v.id))[1] as "id!: PriceVersionId", v.created_at, v.effective_at,
            count(*) as "regions!", count(c.id) as "in_force!", min(v.markup_basis_points) as "markup_basis_points!",
            min(v.sell_hour_micros) as "lowest_hour!: Money", max(v.sell_hour_micros) as "highest_hour!: Money",
            min(v.sell_month_micros) as "lowest_month!: Money", max(v.sell_month_micros) as "highest_month!: Money",
            min(w.withdrawn_at) as withdrawn_at, v.effective_at > now() and min(w.withdrawn_at) is null as "scheduled!"
        from price_versions v
        left join current_prices c on c.id = v.id
        left join price_withdrawals w on w.price_version_id = v.id
        where v.plan_id = $1
        group by v.created_at, v.effective_at
        order by v.effective_at desc, v.created_at desc limit $2"#,
        plan.0,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// A size of an account that could become a plan.
#[derive(Debug, Clone)]
pub struct OfferedSize {
    /// The account.
    pub provider_id: ProviderId,
    /// The operator's name for the account.
    pub account: String,
    /// The vendor.
    pub kind: ProviderKind,
    /// The provider's id of the size.
    pub size_ref: String,
    /// Virtual CPUs.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
    /// Included traffic in GB a month.
    pub transfer_gb: i32,
    /// Are the CPUs dedicated?
    pub dedicated: bool,
    /// Lowest cost per hour over its regions.
    pub cost_hour: Money,
    /// Lowest monthly cap over its regions.
    pub cost_month: Money,
    /// Does a plan sell it already?
    pub planned: bool,
}

/// Sizes of all active accounts with a price somewhere, smallest and cheapest first.
pub async fn sizes(db: &mut SystemRead) -> Result<Vec<OfferedSize>> {
    Ok(sqlx::query_as!(
        OfferedSize,
        r#"select a.id as "provider_id: ProviderId", a.name as account, a.kind as "kind: ProviderKind",
            s.ref as size_ref, s.vcpus, s.memory_mib, s.disk_gib, s.transfer_gb, s.dedicated,
            c.hour as "cost_hour!: Money", c.month as "cost_month!: Money",
            exists (select from plan_sizes z where z.provider_id = a.id and z.size_ref = s.ref) as "planned!"
        from provider_sizes s
        join providers a on a.id = s.provider_id and a.enabled
        join (select provider_id, size_ref, min(cost_hour_micros) as hour, min(cost_month_micros) as month
            from provider_prices where available group by provider_id, size_ref) c
            on c.provider_id = s.provider_id and c.size_ref = s.ref
        order by s.dedicated, s.memory_mib, s.vcpus, s.disk_gib, a.id, s.ref"#
    )
    .fetch_all(db.conn())
    .await?)
}

/// What a customer's words for plan, region and image stand for, as far as they stand for something.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    /// The plan.
    pub plan_id: Option<PlanId>,
    /// The region.
    pub region_id: Option<RegionId>,
    /// The image.
    pub image_id: Option<ImageId>,
    /// The price in force of the plan in the region.
    pub price_version_id: Option<PriceVersionId>,
    /// Per hour.
    pub sell_hour: Option<Money>,
    /// Monthly cap.
    pub sell_month: Option<Money>,
    /// The least the first hour costs.
    pub sell_minimum: Option<Money>,
}

/// Looks up slugs and the price in force.
pub async fn choose(db: &mut OrgRead, plan: &str, region: &str, image: &str) -> Result<Chosen> {
    Ok(sqlx::query_as!(
        Chosen,
        r#"select p.id as "plan_id?: PlanId", r.id as "region_id?: RegionId", i.id as "image_id?: ImageId",
            c.id as "price_version_id?: PriceVersionId", c.sell_hour_micros as "sell_hour?: Money",
            c.sell_month_micros as "sell_month?: Money", c.sell_minimum_micros as "sell_minimum?: Money"
        from (select 1) one
        left join plans p on p.slug = $1
        left join regions r on r.slug = $2
        left join images i on i.slug = $3
        left join current_prices c on c.plan_id = p.id and c.region_id = r.id"#,
        plan,
        region,
        image
    )
    .fetch_one(db.conn())
    .await?)
}

/// A plan on sale, in one of the regions it is priced in.
#[derive(Debug, Clone)]
pub struct PriceListed {
    /// The plan, with its price in the region.
    pub plan: PricedPlan,
    /// Short name of the region.
    pub region: String,
}

/// All plans on sale, smallest first, each in all its regions.
pub async fn price_list(db: &mut OrgRead) -> Result<Vec<PriceListed>> {
    let rows = sqlx::query!(
        r#"select p.id as "id: PlanId", p.slug, p.name, p.vcpus, p.memory_mib, p.disk_gib, p.transfer_gb, p.dedicated,
            c.id as "price_version_id!: PriceVersionId", c.sell_hour_micros as "sell_hour!: Money",
            c.sell_month_micros as "sell_month!: Money", c.sell_minimum_micros as "sell_minimum!: Money",
            o.plan_id is not null as "orderable!", r.slug as region, n.effective_at as "next_at?",
            n.sell_hour_micros as "next_hour?: Money", n.sell_month_micros as "next_month?: Money"
        from current_prices c
        join plans p on p.id = c.plan_id and p.active
        join regions r on r.id = c.region_id
        left join next_prices n on n.plan_id = c.plan_id and n.region_id = c.region_id
        left join orderable_plans o on o.plan_id = c.plan_id and o.region_id = c.region_id
        order by p.memory_mib, p.vcpus, p.id, r.slug"#
    )
    .fetch_all(db.conn())
    .await?;
    let listed = rows.into_iter().map(|r| PriceListed {
        plan: PricedPlan {
            id: r.id,
            slug: r.slug,
            name: r.name,
            vcpus: r.vcpus,
            memory_mib: r.memory_mib,
            disk_gib: r.disk_gib,
            transfer_gb: r.transfer_gb,
            dedicated: r.dedicated,
            price_version_id: r.price_version_id,
            sell_hour: r.sell_hour,
            sell_month: r.sell_month,
            sell_minimum: r.sell_minimum,
            orderable: r.orderable,
            next_at: r.next_at,
            next_hour: r.next_hour,
            next_month: r.next_month,
        },
        region: r.region,
    });
    Ok(listed.collect())
}

/// Images that some plan (or the one with this slug) can be ordered with in some region (or the one
/// with this slug), newest version of each family first.
pub async fn images(db: &mut OrgRead, region: Option<&str>, plan: Option<&str>) -> Result<Vec<Image>> {
    Ok(sqlx::query_as!(
        Image,
        r#"select id as "id: ImageId", slug, family, version, name from images i
        where exists (select from orderable_images o
            join regions r on r.id = o.region_id
            join plans p on p.id = o.plan_id
            where o.image_id = i.id and ($1::text is null or r.slug = $1) and ($2::text is null or p.slug = $2))
        order by family, version desc, id"#,
        region,
        plan
    )
    .fetch_all(db.conn())
    .await?)
}
