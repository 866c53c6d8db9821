//! What operators see of offers, credits and corrections.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use super::view::{KindView, TransactionView};
use crate::payment::auto_view::AutoView;
use crate::templates::Page;
use crate::view::{Chip, Errors, Pages};

/// All offers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CampaignsPage {
    pub(crate) campaigns: Vec<CampaignRow>,
    pub(crate) pages: Pages,
    pub(crate) currency_sign: String,
    pub(crate) promotion: CampaignForm,
    pub(crate) vouchers: CampaignForm,
}

impl Page for CampaignsPage {
    const TEMPLATE: &'static str = "wallet/campaigns.html";
}

/// An offer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CampaignRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<String>,
    pub(crate) amount: Money,
    pub(crate) valid_from: DateTime<Utc>,
    pub(crate) valid_until: Option<DateTime<Utc>>,
    pub(crate) expires_days: Option<i32>,
    pub(crate) redemptions: i32,
    pub(crate) redemptions_max: Option<i32>,
    pub(crate) new_only: bool,
    pub(crate) status: Chip,
    pub(crate) disabled: bool,
}

/// An offer to make, as it was typed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct CampaignForm {
    pub(crate) name: String,
    pub(crate) amount: String,
    pub(crate) code: String,
    pub(crate) count: String,
    pub(crate) first_day: String,
    pub(crate) last_day: String,
    pub(crate) days: String,
    pub(crate) redemptions_max: String,
    pub(crate) new_only: bool,
    pub(crate) errors: Errors,
}

/// Codes of new vouchers: shown this once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VouchersPage {
    pub(crate) name: String,
    pub(crate) count: usize,
    pub(crate) csv: String,
}

impl Page for VouchersPage {
    const TEMPLATE: &'static str = "wallet/vouchers.html";
}

/// A customer's wallet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrganizationWalletPage {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) available: Money,
    pub(crate) held: Money,
    pub(crate) receivable: Money,
    pub(crate) kinds: Vec<KindView>,
    /// Address of the list of all movements.
    pub(crate) all: String,
    pub(crate) filtered: bool,
    pub(crate) transactions: Vec<TransactionView>,
    pub(crate) pages: Pages,
    /// How automatic top-ups stand; `None` before they were ever set up.
    pub(crate) auto: Option<AutoView>,
    pub(crate) adjustments: Vec<AdjustmentRow>,
    pub(crate) currency_sign: String,
    /// What one operator alone can do.
    pub(crate) limit: Money,
    /// Names what the forms do, once.
    pub(crate) form_key: String,
    pub(crate) goodwill: GoodwillForm,
    pub(crate) adjustment: AdjustmentForm,
}

impl Page for OrganizationWalletPage {
    const TEMPLATE: &'static str = "wallet/organization.html";
}

/// A credit to give, as it was typed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct GoodwillForm {
    pub(crate) amount: String,
    pub(crate) reason: String,
    pub(crate) days: String,
    pub(crate) errors: Errors,
}

/// A correction to make, as it was typed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct AdjustmentForm {
    pub(crate) amount: String,
    pub(crate) reason: String,
    pub(crate) errors: Errors,
}

/// Corrections that wait for a second operator.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AdjustmentsPage {
    pub(crate) adjustments: Vec<AdjustmentRow>,
    pub(crate) errors: Errors,
}

impl Page for AdjustmentsPage {
    const TEMPLATE: &'static str = "wallet/adjustments.html";
}

/// A correction.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AdjustmentRow {
    pub(crate) id: String,
    pub(crate) organization_id: String,
    pub(crate) organization: String,
    pub(crate) amount: Money,
    pub(crate) reason: String,
    pub(crate) requester: String,
    /// Did the person who looks ask for it?
    pub(crate) own: bool,
    pub(crate) pending: bool,
    pub(crate) status: Chip,
    pub(crate) created_at: DateTime<Utc>,
    /// From then on nobody can decide it any more.
    pub(crate) lapses_at: DateTime<Utc>,
}
