//! What operators' pages about payments show.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use super::view::RefundRow;
use crate::templates::Page;
use crate::view::{Chip, Errors};

/// Disputes, differences and the webhook's health.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PaymentsPage {
    pub(crate) disputes: Vec<DisputeRow>,
    pub(crate) differences: Vec<DifferenceRow>,
    pub(crate) webhook: WebhookView,
    pub(crate) events: Vec<EventRow>,
}

impl Page for PaymentsPage {
    const TEMPLATE: &'static str = "payment/operator.html";
}

/// A disputed payment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DisputeRow {
    pub(crate) organization_id: String,
    pub(crate) organization: String,
    pub(crate) reference: String,
    pub(crate) status: Chip,
    pub(crate) stage: String,
    pub(crate) reason: String,
    pub(crate) captured: Money,
    pub(crate) disputed: Money,
    pub(crate) frozen: Money,
    pub(crate) paid_at: DateTime<Utc>,
    pub(crate) opened_at: DateTime<Utc>,
    /// What was charged since the payment came.
    pub(crate) paid_for: Vec<PaidForRow>,
}

/// A VPS that was charged.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PaidForRow {
    pub(crate) name: String,
    pub(crate) charged: Money,
}

/// Where the gateway's books and ours differ.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DifferenceRow {
    pub(crate) what: String,
    pub(crate) since: DateTime<Utc>,
    /// A job is to settle it; the next comparison tells whether it did.
    pub(crate) settling: bool,
}

/// How the way from the gateway to us is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WebhookView {
    pub(crate) configured: bool,
    pub(crate) last_at: Option<DateTime<Utc>>,
    pub(crate) genuine: i64,
    pub(crate) refused: i64,
    pub(crate) waiting: i64,
}

/// A message of the gateway.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventRow {
    pub(crate) id: String,
    pub(crate) kind: Option<String>,
    /// `received`, `done`, `ignored` or `refused`.
    pub(crate) state: String,
    pub(crate) detail: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

/// An organization's payments and what went back of them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrganizationPaymentsPage {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) available: Money,
    pub(crate) refundable: Vec<RefundableRow>,
    pub(crate) refunds: Vec<RefundRow>,
    pub(crate) form: RefundForm,
}

impl Page for OrganizationPaymentsPage {
    const TEMPLATE: &'static str = "payment/organization.html";
}

/// A payment of which something can go back.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RefundableRow {
    pub(crate) id: String,
    pub(crate) captured: Money,
    /// What of it may still be there.
    pub(crate) most: Money,
    /// The same as it is typed.
    pub(crate) value: String,
    pub(crate) at: DateTime<Utc>,
}

/// A refund to make, as it was typed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct RefundForm {
    pub(crate) top_up: String,
    pub(crate) amount: String,
    pub(crate) reason: String,
    pub(crate) errors: Errors,
}
