//! What operators see of provider accounts. Tokens are never part of it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::templates::Page;
use crate::view::{Chip, Choice, Errors};

/// An account in a table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccountRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) status: Chip,
    pub(crate) error: Option<String>,
    pub(crate) servers: i64,
    pub(crate) synced_at: Option<DateTime<Utc>>,
    pub(crate) reconciled_at: Option<DateTime<Utc>>,
}

/// All accounts.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccountsPage {
    pub(crate) accounts: Vec<AccountRow>,
}

impl Page for AccountsPage {
    const TEMPLATE: &'static str = "provider/list.html";
}

/// The form for a new one.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct NewAccountPage {
    pub(crate) kinds: Vec<Choice>,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) base_url: String,
    pub(crate) errors: Errors,
}

impl Page for NewAccountPage {
    const TEMPLATE: &'static str = "provider/new.html";
}

/// One account.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccountPage {
    pub(crate) account: AccountView,
    pub(crate) orphans: Vec<OrphanRow>,
    pub(crate) errors: Errors,
}

impl Page for AccountPage {
    const TEMPLATE: &'static str = "provider/show.html";
}

/// Its facts.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccountView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) status: Chip,
    pub(crate) disabled: bool,
    pub(crate) error: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) servers: i64,
    pub(crate) sizes: i64,
    pub(crate) regions: i64,
    pub(crate) synced_at: Option<DateTime<Utc>>,
    pub(crate) reconciled_at: Option<DateTime<Utc>>,
    pub(crate) reconciled: Option<ReconciledView>,
    pub(crate) budget: Option<BudgetView>,
    pub(crate) created_at: DateTime<Utc>,
}

/// What the last comparison of inventories saw.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ReconciledView {
    pub(crate) servers: i32,
    pub(crate) differing: i32,
}

/// The account's requests, as its vendor counts them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BudgetView {
    pub(crate) limit: i64,
    pub(crate) remaining: i64,
    pub(crate) resets_at: DateTime<Utc>,
    /// Is the window over, and nothing of the next one known?
    pub(crate) over: bool,
}

/// A server at the provider that no order explains.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrphanRow {
    pub(crate) reference: String,
    pub(crate) label: String,
    pub(crate) size: String,
    pub(crate) region: String,
    pub(crate) tagged: bool,
    pub(crate) first_seen_at: DateTime<Utc>,
}
