//! What operators see of jobs.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::templates::Page;
use crate::view::{Chip, Choice, Errors, Pages};

/// A job in a table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobRow {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) status: Chip,
    pub(crate) organization: Option<String>,
    pub(crate) organization_id: Option<String>,
    pub(crate) attempts: i32,
    pub(crate) max_attempts: i32,
    pub(crate) error: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    /// When it may run next, if it waits.
    pub(crate) run_at: Option<DateTime<Utc>>,
}

/// The queue.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobsPage {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) q: String,
    pub(crate) kinds: Vec<Choice>,
    pub(crate) states: Vec<Choice>,
    pub(crate) waiting: i64,
    pub(crate) running: i64,
    pub(crate) dead: i64,
    pub(crate) jobs: Vec<JobRow>,
    pub(crate) pages: Pages,
    pub(crate) here: String,
}

impl Page for JobsPage {
    const TEMPLATE: &'static str = "operations/jobs.html";
}

/// Something a job is about.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobFact {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) href: Option<String>,
}

/// One job.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobPage {
    pub(crate) job: JobRow,
    /// How often a worker took it up.
    pub(crate) runs: i64,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) facts: Vec<JobFact>,
    pub(crate) can_retry: bool,
    pub(crate) can_discard: bool,
    /// Why it can never be discarded.
    pub(crate) kept_because: Option<&'static str>,
    /// What discarding does.
    pub(crate) consequence: &'static str,
    pub(crate) errors: Errors,
}

impl Page for JobPage {
    const TEMPLATE: &'static str = "operations/job.html";
}

/// The question before a job is discarded, for browsers without script.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DiscardPage {
    pub(crate) job: JobRow,
    pub(crate) consequence: &'static str,
    pub(crate) errors: Errors,
}

impl Page for DiscardPage {
    const TEMPLATE: &'static str = "operations/discard.html";
}
