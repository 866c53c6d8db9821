//! What an operator sees first.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use crate::activity::view::EntryView;
use crate::provider::view::AccountRow;
use crate::templates::Page;
use crate::view::Chip;

/// The installation at a glance.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OverviewPage {
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) organizations: i64,
    pub(crate) organizations_paying: i64,
    pub(crate) vps_active: i64,
    pub(crate) vps_total: i64,
    pub(crate) money: Totals,
    pub(crate) states: Vec<StateCount>,
    pub(crate) providers: Vec<AccountRow>,
    pub(crate) activity: Vec<EntryView>,
}

impl Page for OverviewPage {
    const TEMPLATE: &'static str = "overview.html";
}

/// Something the operator should look at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Alarm {
    pub(crate) tone: &'static str,
    /// Stable word for programs.
    pub(crate) code: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) href: String,
}

/// Money over all organizations.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Totals {
    pub(crate) available: Money,
    pub(crate) held: Money,
    pub(crate) receivable: Money,
    pub(crate) burn: Money,
    pub(crate) cost_hour: Money,
    pub(crate) charged_month: Money,
    pub(crate) paid_in_month: Money,
    pub(crate) paid_in: Money,
}

/// How many VPSs are in a state.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StateCount {
    pub(crate) status: Chip,
    pub(crate) count: i64,
}
