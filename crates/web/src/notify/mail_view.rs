//! What operators see of mails: never what is in them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::templates::Page;
use crate::view::{Chip, Choice, Pages};

/// The outbox.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MailsPage {
    /// Is there a mail host?
    pub(crate) switched_on: bool,
    pub(crate) state: String,
    pub(crate) states: Vec<Choice>,
    pub(crate) mails: Vec<MailRow>,
    pub(crate) pages: Pages,
}

impl Page for MailsPage {
    const TEMPLATE: &'static str = "notify/mails.html";
}

/// A mail in the list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MailRow {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) recipient: String,
    pub(crate) organization_id: Option<String>,
    pub(crate) organization: Option<String>,
    pub(crate) status: Chip,
    /// What the mail host said last.
    pub(crate) error: Option<String>,
    pub(crate) can_resend: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) sent_at: Option<DateTime<Utc>>,
}
