//! Automatic top-ups: decide, charge, and find out what became of it.
//!
//! [`decide`] writes the intent under the wallet's lock; an index lets no organization have two that are under way.
//! [`charge`] notes that the gateway is asked before it asks. The same request is the same payment for six hours there,
//! so a lost answer is asked for again for three; after that the gateway's books are looked into, and nothing is asked a
//! second time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::TopUpId;
use domain::activity::{Action, TargetKind};
use domain::notify::Topic;
use domain::payment::{AutoTopUpState, Capture, Charged, LineKind, NewCharge, OffReason, Order, TopUpState};
use domain::provider::UpstreamError;
use secrecy::SecretString;
use serde_json::json;
use store::job::{Job, NewJob, Next, queue};
use store::payment::TopUp;
use store::payment::auto as rows;
use store::{Exempt, OrgDb as _, billing, job as jobs, notify, wallet};

use super::agreement_job::open;
use super::auto_mail::{self as mails, News};
use super::jobs::{End, load, settle, write_over};
use super::{auto, returned};
use crate::Error;
use crate::billing::tax;
use crate::worker::{Context, Fail};

/// So long a lost answer is asked for again, in seconds.
const ASK_AGAIN: i64 = 3 * 3600;
/// After so long the gateway's books, which lag behind by three hours, would show a payment; in seconds.
const IN_THE_BOOKS: i64 = 9 * 3600;
/// Between two looks into the books.
const LOOK: Duration = Duration::from_secs(15 * 60);
/// After so long an answer is waited for less impatiently, in seconds.
const PATIENT: i64 = 120;

const DECLINED: &str = "The automatic payment was declined. Nothing was charged.";
const REVOKED: &str = "The payer had ended the agreement. Nothing was charged.";
const TURNED_OFF: &str =
    "Automatic top-up was turned off before the payment was asked for. Nothing was charged.";
const NOT_CONFIRMED: &str = "The automatic payment was not confirmed, and nothing was added.";

/// Takes the money; jobs of a top-up run one at a time.
pub(super) fn charge_job(id: TopUpId) -> NewJob {
    NewJob::new("payment.charge", json!({ "top_up_id": id })).keyed(id).once(format!("charge:{id}"))
}

/// Looks, under the wallet's lock, whether a payment is due, and writes the intent.
pub(crate) async fn decide(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    wallet::lock(&mut tx).await?;
    let due = rows::standing(&mut tx).await?.filter(|standing| standing.is_due);
    let Some(due) = due.filter(|due| due.has_room || !due.is_told) else {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    };
    let organization = tx.organization_id();
    if !due.has_room {
        rows::set_ceiling_told(&mut tx, due.id).await?;
        mails::tell(ctx.app(), &mut tx, News::Ceiling(due.ceiling)).await?;
        notify::publish(&mut tx, Topic::Wallet, organization).await?;
        let entry = auto::entry(&tx, Action::AutoTopUpCeiling, due.id);
        return Ok(tx
            .finish(job, Next::Done, entry.with(json!({ "ceiling": due.ceiling.to_string() })))
            .await?);
    }
    let id = TopUpId::new();
    let currency = &ctx.settings().currency;
    rows::insert_top_up(&mut tx, id, due.id, due.amount, currency).await?;
    if let Err(error) = tax::freeze(ctx.app(), &mut tx, id).await {
        drop(tx);
        return no_tax(ctx, job, error).await;
    }
    jobs::enqueue(&mut tx, charge_job(id)).await?;
    notify::publish(&mut tx, Topic::TopUp, id).await?;
    notify::publish(&mut tx, Topic::Wallet, organization).await?;
    let detail = json!({ "amount": due.amount.to_string(), "currency": currency, "automatic": true });
    let entry = auto::entry(&tx, Action::TopUpRequested, due.id).on(TargetKind::TopUp, id).with(detail);
    Ok(tx.finish(job, Next::Done, entry).await?)
}

/// Tax was switched on since, and depends on what nobody has told us. Nothing of before is kept.
async fn no_tax(ctx: &Context, job: &Job, error: Error) -> Result<(), Fail> {
    if error.code() != tax::PROFILE_NEEDED {
        return Err(error.into());
    }
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    wallet::lock(&mut tx).await?;
    let entries = match rows::lock_live(&mut tx).await? {
        Some(live) => auto::end(ctx.app(), &mut tx, &live, OffReason::DetailsNeeded).await?,
        None => Vec::new(),
    };
    Ok(tx.finish(job, Next::Done, entries).await?)
}

/// Charges, or finds out what became of a charge whose answer was lost.
pub(crate) async fn charge(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let top_up = load(ctx, job).await?;
    if top_up.state != TopUpState::Created {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    if let Some(order) = &top_up.order_ref {
        let order = ctx.gateway().order(order).await.map_err(Fail::gateway)?;
        return made(ctx, job, &top_up, order).await;
    }
    let (token, since, seconds) = match begin(ctx, job, &top_up).await? {
        Begun::Ended => return failed(ctx, job, &top_up, TURNED_OFF, false).await,
        Begun::Asked { token: Some(token), since, seconds } if seconds <= ASK_AGAIN => {
            (token, since, seconds)
        }
        Begun::Asked { since, seconds, .. } => return recover(ctx, job, &top_up, since, seconds).await,
    };
    // The call must end before the lease does, or two workers could ask at once.
    if !queue::still_ours(ctx.store(), job, ctx.call_limit()).await? {
        return Err(Fail::Store(store::Error::LeaseLost));
    }
    let new = NewCharge {
        request_id: format!("topup:{}:charge", top_up.id),
        reference: top_up.id.to_string(),
        amount: top_up.amount,
        currency: top_up.currency.clone(),
        token,
    };
    match ctx.gateway().charge(&new).await {
        Ok(Charged::Order(order)) => {
            let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
            rows::set_order(&mut tx, top_up.id, &order.id).await?;
            tx.checkpoint(job, Exempt::JobBookkeeping).await?;
            made(ctx, job, &top_up, *order).await
        }
        Ok(Charged::Declined(detail)) => {
            tracing::warn!(top_up = %top_up.id, %detail, "an automatic payment was declined");
            failed(ctx, job, &top_up, DECLINED, false).await
        }
        Ok(Charged::Revoked) => failed(ctx, job, &top_up, REVOKED, true).await,
        Ok(Charged::Before) => recover(ctx, job, &top_up, since, seconds).await,
        // What was turned away unread is asked for again like what was lost: under the same key it is the same payment.
        Err(UpstreamError::OutcomeUnknown { detail } | UpstreamError::Transient { detail, .. }) => {
            let wait = if seconds < PATIENT { ctx.settings().watch_every } else { Duration::from_secs(60) };
            Ok(queue::again(ctx.store(), job, wait, &detail).await?)
        }
        Err(error @ UpstreamError::Unauthorized) => {
            tracing::error!(top_up = %top_up.id, %error, "the gateway does not permit automatic payments");
            // It may have permitted the one before, whose answer was lost.
            if top_up.charge_sent_at.is_some() {
                return recover(ctx, job, &top_up, since, seconds).await;
            }
            failed(ctx, job, &top_up, DECLINED, false).await
        }
        Err(error) => Err(Fail::gateway(error)),
    }
}

/// How a charge can go on.
enum Begun {
    /// The agreement ended before anything was asked.
    Ended,
    /// The gateway may be asked, and may have been since a time, so many seconds ago. Without a leave to charge only its
    /// books can tell.
    Asked { token: Option<SecretString>, since: DateTime<Utc>, seconds: i64 },
}

/// Notes that the gateway is asked, unless the agreement ended before: from here on a payment is under way, which
/// turning the agreement off does not stop.
async fn begin(ctx: &Context, job: &Job, top_up: &TopUp) -> Result<Begun, Fail> {
    let Some(id) = top_up.automatic else { return Err(Fail::give_up("nobody agreed to this payment")) };
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    wallet::lock(&mut tx).await?;
    let agreement = rows::lock(&mut tx, id).await?;
    let agreement = agreement.ok_or_else(|| Fail::give_up("the agreement does not exist"))?;
    if agreement.state != AutoTopUpState::On && top_up.charge_sent_at.is_none() {
        return Ok(Begun::Ended);
    }
    let (since, seconds) = rows::set_sent(&mut tx, top_up.id).await?;
    tx.checkpoint(job, Exempt::JobBookkeeping).await?;
    let token = agreement.token_sealed.map(|sealed| open(ctx, id, &sealed)).transpose()?;
    Ok(Begun::Asked { token, since, seconds })
}

/// The gateway made an order of it: its capture says whether money came.
async fn made(ctx: &Context, job: &Job, top_up: &TopUp, order: Order) -> Result<(), Fail> {
    let Some(capture) = &order.capture else {
        // It wants to ask the payer, who is not there.
        return failed(ctx, job, top_up, DECLINED, false).await;
    };
    if settle(ctx, job, top_up, capture).await? {
        returned::book_all(ctx, job, top_up.id, &order.returned).await?;
    }
    Ok(queue::done(ctx.store(), job).await?)
}

/// Money may have been taken, and nobody can tell us but the gateway's books.
async fn recover(
    ctx: &Context,
    job: &Job,
    top_up: &TopUp,
    since: DateTime<Utc>,
    seconds: i64,
) -> Result<(), Fail> {
    if let Some(capture) = in_the_books(ctx, top_up, since).await? {
        settle(ctx, job, top_up, &capture).await?;
        return Ok(queue::done(ctx.store(), job).await?);
    }
    if seconds > IN_THE_BOOKS {
        return failed(ctx, job, top_up, NOT_CONFIRMED, false).await;
    }
    Ok(queue::again(ctx.store(), job, LOOK, "the payment is looked for in the gateway's books").await?)
}

/// What the gateway took for this top-up, by its books.
pub(super) async fn in_the_books(
    ctx: &Context,
    top_up: &TopUp,
    since: DateTime<Utc>,
) -> Result<Option<Capture>, Fail> {
    let now = billing::now(ctx.store()).await?;
    // Clocks differ, and the gateway shows at most 31 days.
    let from = (since - TimeDelta::minutes(10)).max(now - TimeDelta::days(29));
    let lines = ctx.gateway().report(from, now + TimeDelta::days(1)).await.map_err(Fail::gateway)?;
    let reference = top_up.id.to_string();
    let line = lines
        .into_iter()
        .find(|line| line.kind == LineKind::Capture && line.payment.reference.as_ref() == Some(&reference));
    let Some(capture) = line.and_then(|line| line.payment.capture) else { return Ok(None) };
    Ok(Some(ctx.gateway().capture_state(&capture).await.map_err(Fail::gateway)?))
}

/// It came to nothing, and so may the agreement.
async fn failed(ctx: &Context, job: &Job, top_up: &TopUp, why: &str, revoked: bool) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let end = End { state: TopUpState::Failed, why, revoked };
    let entries = write_over(ctx.app(), &mut tx, job, top_up, end).await?;
    Ok(tx.finish(job, Next::Done, entries).await?)
}
