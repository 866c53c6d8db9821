//! What operators see of plans and prices.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use crate::templates::Page;
use crate::view::{Chip, Errors};

/// A plan in the list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vcpus: i32,
    pub(crate) memory_mib: i32,
    pub(crate) disk_gib: i32,
    pub(crate) dedicated: bool,
    pub(crate) status: Chip,
    pub(crate) regions: i64,
    /// Lowest price over the regions.
    pub(crate) hour: Option<Money>,
    pub(crate) month: Option<Money>,
    pub(crate) vps_count: i64,
    /// Is a cost now another than the published one?
    pub(crate) changed: bool,
}

/// All plans.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlansPage {
    pub(crate) plans: Vec<PlanRow>,
}

impl Page for PlansPage {
    const TEMPLATE: &'static str = "catalog/plans.html";
}

/// The markup fields of a form, as typed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct MarkupForm {
    pub(crate) markup_percent: String,
    pub(crate) markup_hour: String,
    pub(crate) markup_month: String,
    pub(crate) currency_sign: String,
}

/// The form for a new plan.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct NewPlanPage {
    pub(crate) sizes: Vec<SizeOption>,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) markup: MarkupForm,
    pub(crate) errors: Errors,
}

impl Page for NewPlanPage {
    const TEMPLATE: &'static str = "catalog/new_plan.html";
}

/// A size that could become a plan.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SizeOption {
    pub(crate) key: String,
    pub(crate) label: String,
    pub(crate) vcpus: i32,
    pub(crate) memory_mib: i32,
    pub(crate) disk_gib: i32,
    pub(crate) transfer_gb: i32,
    pub(crate) dedicated: bool,
    pub(crate) accounts: String,
    pub(crate) cost_hour: Money,
    pub(crate) cost_month: Money,
    pub(crate) selected: bool,
}

/// One plan.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanPage {
    pub(crate) plan: PlanView,
    pub(crate) prices: Vec<RegionPriceRow>,
    /// Regions in which the published price is below today's cost.
    pub(crate) below_cost: usize,
    #[serde(flatten)]
    pub(crate) markup: MarkupForm,
    /// As typed, in UTC.
    pub(crate) effective_at: String,
    /// What is to come first, then the newest.
    pub(crate) publications: Vec<PublicationRow>,
    pub(crate) errors: Errors,
}

impl Page for PlanPage {
    const TEMPLATE: &'static str = "catalog/plan.html";
}

/// Its facts.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vcpus: i32,
    pub(crate) memory_mib: i32,
    pub(crate) disk_gib: i32,
    pub(crate) transfer_gb: i32,
    pub(crate) active: bool,
    pub(crate) status: Chip,
}

/// Its price in one region.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RegionPriceRow {
    pub(crate) region: String,
    pub(crate) cost_hour: Option<Money>,
    pub(crate) cost_month: Option<Money>,
    pub(crate) markup: Option<String>,
    pub(crate) hour: Option<Money>,
    pub(crate) month: Option<Money>,
    pub(crate) effective_at: Option<DateTime<Utc>>,
    pub(crate) orderable: bool,
    pub(crate) changed: bool,
}

/// Prices that were published together.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PublicationRow {
    pub(crate) id: String,
    pub(crate) effective_at: DateTime<Utc>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) status: Chip,
    pub(crate) scheduled: bool,
    pub(crate) regions: i64,
    pub(crate) markup: String,
    pub(crate) lowest_hour: Money,
    pub(crate) highest_hour: Money,
    pub(crate) lowest_month: Money,
    pub(crate) highest_month: Money,
}

/// A plan that a page is about.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanName {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Prices before they are published.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PreviewPage {
    pub(crate) plan: PlanName,
    #[serde(flatten)]
    pub(crate) markup: MarkupForm,
    /// As typed, in UTC.
    pub(crate) effective_at: String,
    /// `None` is at once.
    pub(crate) at: Option<DateTime<Utc>>,
    /// Stands for the costs and prices shown.
    pub(crate) seen: String,
    /// Costs or prices changed since the form was shown.
    pub(crate) stale: bool,
    pub(crate) rows: Vec<PreviewRow>,
}

impl Page for PreviewPage {
    const TEMPLATE: &'static str = "catalog/preview.html";
}

/// The price of a region before it is published.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PreviewRow {
    pub(crate) region: String,
    pub(crate) cost_hour: Money,
    pub(crate) cost_month: Money,
    pub(crate) old_hour: Option<Money>,
    pub(crate) old_month: Option<Money>,
    pub(crate) hour: Money,
    pub(crate) month: Money,
    pub(crate) margin_hour: Money,
    pub(crate) margin_month: Money,
    /// Of the monthly price, in whole percent.
    pub(crate) percent: Option<i64>,
}
