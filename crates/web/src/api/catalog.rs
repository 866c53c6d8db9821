//! What can be ordered: plans with their prices, regions, images.

use axum::Json;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::catalog::read::{self, Chosen, PricedPlan};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Problem;
use super::access::Allowed;
use super::endpoints::{Endpoints, endpoint};
use super::input::Query;
use super::page::Page;
use super::value::Amount;
use crate::access::may;

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(plans)).add(endpoint!(regions)).add(endpoint!(images))
}

/// A plan, with its price in every region it is sold in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    /// What orders call it.
    #[schema(example = "cloud-1")]
    slug: String,
    #[schema(example = "Cloud 1")]
    name: String,
    /// Virtual CPUs.
    #[schema(example = 1)]
    vcpus: i32,
    /// Memory in MiB.
    #[schema(example = 1024)]
    memory_mib: i32,
    /// Disk in GiB.
    #[schema(example = 25)]
    disk_gib: i32,
    /// Included traffic in GB a month.
    #[schema(example = 1000)]
    transfer_gb: i32,
    /// Are the CPUs the VPS's own?
    dedicated: bool,
    /// ISO 4217 code of the prices.
    #[schema(example = "USD")]
    currency: String,
    regions: Vec<PlanRegion>,
}

type PlanPage = Page<Plan>;

/// A plan in a region.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanRegion {
    /// Slug of the region.
    #[schema(example = "frankfurt")]
    region: String,
    /// Can the plan be ordered there now?
    orderable: bool,
    #[serde(flatten)]
    price: Price,
    /// What orders cost from a time on, when another price is announced.
    #[schema(required)]
    next: Option<NextPrice>,
}

/// Another price that is announced.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NextPrice {
    /// From when on.
    from: DateTime<Utc>,
    /// For each hour.
    per_hour: Amount,
    /// The most a calendar month (UTC) costs.
    per_month: Amount,
}

impl From<read::NextPrice> for NextPrice {
    fn from(next: read::NextPrice) -> Self {
        Self { from: next.at, per_hour: Amount(next.hour), per_month: Amount(next.month) }
    }
}

/// What a plan costs in a region. A VPS keeps the price it was ordered at until another is announced for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Price {
    /// Names this price in an order; another one in force then refuses it.
    price_version: Uuid,
    /// For each hour, running or stopped.
    per_hour: Amount,
    /// The most a calendar month (UTC) costs.
    per_month: Amount,
    /// The least the first hour costs, within the monthly maximum.
    minimum: Amount,
}

impl From<&PricedPlan> for Price {
    fn from(plan: &PricedPlan) -> Self {
        Self {
            price_version: plan.price_version_id.into(),
            per_hour: Amount(plan.sell_hour),
            per_month: Amount(plan.sell_month),
            minimum: Amount(plan.sell_minimum),
        }
    }
}

impl Price {
    /// The price in force of what was chosen, if there is one.
    pub(super) fn of(chosen: &Chosen) -> Option<Self> {
        Some(Self {
            price_version: chosen.price_version_id?.into(),
            per_hour: Amount(chosen.sell_hour?),
            per_month: Amount(chosen.sell_month?),
            minimum: Amount(chosen.sell_minimum?),
        })
    }
}

/// A place where VPSs can be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Region {
    /// What orders call it.
    #[schema(example = "frankfurt")]
    slug: String,
    #[schema(example = "Frankfurt")]
    name: String,
    /// ISO 3166-1 alpha-2 code of the country.
    #[schema(example = "DE")]
    country: String,
}

type RegionPage = Page<Region>;

/// An operating system.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Image {
    /// What orders call it.
    #[schema(example = "debian-13")]
    slug: String,
    #[schema(example = "Debian 13")]
    name: String,
    #[schema(example = "debian")]
    family: String,
    #[schema(example = "13")]
    version: String,
}

type ImagePage = Page<Image>;

/// List plans
///
/// All plans on sale, smallest first, on one page.
#[utoipa::path(get, path = "/plans", operation_id = "list_plans", tag = "catalog",
    responses((status = 200, description = "All plans.", body = PlanPage)))]
async fn plans(client: Allowed<may::VpsView>) -> Result<Json<PlanPage>, Problem> {
    let rows = read::price_list(&mut client.read().await?).await?;
    let mut plans: Vec<Plan> = Vec::new();
    for row in rows {
        let region = PlanRegion {
            region: row.region,
            orderable: row.plan.orderable,
            price: Price::from(&row.plan),
            next: row.plan.next().map(Into::into),
        };
        match plans.last_mut().filter(|plan| plan.slug == row.plan.slug) {
            Some(plan) => plan.regions.push(region),
            None => plans.push(Plan {
                slug: row.plan.slug,
                name: row.plan.name,
                vcpus: row.plan.vcpus,
                memory_mib: row.plan.memory_mib,
                disk_gib: row.plan.disk_gib,
                transfer_gb: row.plan.transfer_gb,
                dedicated: row.plan.dedicated,
                currency: client.currency(),
                regions: vec![region],
            }),
        }
    }
    Ok(Json(Page::whole(plans)))
}

/// List regions
///
/// All regions in which some plan can be ordered now, by country and name, on one page.
#[utoipa::path(get, path = "/regions", operation_id = "list_regions", tag = "catalog",
    responses((status = 200, description = "All regions.", body = RegionPage)))]
async fn regions(client: Allowed<may::VpsView>) -> Result<Json<RegionPage>, Problem> {
    let rows = read::regions(&mut client.read().await?).await?;
    let show = |row: read::Region| Region { slug: row.slug, name: row.name, country: row.country };
    Ok(Json(Page::whole(rows.into_iter().map(show).collect())))
}

/// Which images to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ImageFilter {
    /// Only those that can be ordered in the region with this slug.
    region: Option<String>,
    /// Only those that can be ordered with the plan with this slug.
    plan: Option<String>,
}

/// List images
///
/// All images that can be ordered now, newest version of each family first, on one page.
#[utoipa::path(get, path = "/images", operation_id = "list_images", tag = "catalog",
    params(ImageFilter), responses((status = 200, description = "All images.", body = ImagePage)))]
async fn images(
    client: Allowed<may::VpsView>,
    Query(filter): Query<ImageFilter>,
) -> Result<Json<ImagePage>, Problem> {
    let mut db = client.read().await?;
    let rows = read::images(&mut db, filter.region.as_deref(), filter.plan.as_deref()).await?;
    let show =
        |row: read::Image| Image { slug: row.slug, name: row.name, family: row.family, version: row.version };
    Ok(Json(Page::whole(rows.into_iter().map(show).collect())))
}
