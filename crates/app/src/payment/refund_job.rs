//! The gateway's side of a refund that an operator asked for.

use domain::payment::{NewRefund, RefundState, Returned, digits};
use domain::provider::UpstreamError;
use domain::{RefundId, TopUpId};
use serde_json::json;
use store::job::{Job, NewJob, queue};
use store::payment::refund::{self, Refund};
use store::payment::{self, TopUp};
use store::wallet;

use super::jobs::load;
use super::returned::{Books, release, settle_own};
use crate::worker::{Context, Fail};

/// Asks the gateway for the refunds of a top-up that are under way.
pub(crate) fn refund_job(top_up: TopUpId, refund: RefundId) -> NewJob {
    NewJob::new("payment.refund", json!({ "top_up_id": top_up, "refund_id": refund }))
        .keyed(top_up)
        .once(format!("refund:{refund}"))
}

/// Asks for what is asked for, and looks at what is on its way. One that waits is looked at again now and then, besides
/// the gateway's own news of it.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let top_up = load(ctx, job).await?;
    match ask_all(ctx, job, &top_up).await {
        Err(Fail::Upstream { error: UpstreamError::OutcomeUnknown { detail }, .. }) => {
            ctx.look_again(job, &detail).await
        }
        Err(fail) => Err(fail),
        Ok(()) => Ok(queue::done(ctx.store(), job).await?),
    }
}

/// Asks about every refund of a top-up that is not over. The same request gives money back once, however often it is
/// repeated after a lost answer.
pub(super) async fn ask_all(ctx: &Context, job: &Job, top_up: &TopUp) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let rows = refund::of_top_up(&mut tx, top_up.id).await?;
    drop(tx);
    for row in rows.iter().filter(|row| row.state.is_open()) {
        match ask(ctx, top_up, row).await {
            Ok(returned) => {
                let books = books(ctx, job, top_up).await?;
                settle_own(ctx, job, books, row, &returned).await?;
            }
            Err(UpstreamError::Rejected { detail, .. }) if row.state == RefundState::Requested => {
                tracing::warn!(top_up = %top_up.id, refund = %row.id, %detail, "a refund was refused");
                let why = "The payment service refused it.";
                release(job, books(ctx, job, top_up).await?, row, None, why).await?;
            }
            Err(error) => return Err(Fail::gateway(error)),
        }
    }
    Ok(())
}

async fn ask(ctx: &Context, top_up: &TopUp, row: &Refund) -> Result<Returned, UpstreamError> {
    if let (RefundState::Pending, Some(id)) = (row.state, &row.refund_ref) {
        return ctx.gateway().returned(id).await;
    }
    let new = NewRefund {
        request_id: format!("refund:{}", row.id),
        capture: top_up.capture_ref.clone().unwrap_or_default(),
        amount: row.amount,
        currency: top_up.currency.clone(),
        note: format!(
            "{} {} of your payment at {}",
            row.amount.display(digits(&top_up.currency)),
            top_up.currency,
            ctx.settings().company_name
        ),
    };
    ctx.gateway().refund(&new).await
}

async fn books(ctx: &Context, job: &Job, top_up: &TopUp) -> Result<Books, Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let wallet = wallet::lock(&mut tx).await?;
    let top_up = payment::lock(&mut tx, top_up.id).await?;
    let top_up = top_up.ok_or_else(|| Fail::give_up("the top-up does not exist"))?;
    Ok(Books { tx, wallet, top_up })
}
