//! The gateway's side of a top-up: make the order, take the money, credit it once.

use chrono::TimeDelta;
use domain::TopUpId;
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::notify::Topic;
use domain::payment::{Capture, CaptureState, NewOrder, Order, OrderState, Returned, TopUpState};
use domain::provider::UpstreamError;
use domain::wallet::{Account, Transaction, TransactionKind};
use serde_json::json;
use store::job::{Job, Next, queue};
use store::payment::TopUp;
use store::{Exempt, OrgTx, SystemPurpose, billing, job as jobs, notify, payment, wallet};

use super::money::coming;
use super::{auto, auto_job, capture_job, refund_job, returned};
use crate::App;
use crate::billing::{issue_receipt, tax};
use crate::worker::{Context, Fail, payload_id};

/// Orders can be approved for three hours, and captured for three more.
const EXPIRY: TimeDelta = TimeDelta::hours(6);

const NOT_STARTED: &str = "The payment could not be started. Nothing was charged.";
const DECLINED: &str = "The payment was declined. Nothing was charged.";

/// The top-up a job is about.
pub(super) async fn load(ctx: &Context, job: &Job) -> Result<TopUp, Fail> {
    let id: TopUpId = payload_id(job, "top_up_id")?;
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    payment::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the top-up does not exist"))
}

/// An entry about the top-up, in the name of who asked for the job.
pub(super) fn entry(job: &Job, action: Action, id: TopUpId) -> Result<Activity, Fail> {
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
            over(ctx, job, &top_up, TopUpState::Failed, NOT_STARTED, Some(Next::Done)).await
        }
    }
}

/// The operator discarded the job that was to make the order.
pub(crate) async fn discard_order(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let top_up = load(ctx, job).await?;
    if top_up.state != TopUpState::Created {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    over(ctx, job, &top_up, TopUpState::Failed, NOT_STARTED, Some(Next::Done)).await
}

/// Takes the money of an approved order, or looks what became of a payment since.
pub(crate) async fn capture(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let top_up = load(ctx, job).await?;
    if top_up.order_ref.is_none() {
        return found_after_all(ctx, job, &top_up).await;
    }
    match ask(ctx, &top_up).await {
        Ok(Told { capture: Some(capture), returned, .. }) => {
            // What goes back later is heard of by itself, and from whom it comes is then known, too.
            if settle(ctx, job, &top_up, &capture).await? && top_up.state != TopUpState::Completed {
                returned::book_all(ctx, job, top_up.id, &returned).await?;
            }
            Ok(queue::done(ctx.store(), job).await?)
        }
        Ok(_) if top_up.state.is_final() => Ok(queue::done(ctx.store(), job).await?),
        Ok(Told { state: OrderState::Voided, .. }) => expire(ctx, job, &top_up).await,
        Ok(_) if billing::now(ctx.store()).await? - top_up.created_at > EXPIRY => {
            expire(ctx, job, &top_up).await
        }
        Ok(_) => Ok(queue::done(ctx.store(), job).await?),
        // What is over, the gateway need not remember.
        Err(UpstreamError::NotFound) if top_up.state.is_final() => Ok(queue::done(ctx.store(), job).await?),
        Err(UpstreamError::NotFound) => expire(ctx, job, &top_up).await,
        Err(UpstreamError::OutcomeUnknown { detail }) => ctx.look_again(job, &detail).await,
        Err(UpstreamError::Rejected { detail, .. }) if !top_up.state.is_final() => {
            tracing::warn!(top_up = %top_up.id, %detail, "a capture was refused");
            over(ctx, job, &top_up, TopUpState::Failed, DECLINED, Some(Next::Done)).await
        }
        Err(error) => Err(Fail::gateway(error)),
    }
}

/// An automatic payment that was given up without an answer: money that came of it after all counts.
async fn found_after_all(ctx: &Context, job: &Job, top_up: &TopUp) -> Result<(), Fail> {
    let given_up = matches!(top_up.state, TopUpState::Failed | TopUpState::Expired);
    if let Some(since) = top_up.charge_sent_at.filter(|_| given_up)
        && let Some(capture) = auto_job::in_the_books(ctx, top_up, since).await?
    {
        settle(ctx, job, top_up, &capture).await?;
    }
    Ok(queue::done(ctx.store(), job).await?)
}

/// What the gateway says of a payment.
struct Told {
    state: OrderState,
    capture: Option<Capture>,
    returned: Vec<Returned>,
}

impl From<Order> for Told {
    fn from(order: Order) -> Self {
        Self { state: order.state, capture: order.capture, returned: order.returned }
    }
}

/// Asks what became of a payment. The money of an order that waits for it is taken; one that was given up is looked at
/// only, for what came of it after all counts.
async fn ask(ctx: &Context, top_up: &TopUp) -> Result<Told, UpstreamError> {
    let gateway = ctx.gateway();
    let order = top_up.order_ref.as_deref().unwrap_or_default();
    match (top_up.state, &top_up.capture_ref) {
        (TopUpState::AwaitingApproval, _) => {
            Ok(gateway.capture(order, &format!("topup:{}:capture", top_up.id)).await?.into())
        }
        (TopUpState::Pending, Some(capture)) => {
            let capture = gateway.capture_state(capture).await?;
            let returned = match capture.state {
                CaptureState::Refunded => gateway.order(order).await?.returned,
                _ => Vec::new(),
            };
            Ok(Told { state: OrderState::Completed, capture: Some(capture), returned })
        }
        _ => Ok(gateway.order(order).await?.into()),
    }
}

/// Sees to it that a payment the gateway has taken is in the wallet, before anything of it goes back. `None` when there
/// is none to be seen.
pub(super) async fn arrived(ctx: &Context, job: &Job) -> Result<Option<TopUp>, Fail> {
    let top_up = load(ctx, job).await?;
    if top_up.state == TopUpState::Completed || top_up.order_ref.is_none() {
        return Ok(Some(top_up).filter(|t| t.state == TopUpState::Completed));
    }
    let Some(capture) = ask(ctx, &top_up).await.map_err(Fail::gateway)?.capture else { return Ok(None) };
    settle(ctx, job, &top_up, &capture).await?;
    Ok(Some(load(ctx, job).await?).filter(|t| t.state == TopUpState::Completed))
}

/// Applies the state of a capture. Answers whether its money is in the wallet.
pub(super) async fn settle(
    ctx: &Context,
    job: &Job,
    top_up: &TopUp,
    capture: &Capture,
) -> Result<bool, Fail> {
    let is_known = top_up.capture_ref.as_deref() == Some(&*capture.id);
    match (capture.state, top_up.state) {
        (CaptureState::Completed | CaptureState::Refunded, TopUpState::Completed) if is_known => Ok(true),
        (_, TopUpState::Completed) => Err(Fail::give_up(format!(
            "the payment is in the wallet, but capture {} is {:?}",
            capture.id, capture.state
        ))),
        // What went back before we heard of it was ours before: it is credited whole, and then goes back.
        (CaptureState::Completed | CaptureState::Refunded, _) if capture.currency == top_up.currency => {
            credit(ctx, job, top_up, capture).await?;
            Ok(true)
        }
        (CaptureState::Completed | CaptureState::Refunded, _) => {
            Err(Fail::give_up(format!("captured in {}", capture.currency)))
        }
        (CaptureState::Pending, TopUpState::Pending) | (CaptureState::Declined, TopUpState::Failed) => {
            Ok(false)
        }
        (CaptureState::Pending, _) => {
            let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
            payment::set_captured(&mut tx, top_up.id, TopUpState::Pending, &capture.id, capture.amount)
                .await?;
            notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
            tx.checkpoint(job, entry(job, Action::TopUpPending, top_up.id)?).await?;
            Ok(false)
        }
        (CaptureState::Declined, _) => {
            over(ctx, job, top_up, TopUpState::Failed, DECLINED, None).await?;
            Ok(false)
        }
    }
}

/// Credits what was captured, less its tax, in the transaction that says so of the top-up and issues the receipt. A
/// debt is paid first.
async fn credit(ctx: &Context, job: &Job, top_up: &TopUp, capture: &Capture) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let current = payment::lock(&mut tx, top_up.id).await?.map(|t| t.state);
    if current.is_none_or(|state| state == TopUpState::Completed) {
        return Ok(tx.checkpoint(job, Exempt::NothingChanged).await?);
    }
    let taxed = tax::divide(&mut tx, top_up.id, capture.amount).await?;
    let (to_debt, lines) = coming(&wallet, taxed.split, Account::GatewayClearing)?;
    let transaction = Transaction::new(
        TransactionKind::TopUp,
        format!("payment:{}", capture.id),
        job.actor,
        json!({ "top_up_id": top_up.id, "capture": capture.id }),
        &lines,
    )?;
    wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    payment::set_captured(&mut tx, top_up.id, TopUpState::Completed, &capture.id, capture.amount).await?;
    if let Some(agreement) = top_up.automatic {
        auto::arrived(&mut tx, agreement).await?;
    }
    notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
    notify::publish(&mut tx, Topic::Wallet, wallet.organization_id()).await?;
    let detail = json!({ "amount": capture.amount.to_string(), "to_debt": to_debt.to_string() });
    let completed = entry(job, Action::TopUpCompleted, top_up.id)?.with(detail);
    let receipt = issue_receipt(ctx.app(), &mut tx, top_up.id, &capture.id, &taxed, wallet.now()).await?;
    Ok(tx.checkpoint(job, vec![completed, receipt]).await?)
}

async fn expire(ctx: &Context, job: &Job, top_up: &TopUp) -> Result<(), Fail> {
    let why = "The payment was not approved in time. Nothing was charged.";
    over(ctx, job, top_up, TopUpState::Expired, why, Some(Next::Done)).await
}

/// The top-up came to nothing. Without a `next` the job goes on.
async fn over(
    ctx: &Context,
    job: &Job,
    top_up: &TopUp,
    state: TopUpState,
    why: &str,
    next: Option<Next>,
) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let end = End { state, why, revoked: false };
    let entries = write_over(ctx.app(), &mut tx, job, top_up, end).await?;
    match next {
        Some(next) => Ok(tx.finish(job, next, entries).await?),
        None => Ok(tx.checkpoint(job, entries).await?),
    }
}

/// How a top-up came to nothing.
pub(super) struct End<'a> {
    pub(super) state: TopUpState,
    /// In words for the payer.
    pub(super) why: &'a str,
    /// Did the payer take the leave to charge back?
    pub(super) revoked: bool,
}

/// Writes down that a top-up came to nothing, and what that means for the agreement that asked for it.
pub(super) async fn write_over(
    app: &App,
    tx: &mut OrgTx,
    job: &Job,
    top_up: &TopUp,
    end: End<'_>,
) -> Result<Vec<Activity>, Fail> {
    let reason = json!({ "reason": end.why });
    let mut entries = vec![entry(job, Action::TopUpFailed, top_up.id)?.with(reason)];
    if let Some(agreement) = top_up.automatic {
        wallet::lock(tx).await?;
        entries.extend(auto::came_to_nothing(app, tx, agreement, end.revoked).await?);
    }
    payment::set_over(tx, top_up.id, end.state, end.why).await?;
    notify::publish(tx, Topic::TopUp, top_up.id).await?;
    Ok(entries)
}

/// Looks after payments and agreements whose payer never came back, refunds that nothing is heard of, and automatic
/// top-ups that are due because time passed.
pub(crate) async fn sweep(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let open = payment::stale(&mut db).await?;
    let refunds = payment::refund::stale(&mut db).await?;
    let agreements = payment::auto::unattended(&mut db).await?;
    drop(db);
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    for (organization, id) in open {
        jobs::enqueue_for(&mut tx, Some(organization), Actor::System, capture_job(id)).await?;
    }
    for (organization, top_up, refund) in refunds {
        let work = refund_job::refund_job(top_up, refund);
        jobs::enqueue_for(&mut tx, Some(organization), Actor::System, work).await?;
    }
    for (organization, id) in agreements {
        let work = auto::agreement_job(id);
        jobs::enqueue_for(&mut tx, Some(organization), Actor::System, work).await?;
    }
    payment::auto::ask_all(&mut tx).await?;
    Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?)
}
