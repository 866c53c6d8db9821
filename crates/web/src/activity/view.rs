//! What pages show of the audit trail.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::templates::Page;
use crate::view::{Choice, Errors, Pages};

/// An entry, in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EntryView {
    pub(crate) at: DateTime<Utc>,
    pub(crate) text: String,
    pub(crate) target: Option<String>,
    pub(crate) href: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) actor: String,
    pub(crate) address: Option<String>,
    /// Whose it is: shown to operators only.
    pub(crate) organization: Option<String>,
}

/// The trail of an organization.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ActivityPage {
    pub(crate) entries: Vec<EntryView>,
    pub(crate) filter: ActivityFilterView,
    pub(crate) pages: Pages,
    pub(crate) errors: Errors,
}

impl Page for ActivityPage {
    const TEMPLATE: &'static str = "activity/list.html";
}

/// What the list was asked for.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ActivityFilterView {
    pub(crate) action: String,
    pub(crate) actions: Vec<Choice>,
    pub(crate) person: String,
    pub(crate) people: Vec<Choice>,
    pub(crate) target: String,
    pub(crate) targets: Vec<Choice>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) active: bool,
}

/// The trail of all organizations.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AllActivityPage {
    pub(crate) entries: Vec<EntryView>,
    /// The one organization it is limited to.
    pub(crate) organization: Option<String>,
    pub(crate) pages: Pages,
}

impl Page for AllActivityPage {
    const TEMPLATE: &'static str = "activity/operator_list.html";
}
