//! The gateway's side of a top-up: make the order, take the money, credit it once.

use chrono::TimeDelta;
use domain::TopUpId;
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::notify::Topic;
use domain::payment::{Capture, CaptureState, NewOrder, Order, OrderState, TopUpState};
use domain::provider::UpstreamError;
use domain::wallet::{Account, Transaction, TransactionKind};
use serde_json::json;
use store::job::{Job, Next, queue};
use store::payment::TopUp;
use store::{Exempt, SystemPurpose, billing, job as jobs, notify, payment, wallet};

use super::capture_job;
use crate::billing::{issue_receipt, tax};
use crate::worker::{Context, Fail, payload_id};

/// Orders can be approved for three hours, and captured for three more.
const EXPIRY: TimeDelta = TimeDelta::hours(6);

const NOT_STARTED: &str = "The payment could not be started. Nothing was charged.";

async fn load(ctx: &Context, job: &Job) -> Result<TopUp, Fail> {
    let id: TopUpId = payload_id(job, "top_up_id")?;
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    payment::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the top-up does not exist"))
}

fn entry(job: &Job, action: Action, id: TopUpId) -> Result<Activity, Fail> {
    let organization = job.organization_id.ok_or_else(|| Fail::give_up("the job has no organization"))?;
    Ok(Activity::of(organization, job.actor, action).on(TargetKind::TopUp, id))
}

/// Makes the order. The gateway gives the same order for the same top-up, however often asked.
pub(crate) async fn order(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let top_up = load(ctx, job).await?;
    if top_up.state != TopUpState::Created {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    let settings = ctx.settings();
    let page = |end: &str| settings.public_url.join(&format!("wallet/top-ups/{}{end}", top_up.id));
    let new = NewOrder {
        request_id: format!("topup:{}:create", top_up.id),
        reference: top_up.id.to_string(),
        amount: top_up.amount,
        currency: top_up.currency.clone(),
        brand: settings.company_name.clone(),
        return_url: page("/return").map_err(|e| Fail::give_up(e.to_string()))?,
        cancel_url: page("/cancel").map_err(|e| Fail::give_up(e.to_string()))?,
    };
    match ctx.gateway().create_order(&new).await {
        Ok(Order { id, approve_url: Some(url), .. }) => {
            let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
            payment::set_ordered(&mut tx, top_up.id, &id, url.as_str()).await?;
            notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
            Ok(tx.finish(job, Next::Done, entry(job, Action::TopUpOrdered, top_up.id)?).await?)
        }
        Ok(_) => Err(Fail::give_up("the order has no approval link")),
        Err(UpstreamError::OutcomeUnknown { detail }) => ctx.look_again(job, &detail).await,
        Err(error) => {
            let fail = Fail::gateway(error);
            if !fail.buries(job) {
                return Err(fail);
            }
            tracing::error!(top_up = %top_up.id, ?fail, "an order could not be made at the gateway");
            over(ctx, job, &top_up, TopUpState::Failed, NOT_STARTED).await
        }
    }
}

/// The operator discarded the job that was to make the order.
pub(crate) async fn discard_order(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let top_up = load(ctx, job).await?;
    if top_up.state != TopUpState::Created {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    over(ctx, job, &top_up, TopUpState::Failed, NOT_STARTED).await
}

/// Takes the money of an approved order, or looks what became of a pending payment.
pub(crate) async fn capture(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let top_up = load(ctx, job).await?;
    let order = top_up.order_ref.clone();
    let outcome = match (top_up.state, order, &top_up.capture_ref) {
        (TopUpState::AwaitingApproval, Some(order), _) => {
            let asked = ctx.gateway().capture(&order, &format!("topup:{}:capture", top_up.id)).await;
            asked.map(|order| (order.state, order.capture))
        }
        (TopUpState::Pending, _, Some(capture)) => {
            ctx.gateway().capture_state(capture).await.map(|c| (OrderState::Completed, Some(c)))
        }
        _ => return Ok(queue::done(ctx.store(), job).await?),
    };
    match outcome {
        Ok((_, Some(capture))) => settle(ctx, job, &top_up, capture).await,
        Ok((OrderState::Voided, None)) | Err(UpstreamError::NotFound) => expire(ctx, job, &top_up).await,
        Ok((_, None)) if billing::now(ctx.store()).await? - top_up.created_at > EXPIRY => {
            expire(ctx, job, &top_up).await
        }
        Ok((_, None)) => Ok(queue::done(ctx.store(), job).await?),
        Err(UpstreamError::OutcomeUnknown { detail }) => ctx.look_again(job, &detail).await,
        Err(UpstreamError::Rejected { detail, .. }) => {
            tracing::warn!(top_up = %top_up.id, %detail, "a capture was refused");
            over(ctx, job, &top_up, TopUpState::Failed, "The payment was declined. Nothing was charged.")
                .await
        }
        Err(error) => Err(Fail::gateway(error)),
    }
}

async fn settle(ctx: &Context, job: &Job, top_up: &TopUp, capture: Capture) -> Result<(), Fail> {
    match capture.state {
        CaptureState::Completed if capture.currency == top_up.currency => {
            credit(ctx, job, top_up, &capture).await
        }
        CaptureState::Completed => Err(Fail::give_up(format!("captured in {}", capture.currency))),
        CaptureState::Pending if top_up.state == TopUpState::Pending => {
            Ok(queue::done(ctx.store(), job).await?)
        }
        CaptureState::Pending => {
            let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
            payment::set_captured(&mut tx, top_up.id, TopUpState::Pending, &capture.id, capture.amount)
                .await?;
            notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
            Ok(tx.finish(job, Next::Done, entry(job, Action::TopUpPending, top_up.id)?).await?)
        }
        CaptureState::Declined => {
            over(ctx, job, top_up, TopUpState::Failed, "The payment was declined. Nothing was charged.").await
        }
        CaptureState::Refunded => {
            over(ctx, job, top_up, TopUpState::Failed, "The payment was returned to you.").await
        }
    }
}

/// Credits what was captured, less its tax, in the transaction that says so of the top-up and issues the receipt. A
/// debt is paid first.
async fn credit(ctx: &Context, job: &Job, top_up: &TopUp, capture: &Capture) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let current = payment::lock(&mut tx, top_up.id).await?.map(|t| t.state);
    if current.is_none_or(TopUpState::is_final) {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    }
    let taxed = tax::divide(&mut tx, top_up.id, capture.amount).await?;
    let to_debt = wallet.receivable().min(taxed.split.net);
    let transaction = Transaction::new(
        TransactionKind::TopUp,
        format!("payment:{}", capture.id),
        job.actor,
        json!({ "top_up_id": top_up.id, "capture": capture.id }),
        &[
            (Account::Receivable, to_debt),
            (Account::Wallet, taxed.split.net.minus(to_debt)?),
            (Account::TaxPayable, taxed.split.tax),
            (Account::GatewayClearing, capture.amount.negated()?),
        ],
    )?;
    wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    payment::set_captured(&mut tx, top_up.id, TopUpState::Completed, &capture.id, capture.amount).await?;
    notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
    notify::publish(&mut tx, Topic::Wallet, wallet.organization_id()).await?;
    let detail = json!({ "amount": capture.amount.to_string(), "to_debt": to_debt.to_string() });
    let completed = entry(job, Action::TopUpCompleted, top_up.id)?.with(detail);
    let receipt = issue_receipt(ctx.app(), &mut tx, top_up.id, &capture.id, &taxed, wallet.now()).await?;
    Ok(tx.finish(job, Next::Done, vec![completed, receipt]).await?)
}

async fn expire(ctx: &Context, job: &Job, top_up: &TopUp) -> Result<(), Fail> {
    over(ctx, job, top_up, TopUpState::Expired, "The payment was not approved in time. Nothing was charged.")
        .await
}

async fn over(ctx: &Context, job: &Job, top_up: &TopUp, state: TopUpState, why: &str) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    payment::set_over(&mut tx, top_up.id, state, why).await?;
    notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
    let entry = entry(job, Action::TopUpFailed, top_up.id)?.with(json!({ "reason": why }));
    Ok(tx.finish(job, Next::Done, entry).await?)
}

/// Looks after payments whose payer never came back.
pub(crate) async fn sweep(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let open = payment::stale(&mut ctx.store().system_read(SystemPurpose::Job).await?).await?;
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    for (organization, id) in open {
        jobs::enqueue_for(&mut tx, Some(organization), Actor::System, capture_job(id)).await?;
    }
    Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?)
}
