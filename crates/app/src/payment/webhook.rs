//! What the payment gateway tells unasked: kept at once, believed when its signature holds.

use std::collections::BTreeMap;

use domain::identity::Actor;
use domain::payment::{News, PaymentRef, Subject, Verdict};
use domain::{OrganizationId, PaymentEventId, TopUpId};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::job::{Job, NewJob, Next, queue};
use store::payment::event::{self, Finding, NewEvent, Received};
use store::{Exempt, SystemPurpose, job as jobs, payment};

use super::agreement_job::digest as digest_of;
use super::auto::agreement_job;
use super::capture_job;
use super::dispute_job::dispute_job;
use super::returned::returned_job;
use crate::App;
use crate::worker::{Context, Fail, payload_id};

/// Longest body of a message, in bytes: the longest real ones have a few thousand.
pub const BODY_MAX: usize = 64 * 1024;
/// Longest header that is kept, in bytes.
const HEADER_MAX: usize = 2 * 1024;
/// Most headers that are kept.
const HEADERS_MAX: usize = 40;
/// Longest id of an event.
const ID_MAX: usize = 100;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is kept, or known.
    Kept,
    /// No webhook is configured: nothing could be checked.
    Off,
    /// It is no event.
    Malformed,
    /// It is too long.
    TooLong,
    /// Too many wait to be looked at: the gateway is to come again later.
    Busy,
}

/// All that is read before the signature is checked.
#[derive(Deserialize)]
struct Envelope {
    id: String,
}

/// Keeps a message for a job to look at. `headers` by their names in small letters. Nothing is believed of it here, and
/// the gateway has its answer at once: a slow one brings the same message again.
pub async fn receive(app: &App, headers: BTreeMap<String, String>, body: &[u8]) -> crate::Result<Answer> {
    if !app.settings().webhook {
        return Ok(Answer::Off);
    }
    if body.len() > BODY_MAX {
        return Ok(Answer::TooLong);
    }
    let Ok(Envelope { id: event_ref }) = serde_json::from_slice(body) else { return Ok(Answer::Malformed) };
    if event_ref.is_empty() || event_ref.len() > ID_MAX || !event_ref.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Answer::Malformed);
    }
    let headers = kept(headers);
    let digest = digest(&headers, body);
    let id = PaymentEventId::new();
    let mut tx = app.store.system_tx(SystemPurpose::Webhook).await?;
    let new = NewEvent { id, event_ref: &event_ref, digest: &digest, headers: &headers, body };
    match event::receive(&mut tx, &new).await? {
        Received::Known => return Ok(Answer::Kept),
        Received::Full => return Ok(Answer::Busy),
        Received::New => {}
    }
    jobs::enqueue_for(&mut tx, None, Actor::System, event_job(id)).await?;
    tx.commit(Exempt::PaymentEvent).await?;
    Ok(Answer::Kept)
}

/// Headers worth keeping: nothing that lets anybody in, nothing endless, nothing that proxies and we ourselves add.
fn kept(headers: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let secret = ["authorization", "cookie", "proxy-authorization"];
    headers
        .into_iter()
        .filter(|(name, value)| {
            !secret.contains(&name.as_str())
                && !name.starts_with("x-")
                && name.len() + value.len() <= HEADER_MAX
                && !value.contains('\0')
        })
        .take(HEADERS_MAX)
        .collect()
}

fn digest(headers: &BTreeMap<String, String>, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(bytes);
    };
    part(body);
    for (name, value) in headers {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    digest.finalize().into()
}

fn event_job(id: PaymentEventId) -> NewJob {
    NewJob::new("payment.event", json!({ "event_id": id }))
}

/// Checks a message and hands what it is about to the jobs that ask the gateway how things stand.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: PaymentEventId = payload_id(job, "event_id")?;
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let Some(message) = event::waiting(&mut db, id).await? else {
        drop(db);
        return Ok(queue::done(ctx.store(), job).await?);
    };
    drop(db);
    let news = match ctx.gateway().verify(&message).await.map_err(Fail::gateway)? {
        Verdict::Genuine(news) => news,
        Verdict::Forged(why) => {
            tracing::warn!(event = %id, why, "a message that the payment gateway did not send");
            return settle(ctx, job, id, Finding::Refused { why: &why }, Vec::new()).await;
        }
    };
    if let Subject::Agreement { token } = &news.subject {
        let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
        let found = payment::auto::find(&mut db, &digest_of(&token.0)).await?;
        drop(db);
        if let Some((organization, agreement)) = found {
            let work = vec![(organization, agreement_job(agreement))];
            return settle(ctx, job, id, Finding::Done { kind: &news.kind }, work).await;
        }
    }
    let concerned = concerned(ctx, &news).await?;
    if concerned.is_empty() {
        let finding = Finding::Ignored { kind: &news.kind, why: "It is about nothing of ours." };
        return settle(ctx, job, id, finding, Vec::new()).await;
    }
    settle(ctx, job, id, Finding::Done { kind: &news.kind }, work(&news.subject, &concerned)).await
}

pub(super) type Concerned = (OrganizationId, TopUpId);

/// The top-ups that news are about.
async fn concerned(ctx: &Context, news: &News) -> Result<Vec<Concerned>, Fail> {
    let payments: Vec<PaymentRef> = match &news.subject {
        Subject::Nothing | Subject::Agreement { .. } => Vec::new(),
        Subject::Payment | Subject::Returned { .. } => vec![news.payment.clone()],
        Subject::Dispute { id } => return disputed(ctx, id).await,
    };
    find(ctx, payments).await
}

/// The top-ups that a dispute is about.
pub(super) async fn disputed(ctx: &Context, id: &str) -> Result<Vec<Concerned>, Fail> {
    let dispute = ctx.gateway().dispute(id).await.map_err(Fail::gateway)?;
    find(ctx, dispute.payments.into_iter().map(|one| one.payment).collect()).await
}

async fn find(ctx: &Context, payments: Vec<PaymentRef>) -> Result<Vec<Concerned>, Fail> {
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let mut found = Vec::new();
    for one in payments {
        found.extend(payment::find(&mut db, &one).await?);
    }
    Ok(found)
}

fn work(subject: &Subject, concerned: &[Concerned]) -> Vec<(OrganizationId, NewJob)> {
    let job = |top_up: TopUpId| match subject {
        Subject::Payment | Subject::Nothing | Subject::Agreement { .. } => capture_job(top_up),
        Subject::Returned { id, kind } => returned_job(top_up, id, *kind),
        Subject::Dispute { id } => dispute_job(top_up, id),
    };
    concerned.iter().map(|&(organization, top_up)| (organization, job(top_up))).collect()
}

async fn settle(
    ctx: &Context,
    job: &Job,
    id: PaymentEventId,
    finding: Finding<'_>,
    work: Vec<(OrganizationId, NewJob)>,
) -> Result<(), Fail> {
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    event::settle(&mut tx, id, finding).await?;
    for (organization, work) in work {
        jobs::enqueue_for(&mut tx, Some(organization), Actor::System, work).await?;
    }
    Ok(tx.finish(job, Next::Done, Exempt::PaymentEvent).await?)
}
