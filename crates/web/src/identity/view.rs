//! What pages about people show.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use crate::activity::view::EntryView;
use crate::billing::unpaid_view::TermsForm;
use crate::templates::Page;
use crate::view::{Choice, Errors, Pages};
use crate::vps::operator_view::AnyVpsRow;
use crate::wallet::view::TopUpRow;

/// Sign-in.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct SignInPage {
    pub(crate) email: String,
    pub(crate) next: String,
    pub(crate) errors: Errors,
}

impl Page for SignInPage {
    const TEMPLATE: &'static str = "identity/sign_in.html";
}

/// Sign-up.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct SignUpPage {
    pub(crate) name: String,
    pub(crate) organization: String,
    pub(crate) email: String,
    pub(crate) errors: Errors,
}

impl Page for SignUpPage {
    const TEMPLATE: &'static str = "identity/sign_up.html";
}

/// Confirming an e-mail address: the question, or what came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ConfirmEmailPage {
    pub(crate) token: String,
    pub(crate) done: bool,
    /// The link was used, is too old, or never was one.
    pub(crate) over: bool,
    pub(crate) errors: Errors,
}

impl Page for ConfirmEmailPage {
    const TEMPLATE: &'static str = "identity/confirm_email.html";
}

/// API keys and sessions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SecurityPage {
    pub(crate) keys: Vec<ApiKeyRow>,
    pub(crate) sessions: Vec<SessionRow>,
    /// A key that was just made: shown this once.
    pub(crate) new_key: Option<String>,
    pub(crate) name: String,
    pub(crate) errors: Errors,
}

impl Page for SecurityPage {
    const TEMPLATE: &'static str = "identity/security.html";
}

/// A key in the list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ApiKeyRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) hint: String,
    pub(crate) owner: String,
    pub(crate) last_used_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

/// A signed-in browser.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SessionRow {
    pub(crate) id: String,
    pub(crate) browser: String,
    pub(crate) address: Option<String>,
    pub(crate) here: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) last_used_at: DateTime<Utc>,
}

/// All organizations, for operators.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrganizationsPage {
    pub(crate) q: String,
    pub(crate) organizations: Vec<OrganizationRow>,
    pub(crate) pages: Pages,
}

impl Page for OrganizationsPage {
    const TEMPLATE: &'static str = "identity/organizations.html";
}

/// An organization in the list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrganizationRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) available: Money,
    pub(crate) receivable: Option<Money>,
    pub(crate) burn: Money,
    pub(crate) lasts: String,
    pub(crate) vps_count: i64,
    pub(crate) created_at: DateTime<Utc>,
}

/// One organization, for operators.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrganizationPage {
    pub(crate) organization: OrganizationView,
    pub(crate) people: Vec<PersonRow>,
    pub(crate) top_ups: Vec<TopUpRow>,
    pub(crate) vps: Vec<AnyVpsRow>,
    pub(crate) limits: LimitsView,
    pub(crate) limit: LimitForm,
    pub(crate) terms: TermsForm,
    pub(crate) activity: Vec<EntryView>,
}

impl Page for OrganizationPage {
    const TEMPLATE: &'static str = "identity/organization.html";
}

/// Its request limits.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LimitsView {
    pub(crate) rows: Vec<LimitRow>,
    /// Whom a limit can be for.
    pub(crate) subjects: Vec<Choice>,
    pub(crate) days: Vec<Choice>,
}

/// A limit other than the installation's.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LimitRow {
    pub(crate) id: String,
    pub(crate) who: String,
    pub(crate) limit: String,
    pub(crate) reason: String,
    pub(crate) expires_at: DateTime<Utc>,
}

/// A limit to set, as it was typed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LimitForm {
    pub(crate) subject: String,
    pub(crate) requests: String,
    pub(crate) seconds: String,
    pub(crate) days: String,
    pub(crate) reason: String,
    pub(crate) errors: Errors,
}

impl Default for LimitForm {
    fn default() -> Self {
        Self {
            subject: "organization".into(),
            requests: String::new(),
            seconds: "60".into(),
            days: "7".into(),
            reason: String::new(),
            errors: Errors::default(),
        }
    }
}

/// Its figures.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OrganizationView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) available: Money,
    pub(crate) held: Money,
    pub(crate) receivable: Money,
    pub(crate) burn: Money,
    pub(crate) lasts: String,
    pub(crate) paid_in: Money,
    pub(crate) charged: Money,
}

/// One of its people.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PersonRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: &'static str,
    pub(crate) operator: bool,
    pub(crate) suspended: bool,
}
