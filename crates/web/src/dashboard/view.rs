//! What a customer sees first.

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
    pub(crate) vps: Vec<VpsRow>,
    /// What to do first; empty once there was a VPS.
    pub(crate) first_steps: Vec<FirstStep>,
    pub(crate) activity: Vec<EntryView>,
}

impl Page for DashboardPage {
    const TEMPLATE: &'static str = "dashboard.html";
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
