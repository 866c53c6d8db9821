//! A second chance for jobs, or their end.
//!
//! Nothing is asked of a provider here: what discarding a job leaves to do is a job of its own, of kind
//! `DISCARD`, which takes over the discarded one's place in the queue of its key.

use domain::activity::Action;
use domain::operations::JobState;
use serde_json::{Value, json};
use store::job::repair::{self, Locked};
use store::job::{self, NewJob};
use store::{SystemPurpose, SystemTx};

use crate::{App, Error, Operator, Result};

/// The kind of job that undoes what a discarded one was for.
pub(crate) const DISCARD: &str = "job.discard";

/// What has to happen when a job is discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compensation {
    /// A job undoes what it was for.
    Job,
    /// Nothing: it asks for nothing that the panel would not ask for again by itself.
    Nothing,
    /// It must be carried out, for this reason.
    Impossible(&'static str),
}

/// What has to happen when a job of this kind is discarded.
pub fn compensation(kind: &str) -> Compensation {
    match kind {
        "vps.create" | "vps.power" | "payment.order" | "payment.agreement" => Compensation::Job,
        "vps.delete" => Compensation::Impossible("A server that is to go would be paid for ever. Retry it."),
        "payment.refund" => {
            Compensation::Impossible("Money is reserved for it, and the payer may have it already. Retry it.")
        }
        "payment.charge" => Compensation::Impossible("The payer may have been charged. Retry it."),
        "payment.returned" | "payment.dispute" => {
            Compensation::Impossible("Money went back to a payer, or may. Retry it.")
        }
        DISCARD => Compensation::Impossible("It cleans up after a discarded job. Retry it."),
        _ => Compensation::Nothing,
    }
}

async fn locked(tx: &mut SystemTx, id: i64) -> Result<Locked> {
    repair::lock(tx, id).await?.ok_or(Error::NotFound)
}

/// Lets a dead job run again, at once and with all its attempts.
pub async fn retry(app: &App, operator: &Operator, id: i64) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let job = locked(&mut tx, id).await?;
    match job.state {
        JobState::Dead => {}
        JobState::Ready | JobState::Running => {
            return Err(Error::conflict("job_live", "This job is at work again already."));
        }
        JobState::Done | JobState::Cancelled => return Err(over()),
    }
    repair::retry(&mut tx, &job).await.map_err(|error| {
        if error.is_constraint("jobs_dedupe") {
            Error::conflict("job_repeated", "An equal job is at work. Discard this one.")
        } else {
            error.into()
        }
    })?;
    Ok(tx.commit(operator.did(Action::JobRetried).with(json!({ "job": id, "kind": job.kind }))).await?)
}

/// Ends a job that is dead or waits, and sees to it that nothing it was for is left half done.
/// Answers the number of the job that does, if one is needed.
pub async fn discard(app: &App, operator: &Operator, id: i64) -> Result<Option<i64>> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let job = locked(&mut tx, id).await?;
    match job.state {
        JobState::Dead | JobState::Ready => {}
        JobState::Running => {
            return Err(Error::conflict("job_running", "A worker is at this job. Wait until it is over."));
        }
        JobState::Done | JobState::Cancelled => return Err(over()),
    }
    let work = match compensation(&job.kind) {
        Compensation::Impossible(why) => return Err(Error::conflict("job_needed", why)),
        Compensation::Nothing => None,
        Compensation::Job => Some(undoing(&job)),
    };
    repair::cancel(&mut tx, &job).await?;
    let undoing = match work {
        Some(work) => job::enqueue_for(&mut tx, job.organization_id, operator.actor(), work).await?,
        None => None,
    };
    tx.commit(operator.did(Action::JobDiscarded).with(json!({ "job": id, "kind": job.kind }))).await?;
    Ok(undoing)
}

fn undoing(job: &Locked) -> NewJob {
    let mut payload = job.payload.clone();
    if let Value::Object(fields) = &mut payload {
        fields.insert("discards".into(), json!({ "job": job.id, "kind": job.kind }));
    }
    let work = NewJob::new(DISCARD, payload);
    match &job.key {
        Some(key) => work.keyed(key),
        None => work,
    }
}

fn over() -> Error {
    Error::conflict("job_over", "This job is over.")
}
