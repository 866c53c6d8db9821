//! What a customer sees first.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use crate::activity::view::EntryView;
use crate::templates::Page;
use crate::vps::view::VpsRow;
use crate::wallet::view::WalletView;

/// Balance, burn, runway and VPSs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DashboardPage {
    pub(crate) wallet: WalletView,
    pub(crate) month_spent: Money,
    /// Other prices that are announced for some VPSs.
    pub(crate) price_changes: Vec<PriceChangeRow>,
    pub(crate) vps: Vec<VpsRow>,
    /// What to do first; empty once there was a VPS.
    pub(crate) first_steps: Vec<FirstStep>,
    pub(crate) activity: Vec<EntryView>,
}

impl Page for DashboardPage {
    const TEMPLATE: &'static str = "dashboard.html";
}

/// Another price that is announced for VPSs of a plan.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PriceChangeRow {
    pub(crate) plan: String,
    pub(crate) region: String,
    pub(crate) vps: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) hour: Money,
    pub(crate) month: Money,
}

/// A step towards the first VPS.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FirstStep {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) action: &'static str,
    pub(crate) href: &'static str,
    pub(crate) done: bool,
}
