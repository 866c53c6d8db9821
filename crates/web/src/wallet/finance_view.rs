//! What operators see of the business.

use domain::Money;
use serde::Serialize;

use crate::templates::Page;
use crate::view::Choice;

/// Revenue, payments and what is owed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FinancePage {
    /// `day` or `month`.
    pub(crate) by: &'static str,
    pub(crate) periods: Vec<Choice>,
    /// First day that is counted, such as `31 Oct 2026`.
    pub(crate) since: String,
    pub(crate) total: Total,
    /// In all wallets, held or not.
    pub(crate) unspent: Money,
    pub(crate) receivable: Money,
    /// From the oldest to the newest.
    pub(crate) chart: Vec<Bar>,
    pub(crate) rows: Vec<SumsRow>,
    pub(crate) customers: Vec<CustomerRow>,
}

impl Page for FinancePage {
    const TEMPLATE: &'static str = "wallet/finance.html";
}

/// Sums of all periods on the page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Total {
    pub(crate) paid_in: Money,
    pub(crate) returned: Money,
    pub(crate) revenue: Money,
    pub(crate) owed: Money,
    pub(crate) credits: Money,
    pub(crate) adjustments: Money,
    pub(crate) failed: i64,
}

/// Two bars of the chart, in percent of the largest.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bar {
    pub(crate) paid_in: i64,
    pub(crate) revenue: i64,
}

/// A day or a month.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SumsRow {
    pub(crate) name: String,
    pub(crate) paid_in: Money,
    pub(crate) returned: Money,
    pub(crate) revenue: Money,
    pub(crate) credits: Money,
    pub(crate) adjustments: Money,
    pub(crate) failed: i64,
}

/// One of the best customers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CustomerRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) revenue: Money,
    pub(crate) paid_in: Money,
}

/// What hours brought and cost.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MarginPage {
    pub(crate) of: &'static str,
    pub(crate) choices: Vec<Choice>,
    pub(crate) month: String,
    pub(crate) revenue: Money,
    pub(crate) cost: Money,
    pub(crate) margin: Money,
    /// How many lines were sold below cost.
    pub(crate) below_cost: usize,
    /// There are more lines than are shown.
    pub(crate) cut: bool,
    pub(crate) rows: Vec<MarginRow>,
}

impl Page for MarginPage {
    const TEMPLATE: &'static str = "wallet/margin.html";
}

/// A plan, an organization, an account or a VPS.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MarginRow {
    pub(crate) name: String,
    pub(crate) href: Option<String>,
    pub(crate) organization: Option<String>,
    pub(crate) vps: i64,
    pub(crate) hours: i64,
    pub(crate) revenue: Money,
    pub(crate) cost: Money,
    pub(crate) margin: Money,
    /// Of the revenue; `None` when there was none.
    pub(crate) percent: Option<i64>,
    pub(crate) below_cost: bool,
}
