//! Paying into the wallet.

pub(crate) mod agreement_job;
mod auto;
pub(crate) mod auto_job;
mod auto_mail;
pub(crate) mod dispute_job;
mod dispute_mail;
pub(crate) mod jobs;
mod money;
mod refund;
pub(crate) mod refund_job;
pub(crate) mod report_job;
pub(crate) mod returned;
pub mod webhook;

use domain::activity::{Action, TargetKind};
use domain::identity::Permission;
use domain::notify::Topic;
use domain::payment::TopUpState;
use domain::{Money, TopUpId};
use serde_json::json;
use store::job::NewJob;
use store::{Exempt, job, notify, payment};

pub use auto::{ask_for_answer, set_auto_top_up, turn_off_auto_top_up};
pub use refund::refund;

use crate::identity::idempotency;
use crate::{App, Caller, Done, Error, IdempotencyKey, Result, billing};

/// A job about one top-up; jobs of a top-up run one at a time.
pub(crate) fn order_job(id: TopUpId) -> NewJob {
    NewJob::new("payment.order", json!({ "top_up_id": id })).keyed(id)
}

/// Asks the gateway for the outcome, once however often it is asked for.
pub(crate) fn capture_job(id: TopUpId) -> NewJob {
    NewJob::new("payment.capture", json!({ "top_up_id": id })).keyed(id).once(format!("capture:{id}"))
}

/// Begins a top-up: the intent is stored, a job makes the order at the gateway.
pub async fn begin_top_up(
    app: &App,
    caller: &Caller,
    amount: Money,
    key: Option<&IdempotencyKey>,
) -> Result<Done<TopUpId>> {
    caller.require(Permission::WalletTopUp)?;
    let settings = app.settings();
    if amount < settings.top_up_min || amount > settings.top_up_max {
        let (min, max) = (settings.top_up_min.display(2), settings.top_up_max.display(2));
        return Err(Error::invalid(
            "amount",
            format!("Choose an amount between {min} and {max} {}.", settings.currency),
        ));
    }
    if amount.micros() % 10_000 != 0 {
        return Err(Error::invalid("amount", "Use at most two digits after the point."));
    }
    let id = TopUpId::new();
    let mut tx = app.store.org_tx(&caller.scope).await?;
    if let Some(before) = idempotency::begin(&mut tx, key, &id).await? {
        return Ok(before);
    }
    payment::insert(&mut tx, id, amount, &settings.currency).await?;
    billing::tax::freeze(app, &mut tx, id).await?;
    job::enqueue(&mut tx, order_job(id)).await?;
    notify::publish(&mut tx, Topic::TopUp, id).await?;
    let detail = json!({ "amount": amount.to_string(), "currency": settings.currency });
    tx.commit(caller.did(Action::TopUpRequested).on(TargetKind::TopUp, id).with(detail)).await?;
    Ok(Done::Now(id))
}

/// The payer came back: asks for the capture. Safe to call any number of times; whether anything
/// was approved is for the gateway to say.
pub async fn ask_for_capture(app: &App, caller: &Caller, id: TopUpId) -> Result<()> {
    let mut tx = app.store.org_tx(&caller.scope).await?;
    let top_up = payment::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    if top_up.state != TopUpState::AwaitingApproval && top_up.state != TopUpState::Pending {
        return Ok(());
    }
    match job::enqueue(&mut tx, capture_job(id)).await? {
        None => Ok(tx.commit(Exempt::NothingChanged).await?),
        Some(_) => Ok(tx.commit(caller.did(Action::TopUpCaptureRequested).on(TargetKind::TopUp, id)).await?),
    }
}
