//! Refunds to the payer, by operators.

use domain::activity::{Action, Activity, TargetKind};
use domain::notify::Topic;
use domain::payment::{RefundKind, RefundState, TopUpState, digits, payable};
use domain::wallet::attribution::TOP_UP;
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{Money, OrganizationId, RefundId, TopUpId};
use serde_json::json;
use store::payment::refund::{self, NewRefund};
use store::payment::{self, dispute};
use store::{OrgTx, SystemPurpose, identity, job, notify, wallet};

use super::refund_job::refund_job;
use crate::billing::tax;
use crate::identity::short_text;
use crate::{App, Error, Operator, Result};

/// Gives money of a payment back to its payer: at most what of it is captured, has not gone back and is unspent. It is
/// reserved now; a job asks the gateway.
pub async fn refund(
    app: &App,
    operator: &Operator,
    organization: OrganizationId,
    top_up: TopUpId,
    amount: Money,
    reason: &str,
) -> Result<RefundId> {
    let reason = short_text("reason", reason)?;
    let mut system = app.store.system_tx(SystemPurpose::Operator).await?;
    let scope = identity::visit(&mut system, organization, operator.actor()).await?.ok_or(Error::NotFound)?;
    drop(system);
    let mut tx = app.store.org_tx(&scope).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let top_up = payment::lock(&mut tx, top_up).await?.ok_or(Error::NotFound)?;
    let captured = match (top_up.state, top_up.captured) {
        (TopUpState::Completed, Some(captured)) => captured,
        _ => return Err(Error::conflict("not_captured", "This payment has not arrived.")),
    };
    let gone = gone(&mut tx, top_up.id).await?.min(captured);
    let unspent = wallet::attribution(&mut tx).await?.free_of(TOP_UP, top_up.id);
    // What is unspent is credit; what goes back to the payer has the tax in it.
    let paid = tax::divide(&mut tx, top_up.id, captured).await?.split;
    let with_tax = unspent.scaled_half_up(captured.micros(), paid.net.micros().max(1), 6)?;
    let most = payable(captured.minus(gone)?.min(with_tax), &top_up.currency);
    if !amount.is_positive() || payable(amount, &top_up.currency) != amount {
        return Err(Error::invalid("amount", "Enter an amount that can be paid in this currency."));
    }
    if amount > most {
        let most = most.display(digits(&top_up.currency));
        return Err(Error::invalid(
            "amount",
            format!("At most {most} {} of this payment is unspent.", top_up.currency),
        ));
    }
    let id = RefundId::new();
    let part = paid.part(gone, amount).map_err(Error::internal)?;
    let held = part.net.min(unspent);
    if !held.is_positive() {
        // The tax of all parts is that of the whole, so a cent can be tax alone: nothing of it was credited.
        return Err(Error::invalid("amount", "So little of this payment is tax alone. Enter more."));
    }
    let transaction = Transaction::new(
        TransactionKind::Hold,
        format!("refund:{id}"),
        operator.actor(),
        json!({ "top_up_id": top_up.id, "refund_id": id }),
        &[(Account::Wallet, held.negated()?), (Account::Held, held)],
    )?;
    wallet.record(transaction).map_err(Error::internal)?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    let new = NewRefund {
        id,
        top_up: top_up.id,
        kind: RefundKind::Refund,
        state: RefundState::Requested,
        amount,
        held,
        refund_ref: None,
        returned_at: None,
        dispute: None,
        reason: Some(&reason),
    };
    refund::insert(&mut tx, &new).await?;
    job::enqueue(&mut tx, refund_job(top_up.id, id)).await?;
    notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
    notify::publish(&mut tx, Topic::Wallet, organization).await?;
    let detail = json!({ "amount": amount.to_string(), "reason": reason });
    let entry = Activity::of(organization, operator.actor(), Action::RefundRequested);
    tx.commit(entry.on(TargetKind::TopUp, top_up.id).with(detail)).await?;
    Ok(id)
}

/// What of a payment went back, is asked back or is disputed.
async fn gone(tx: &mut OrgTx, top_up: TopUpId) -> Result<Money> {
    let refunds = refund::of_top_up(tx, top_up).await?;
    let refunds = refunds.iter().filter(|row| row.state != RefundState::Failed).map(|row| row.amount);
    let disputes = dispute::of_top_up(tx, top_up).await?;
    let open = disputes.iter().filter(|d| d.state == domain::payment::DisputeState::Open).map(|d| d.disputed);
    let returned = Money::total(disputes.iter().map(|d| d.returned))?;
    Ok(Money::total(refunds.chain(open))?.minus(returned)?)
}
