//! What VPS pages show to customers. Nothing here names a provider, a cost or a markup.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;
use store::catalog::read::NextPrice;

use crate::activity::view::EntryView;
use crate::templates::Page;
use crate::view::{Chip, Choice, Errors, Pages};
use crate::wallet::view::Runway;

/// A VPS in a table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VpsRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: Chip,
    pub(crate) address: Option<String>,
    pub(crate) plan: String,
    pub(crate) region: String,
    pub(crate) hour: Money,
    /// What it cost since the beginning of the month (UTC).
    pub(crate) month_spent: Money,
}

/// The list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VpsListPage {
    pub(crate) vps: Vec<VpsRow>,
    pub(crate) filter: VpsFilterView,
    pub(crate) pages: Pages,
    /// This page's own address.
    pub(crate) here: String,
}

impl Page for VpsListPage {
    const TEMPLATE: &'static str = "vps/list.html";
}

/// What the list was asked for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VpsFilterView {
    pub(crate) q: String,
    pub(crate) show: String,
    pub(crate) shows: Vec<Choice>,
    pub(crate) active: bool,
}

/// One VPS.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VpsPage {
    pub(crate) vps: VpsView,
    pub(crate) actions: Vec<ActionView>,
    pub(crate) delete: DeleteView,
    pub(crate) progress: Option<Progress>,
    pub(crate) problem: Option<Problem>,
    pub(crate) activity: Vec<EntryView>,
}

impl Page for VpsPage {
    const TEMPLATE: &'static str = "vps/show.html";
}

/// The facts of a VPS.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VpsView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: Chip,
    /// Will it change by itself soon?
    pub(crate) busy: bool,
    pub(crate) ipv4: Option<String>,
    pub(crate) ipv6: Option<String>,
    pub(crate) plan: String,
    pub(crate) vcpus: i32,
    pub(crate) memory_mib: i32,
    pub(crate) disk_gib: i32,
    pub(crate) transfer_gb: i32,
    pub(crate) image: String,
    pub(crate) region: String,
    pub(crate) hour: Money,
    pub(crate) month: Money,
    /// Another price that is announced for it.
    pub(crate) next: Option<NextPriceView>,
    pub(crate) spent: Money,
    pub(crate) month_spent: Money,
    pub(crate) month_hours: i64,
    pub(crate) paid_until: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

/// Another price that is announced.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NextPriceView {
    pub(crate) at: DateTime<Utc>,
    pub(crate) hour: Money,
    pub(crate) month: Money,
}

impl From<NextPrice> for NextPriceView {
    fn from(next: NextPrice) -> Self {
        Self { at: next.at, hour: next.hour, month: next.month }
    }
}

/// A power button.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ActionView {
    pub(crate) word: &'static str,
    pub(crate) label: &'static str,
    pub(crate) icon: &'static str,
    /// Why it cannot be pressed now.
    pub(crate) blocked: Option<&'static str>,
}

/// The delete button.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DeleteView {
    pub(crate) shown: bool,
    pub(crate) blocked: Option<&'static str>,
}

/// What happens now, and since when.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Progress {
    pub(crate) text: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) since: DateTime<Utc>,
}

/// What is wrong and what to do about it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    pub(crate) tone: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: String,
    /// Until when the data is kept, if it ends.
    pub(crate) kept_until: Option<DateTime<Utc>>,
    pub(crate) href: Option<&'static str>,
    pub(crate) action: Option<&'static str>,
}

/// The delete page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DeletePage {
    pub(crate) vps: VpsName,
    pub(crate) errors: Errors,
}

impl Page for DeletePage {
    const TEMPLATE: &'static str = "vps/delete.html";
}

/// Which VPS.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VpsName {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The create form.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NewVpsPage {
    /// Same key, same order: a form sent twice makes one VPS.
    pub(crate) order_key: String,
    pub(crate) name: String,
    pub(crate) regions: Vec<RegionOption>,
    pub(crate) images: Vec<ImageFamily>,
    pub(crate) plans: Vec<PlanOption>,
    pub(crate) keys: Vec<KeyOption>,
    pub(crate) summary: Summary,
    pub(crate) stale_price: bool,
    /// The address of this form with what was chosen.
    pub(crate) here: String,
    pub(crate) errors: Errors,
}

impl Page for NewVpsPage {
    const TEMPLATE: &'static str = "vps/new.html";
}

/// A region to choose.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RegionOption {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) selected: bool,
}

/// Versions of an operating system to choose from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ImageFamily {
    pub(crate) name: String,
    /// Newest first.
    pub(crate) versions: Vec<ImageOption>,
}

/// A version to choose.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ImageOption {
    pub(crate) slug: String,
    pub(crate) version: String,
    pub(crate) selected: bool,
}

/// A plan to choose.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanOption {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) dedicated: bool,
    pub(crate) vcpus: i32,
    pub(crate) memory_mib: i32,
    pub(crate) disk_gib: i32,
    pub(crate) transfer_gb: i32,
    pub(crate) hour: Money,
    pub(crate) month: Money,
    pub(crate) selected: bool,
    /// Why it cannot be ordered.
    pub(crate) unavailable: Option<&'static str>,
}

/// A key to choose.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct KeyOption {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) fingerprint: String,
    pub(crate) selected: bool,
}

/// What was chosen and what it means for the wallet.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) lines: Vec<SummaryLine>,
    pub(crate) price: Option<PriceView>,
    pub(crate) price_version: String,
    /// How long the wallet lasts with this VPS; `None` while it is short or nothing is chosen.
    pub(crate) lasts: Option<Runway>,
    pub(crate) short_by: Option<Money>,
    pub(crate) runway_rule: i64,
    pub(crate) top_up_href: String,
    /// Why it cannot be created.
    pub(crate) blocked: Option<&'static str>,
}

/// One chosen thing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SummaryLine {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

/// The price of the chosen plan.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PriceView {
    pub(crate) hour: Money,
    pub(crate) month: Money,
    /// What orders cost from a time on.
    pub(crate) next: Option<NextPriceView>,
}

/// SSH keys.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SshKeysPage {
    pub(crate) keys: Vec<SshKeyRow>,
    pub(crate) name: String,
    pub(crate) public_key: String,
    pub(crate) next: String,
    pub(crate) errors: Errors,
}

impl Page for SshKeysPage {
    const TEMPLATE: &'static str = "vps/ssh_keys.html";
}

/// A key in the list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SshKeyRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) algorithm: String,
    pub(crate) fingerprint: String,
    pub(crate) created_at: DateTime<Utc>,
}
