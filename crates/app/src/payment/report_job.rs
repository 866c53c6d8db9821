//! Once a day the gateway's books are compared with ours.
//!
//! What one of the usual jobs can settle, it is asked to settle; what is still so at the next comparison is an alarm.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::Actor;
use domain::payment::{Line, LineKind, LineState, RefundKind};
use domain::provider::UpstreamError;
use store::job::{Job, NewJob, Next};
use store::payment::difference::{self, Ours};
use store::payment::dispute;
use store::{Exempt, SystemPurpose, SystemTx, billing, job as jobs, payment};

use super::capture_job;
use super::dispute_job::dispute_job;
use super::returned::returned_job;
use super::webhook::{Concerned, disputed};
use crate::worker::{Context, Fail};

/// So far back the books are compared.
const BACK: TimeDelta = TimeDelta::days(7);
/// The gateway's books may lag behind by three hours; what is younger than this is not missed yet.
const LAG: TimeDelta = TimeDelta::hours(6);

/// The gateway has a clock of its own.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// Compares the last days.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = billing::now(ctx.store()).await?;
    let from = now - BACK;
    let lines = ctx.gateway().report(from, now + AHEAD).await.map_err(Fail::gateway)?;
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let ours = difference::captured_between(&mut db, from + LAG, now - LAG).await?;
    let refs: Vec<String> = lines.iter().map(|line| line.id.clone()).collect();
    let known = difference::with_captures(&mut db, &refs).await?;
    let booked: HashMap<String, domain::Money> =
        difference::booked(&mut db, &refs).await?.into_iter().collect();
    drop(db);

    let disputes = disputes(ctx, from).await?;
    let known: HashMap<&str, &Ours> = known.iter().map(|one| (&*one.capture_ref, one)).collect();
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    let mut found = Vec::new();
    for one in disputes {
        let (organization, top_up) = one.about;
        let work = dispute_job(top_up, &one.id);
        jobs::enqueue_for(&mut tx, Some(organization), Actor::System, work).await?;
        if !one.is_known {
            let what = format!("Dispute {} is in the gateway's books alone.", one.id);
            found.push((format!("dispute:{}", one.id), what));
        }
    }
    for line in lines.iter().filter(|line| line.state == LineState::Completed) {
        let what = match line.kind {
            LineKind::Other => None,
            LineKind::Capture => captured(line, known.get(&*line.id).copied()),
            LineKind::Refund | LineKind::Reversal => went_back(line, booked.get(&line.id).copied()),
        };
        let Some(what) = what else { continue };
        // What is not a payment of ours may be another program's at the same account.
        if let Some(work) = settling(&mut tx, line).await? {
            let (organization, work) = work;
            jobs::enqueue_for(&mut tx, Some(organization), Actor::System, work).await?;
            found.push((format!("theirs:{}", line.id), what));
        }
    }
    let theirs: HashSet<&str> = lines.iter().map(|line| &*line.id).collect();
    for one in ours.iter().filter(|one| !theirs.contains(&*one.capture_ref)) {
        let what = format!("The gateway's books have no payment {} of {}.", one.capture_ref, one.captured);
        found.push((format!("ours:{}", one.capture_ref), what));
    }
    difference::replace(&mut tx, &found).await?;
    Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?)
}

/// A dispute at the gateway about a payment of ours.
struct TheirDispute {
    id: String,
    about: Concerned,
    is_known: bool,
}

/// The disputes that changed since, whether we were told or not.
async fn disputes(ctx: &Context, since: DateTime<Utc>) -> Result<Vec<TheirDispute>, Fail> {
    let ids = match ctx.gateway().disputes(since).await {
        Ok(ids) => ids,
        Err(UpstreamError::Rejected { detail, .. }) => {
            tracing::warn!(%detail, "the gateway does not list disputes");
            Vec::new()
        }
        Err(error) => return Err(Fail::gateway(error)),
    };
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let known = dispute::known(&mut db, &ids).await?;
    drop(db);
    let mut found = Vec::new();
    for id in ids {
        let about: Vec<Concerned> = known.iter().filter(|k| k.0 == id).map(|k| (k.1, k.2)).collect();
        let is_known = !about.is_empty();
        let about = if is_known { about } else { disputed(ctx, &id).await? };
        found.extend(about.into_iter().map(|about| TheirDispute { id: id.clone(), about, is_known }));
    }
    Ok(found)
}

fn captured(line: &Line, ours: Option<&Ours>) -> Option<String> {
    match ours {
        Some(ours) if ours.captured == line.amount => None,
        Some(ours) => Some(format!(
            "Payment {} is {} in the gateway's books and {} in ours.",
            line.id, line.amount, ours.captured
        )),
        None => Some(format!("Payment {} of {} is in the gateway's books alone.", line.id, line.amount)),
    }
}

fn went_back(line: &Line, booked: Option<domain::Money>) -> Option<String> {
    match booked {
        Some(amount) if amount == line.amount => None,
        Some(amount) => Some(format!(
            "{} went back as {} in the gateway's books and as {amount} in ours.",
            line.id, line.amount
        )),
        None => Some(format!("{} of {} went back in the gateway's books alone.", line.id, line.amount)),
    }
}

/// The job that can settle a difference; `None` when the line is about nothing of ours.
async fn settling(tx: &mut SystemTx, line: &Line) -> Result<Option<(domain::OrganizationId, NewJob)>, Fail> {
    let Some((organization, top_up)) = payment::find(tx, &line.payment).await? else { return Ok(None) };
    let work = match line.kind {
        LineKind::Refund => returned_job(top_up, &line.id, RefundKind::Refund),
        LineKind::Reversal => returned_job(top_up, &line.id, RefundKind::Reversal),
        LineKind::Capture | LineKind::Other => capture_job(top_up),
    };
    Ok(Some((organization, work)))
}
