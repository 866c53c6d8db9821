//! Pages and forms of the queue.

use app::operations::jobs::{self as repair, Compensation, compensation};
use axum::extract::Query;
use axum::http::StatusCode;
use domain::operations::JobState;
use serde::Deserialize;
use serde_json::Value;
use store::job::read::{self, Count, Filter, Listed};

use super::view::{DiscardPage, JobFact, JobPage, JobRow, JobsPage};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, refused};
use crate::link;
use crate::toast::{Said, see_other_saying};
use crate::view::{Chip, Choice, Errors, PAGE, Pages};

/// What is not over: shown unless another state is asked for.
const OPEN: &[JobState] = &[JobState::Ready, JobState::Running, JobState::Dead];

/// What is looked for, as in the address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    kind: String,
    before: Option<i64>,
}

impl Asked {
    fn link(&self, before: Option<i64>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        let pairs = [("q", &*self.q), ("state", &*self.state), ("kind", &*self.kind), ("before", &*before)];
        link::with_query("/operator/jobs", &pairs)
    }

    fn states(&self) -> Vec<JobState> {
        match (self.state.as_str(), self.state.parse()) {
            ("all", _) => Vec::new(),
            (_, Ok(state)) => vec![state],
            _ => OPEN.to_vec(),
        }
    }
}

/// The list.
pub(crate) async fn list(operator: Operator, Query(asked): Query<Asked>) -> Result {
    let mut db = operator.read_all().await?;
    let counts = read::counts(&mut db).await?;
    let states = asked.states();
    let filter =
        Filter { states: &states, kind: asked.kind.trim(), organization: asked.q.trim(), only: None };
    let mut rows = read::list(&mut db, &filter, asked.before, PAGE + 1).await?;
    let newest = asked.before.map(|_| asked.link(None));
    let pages = Pages::of(&mut rows, newest, |last| asked.link(Some(last.id)));
    let count = |state| counts.iter().filter(|c| c.state == state).map(|c| c.count).sum();
    let page = JobsPage {
        here: asked.link(asked.before),
        kinds: kinds(&counts, &asked.kind),
        states: choices(),
        waiting: count(JobState::Ready),
        running: count(JobState::Running),
        dead: count(JobState::Dead),
        jobs: rows.iter().map(row).collect(),
        pages,
        kind: asked.kind,
        state: asked.state,
        q: asked.q,
    };
    db.show(&page)
}

fn choices() -> Vec<Choice> {
    let word = |state: &JobState| Choice::new(state.as_str(), Chip::from(*state).word());
    let wide = [Choice::new("", "Not over"), Choice::new("all", "All states")];
    wide.into_iter().chain(JobState::ALL.iter().map(word)).collect()
}

/// The kinds in the queue, and the one that is looked for.
fn kinds(counts: &[Count], asked: &str) -> Vec<Choice> {
    let mut kinds: Vec<&str> = counts.iter().map(|c| c.kind.as_str()).chain([asked]).collect();
    kinds.retain(|kind| !kind.is_empty());
    kinds.sort_unstable();
    kinds.dedup();
    let all = std::iter::once(Choice::new("", "All kinds"));
    all.chain(kinds.into_iter().map(|kind| Choice::new(kind, kind))).collect()
}

fn row(job: &Listed) -> JobRow {
    JobRow {
        id: job.id,
        kind: job.kind.clone(),
        status: job.state.into(),
        organization: job.organization.clone(),
        organization_id: job.organization_id.map(|id| id.to_string()),
        attempts: job.attempts,
        max_attempts: job.max_attempts,
        error: job.last_error.clone(),
        created_at: job.created_at,
        run_at: (job.state == JobState::Ready).then_some(job.run_at),
    }
}

/// One job.
pub(crate) async fn show(operator: Operator, Id(id): Id<i64>) -> Result {
    page(&operator, id, StatusCode::OK, Errors::new()).await
}

async fn page(operator: &Operator, id: i64, status: StatusCode, errors: Errors) -> Result {
    let mut db = operator.read_all().await?;
    let job = read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let compensation = compensation(&job.kind);
    let kept_because = match compensation {
        Compensation::Impossible(why) => Some(why),
        Compensation::Job | Compensation::Nothing => None,
    };
    let idle = matches!(job.state, JobState::Dead | JobState::Ready);
    let page = JobPage {
        job: row(&job),
        runs: job.claims,
        finished_at: job.finished_at,
        facts: facts(&job),
        can_retry: job.state == JobState::Dead,
        can_discard: idle && kept_because.is_none(),
        kept_because: kept_because.filter(|_| idle),
        consequence: consequence(&job.kind),
        errors,
    };
    db.show_with(status, &page)
}

/// What discarding a job of this kind does.
fn consequence(kind: &str) -> &'static str {
    match kind {
        "vps.create" => {
            "The order is given up: a job removes every server it may have made, and the money held for it goes back."
        }
        "vps.power" => "The action ends as failed, and the VPS is free for the next one.",
        "payment.agreement" => {
            "Where the payer was not asked yet, automatic top-up ends as off. Otherwise nothing happens."
        }
        "payment.order" => "The top-up ends as failed. Nothing was charged.",
        _ => "Nothing else changes: the panel asks again by itself for what is needed.",
    }
}

/// The ids in the payload, with the pages they lead to.
fn facts(job: &Listed) -> Vec<JobFact> {
    let Value::Object(fields) = &job.payload else { return Vec::new() };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let organization = || job.organization_id.map(|id| format!("/operator/organizations/{id}"));
    let fact = |(name, value): (&String, &Value)| match name.as_str() {
        "vps_id" => JobFact {
            name: "VPS".into(),
            value: job.vps.clone().unwrap_or_else(|| plain(value)),
            href: job.vps.as_ref().map(|vps| link::with_query("/operator/vps", &[("q", vps)])),
        },
        "top_up_id" => JobFact { name: "Top-up".into(), value: plain(value), href: organization() },
        "provider_id" => JobFact {
            name: "Provider account".into(),
            value: plain(value),
            href: Some(format!("/operator/providers/{}", plain(value))),
        },
        "discards" => JobFact {
            name: "Undoes job".into(),
            value: format!("{} ({})", value["job"], plain(&value["kind"])),
            href: Some(format!("/operator/jobs/{}", value["job"])),
        },
        other => JobFact { name: other.to_owned(), value: plain(value), href: None },
    };
    fields.iter().map(fact).collect()
}

/// Lets a dead job run again.
pub(crate) async fn retry(operator: Operator, Id(id): Id<i64>) -> Result {
    match repair::retry(&operator.state.app, &operator.operator, id).await {
        Ok(()) => Ok(see_other_saying(&operator.state, &format!("/operator/jobs/{id}"), Said::JobRetried)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, id, status, errors).await
        }
    }
}

/// The question before a job is discarded, for browsers without script.
pub(crate) async fn discard_form(operator: Operator, Id(id): Id<i64>) -> Result {
    let mut db = operator.read_all().await?;
    let job = read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    db.show(&DiscardPage { job: row(&job), consequence: consequence(&job.kind), errors: Errors::new() })
}

/// Discards a job.
pub(crate) async fn discard(operator: Operator, Id(id): Id<i64>) -> Result {
    match repair::discard(&operator.state.app, &operator.operator, id).await {
        Ok(None) => {
            Ok(see_other_saying(&operator.state, &format!("/operator/jobs/{id}"), Said::JobDiscarded))
        }
        Ok(Some(undoing)) => {
            Ok(see_other_saying(&operator.state, &format!("/operator/jobs/{undoing}"), Said::JobUndoing))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, id, status, errors).await
        }
    }
}
