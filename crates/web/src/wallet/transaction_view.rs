//! What pages about one movement, and about hours, show.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use super::view::TransactionView;
use crate::templates::Page;
use crate::view::Pages;

/// An hour and how its price came about.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HourRow {
    /// Of which VPS, if of one.
    pub(crate) vps_id: Option<String>,
    /// The name of what it is of.
    pub(crate) name: String,
    /// What that is, if no VPS.
    pub(crate) what: Option<String>,
    /// Its beginning.
    pub(crate) at: DateTime<Utc>,
    /// The first of all, which costs at least the minimum.
    pub(crate) first: bool,
    /// Did it count at cost for want of money?
    pub(crate) suspended: bool,
    /// Had the month cost all it could?
    pub(crate) capped: bool,
    /// What an hour is sold for, at the price version in force.
    pub(crate) price: Money,
    /// Since when that price is sold.
    pub(crate) priced_at: DateTime<Utc>,
    /// What its month costs at most.
    pub(crate) cap: Money,
    /// What its month had cost with it.
    pub(crate) month_used: Money,
    pub(crate) amount: Money,
    /// What of that a resize added, if one did.
    pub(crate) raised: Option<Money>,
    /// The movement that paid it.
    pub(crate) transaction_id: Option<String>,
    pub(crate) sequence: Option<i64>,
}

/// Money that paid a movement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PaidWithRow {
    pub(crate) id: String,
    pub(crate) sequence: i64,
    pub(crate) title: &'static str,
    pub(crate) at: DateTime<Utc>,
    pub(crate) amount: Money,
}

/// What became of money that came in.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LotView {
    pub(crate) amount: Money,
    pub(crate) left: Money,
}

/// Transfer above what is included, and how what it costs came about. Amounts of transfer are bytes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TransferView {
    pub(crate) pool: String,
    /// `November 2026`.
    pub(crate) month: String,
    pub(crate) used: i64,
    pub(crate) included: i64,
    pub(crate) above: i64,
    /// What a gigabyte is sold for.
    pub(crate) price_gb: Money,
    /// What all that is above costs.
    pub(crate) all: Money,
    /// What was charged of it before.
    pub(crate) before: Money,
    /// What is charged of it here, and by the other movement of the same charge.
    pub(crate) amount: Money,
}

/// The other movement of the same hours or transfer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OtherView {
    pub(crate) href: String,
    pub(crate) sequence: i64,
}

/// A movement, for its owner.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TransactionPage {
    pub(crate) transaction: TransactionView,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) hash: String,
    pub(crate) other: Option<OtherView>,
    pub(crate) paid_with: Vec<PaidWithRow>,
    pub(crate) lot: Option<LotView>,
    pub(crate) transfer: Option<TransferView>,
    pub(crate) hours: Vec<HourRow>,
    pub(crate) pages: Pages,
}

impl Page for TransactionPage {
    const TEMPLATE: &'static str = "wallet/transaction.html";
}

/// The hours of a VPS.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChargesPage {
    pub(crate) vps_id: String,
    pub(crate) vps: String,
    pub(crate) hours: Vec<HourRow>,
    pub(crate) pages: Pages,
}

impl Page for ChargesPage {
    const TEMPLATE: &'static str = "vps/charges.html";
}

/// An hour with what it cost us.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OperatorHourRow {
    pub(crate) hour: HourRow,
    pub(crate) cost: Money,
    pub(crate) margin: Money,
}

/// A movement, for operators.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OperatorTransactionPage {
    pub(crate) organization_id: String,
    pub(crate) organization: String,
    pub(crate) transaction: TransactionView,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) hash: String,
    pub(crate) other: Option<OtherView>,
    pub(crate) transfer: Option<TransferView>,
    pub(crate) hours: Vec<OperatorHourRow>,
    /// Sums over the hours shown.
    pub(crate) revenue: Money,
    pub(crate) cost: Money,
    pub(crate) margin: Money,
    pub(crate) pages: Pages,
}

impl Page for OperatorTransactionPage {
    const TEMPLATE: &'static str = "wallet/operator_transaction.html";
}
