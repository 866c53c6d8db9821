//! What operators see of what is unpaid.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use crate::templates::Page;
use crate::view::Errors;

/// Organizations whose VPSs are suspended for an empty wallet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UnpaidPage {
    pub(crate) total: Exposure,
    pub(crate) organizations: Vec<UnpaidRow>,
    /// Are there more than are shown?
    pub(crate) cut: bool,
    pub(crate) retention_hours: i64,
}

impl Page for UnpaidPage {
    const TEMPLATE: &'static str = "billing/unpaid.html";
}

/// What suspended VPSs cost us.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Exposure {
    pub(crate) organizations: usize,
    pub(crate) vps: i64,
    pub(crate) owed: Money,
    pub(crate) cost_hour: Money,
    pub(crate) cost_day: Money,
}

/// One organization.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UnpaidRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) since: DateTime<Utc>,
    pub(crate) vps: i64,
    pub(crate) owed: Money,
    pub(crate) cost_hour: Money,
    pub(crate) cost_day: Money,
    /// What comes next.
    pub(crate) next: String,
    /// When; `None` at once, or never.
    pub(crate) next_at: Option<DateTime<Utc>>,
    /// When they are destroyed.
    pub(crate) kept_until: Option<DateTime<Utc>>,
}

/// Terms of an organization, as they are or as they were typed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TermsForm {
    pub(crate) credit_limit: String,
    pub(crate) retention_hours: String,
    pub(crate) never_destroyed: bool,
    /// What holds where nothing is set.
    pub(crate) usual_hours: i64,
    pub(crate) currency_sign: String,
    pub(crate) errors: Errors,
}
