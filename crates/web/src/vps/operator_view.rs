//! What VPS pages show to operators: with organization, account and cost.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use crate::templates::Page;
use crate::view::{Chip, Choice, Pages};

/// A VPS of any organization.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AnyVpsRow {
    pub(crate) name: String,
    pub(crate) plan: String,
    pub(crate) address: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) organization_id: String,
    pub(crate) organization: String,
    pub(crate) status: Chip,
    pub(crate) account: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) region: String,
    pub(crate) hour: Money,
    pub(crate) cost_hour: Money,
    pub(crate) created_at: DateTime<Utc>,
}

/// All of them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AllVpsPage {
    pub(crate) q: String,
    pub(crate) state: String,
    pub(crate) states: Vec<Choice>,
    pub(crate) vps: Vec<AnyVpsRow>,
    pub(crate) pages: Pages,
    pub(crate) here: String,
}

impl Page for AllVpsPage {
    const TEMPLATE: &'static str = "vps/operator_list.html";
}
