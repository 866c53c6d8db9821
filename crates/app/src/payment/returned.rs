//! Money that went back to the payer: booked once, whatever brings the news.

use chrono::{DateTime, TimeDelta, Utc};
use domain::activity::{Action, Activity};
use domain::billing::Split;
use domain::identity::{Email, Role};
use domain::notify::Topic;
use domain::payment::{DisputeState, RefundKind, RefundState, Returned, ReturnedState, TopUpState, digits};
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{Money, RefundId, TopUpId};
use serde_json::json;
use store::job::{Job, NewJob, queue};
use store::payment::dispute::{self, Dispute};
use store::payment::refund::{self, NewRefund, Refund};
use store::payment::{self, TopUp};
use store::wallet::LockedWallet;
use store::{Exempt, OrgDb as _, OrgTx, notify, wallet};

use super::jobs::{arrived, entry};
use super::money::{coming, credit_note, going};
use super::refund_job;
use crate::notify::mail::{Content, Mail, enqueue};
use crate::worker::{Context, Fail, payload_id};

/// After a dispute is decided, its money moves within this time.
const PAID_OUT_WITHIN: TimeDelta = TimeDelta::hours(1);

/// What credit notes say of why money went back, unless an operator said so.
const REFUND: &str = "Refund";
pub(super) const REVERSAL: &str = "Taken back by the payer or their bank";

/// Looks at money that went back of a top-up.
pub(crate) fn returned_job(top_up: TopUpId, refund_ref: &str, kind: RefundKind) -> NewJob {
    NewJob::new("payment.returned", json!({ "top_up_id": top_up, "refund_ref": refund_ref, "kind": kind }))
        .keyed(top_up)
        .once(format!("returned:{refund_ref}"))
}

/// Asks the gateway what went back, and books it. What was to come in first is seen to first, and so are refunds of our
/// own whose answers were lost: this may be one of them.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let refund_ref: String = payload_id(job, "refund_ref")?;
    let kind: RefundKind = payload_id(job, "kind")?;
    let returned = ctx.gateway().returned(&refund_ref).await.map_err(Fail::gateway)?;
    let Some(top_up) = arrived(ctx, job).await? else {
        return Err(Fail::give_up("money went back of a payment that never came"));
    };
    refund_job::ask_all(ctx, job, &top_up).await?;
    book(ctx, job, top_up.id, &returned, kind).await?;
    Ok(queue::done(ctx.store(), job).await?)
}

/// Books what an order tells to have gone back. Who sent it back, the order does not say.
pub(super) async fn book_all(
    ctx: &Context,
    job: &Job,
    top_up: TopUpId,
    returned: &[Returned],
) -> Result<(), Fail> {
    if returned.is_empty() {
        return Ok(());
    }
    if let Some(top_up) = arrived(ctx, job).await? {
        refund_job::ask_all(ctx, job, &top_up).await?;
    }
    for one in returned {
        book(ctx, job, top_up, one, RefundKind::Refund).await?;
    }
    Ok(())
}

/// Books money that went back, if it is not booked: the gateway's id is what each is known by.
pub(super) async fn book(
    ctx: &Context,
    job: &Job,
    top_up: TopUpId,
    returned: &Returned,
    kind: RefundKind,
) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let top_up = known(&mut tx, top_up, returned).await?;
    let rows = refund::of_top_up(&mut tx, top_up.id).await?;
    let own = rows.iter().find(|row| row.refund_ref.as_deref() == Some(&*returned.id));
    match (own, returned.state) {
        (Some(own), _) if own.state.is_open() => {
            let own = own.clone();
            settle_own(ctx, job, Books { tx, wallet, top_up }, &own, returned).await
        }
        (None, ReturnedState::Completed) => {
            let disputes = dispute::of_top_up(&mut tx, top_up.id).await?;
            let dispute = disputes.into_iter().find(|dispute| concerns(dispute, returned.at));
            // A lost dispute took the money before it was heard of: this may be how the gateway paid it out.
            let taken: Vec<&Refund> = rows
                .iter()
                .filter(|row| row.refund_ref.is_none() && row.state == RefundState::Completed)
                .filter(|row| row.dispute_id.is_some())
                .collect();
            if let Some(row) = taken.iter().find(|row| row.amount == returned.amount) {
                let (id, at) = (Some(&*returned.id), Some(returned.at));
                refund::set(&mut tx, row.id, row.state, id, None, at).await?;
                return Ok(tx.checkpoint(job, Exempt::JobBookkeeping).await?);
            }
            let of_dispute = |row: &&&Refund| row.dispute_id == dispute.as_ref().map(|d| d.id);
            match (taken.iter().find(of_dispute), kind) {
                // A refund of all that was left ended the dispute; a smaller one is one more.
                (Some(row), RefundKind::Refund) if row.amount < returned.amount => {
                    return take_more(ctx, job, Books { tx, wallet, top_up }, row, returned).await;
                }
                (Some(row), RefundKind::Reversal) => {
                    let (paid, taken) = (returned.amount, row.amount);
                    return Err(Fail::give_up(format!("a dispute took {taken}, the gateway paid {paid}")));
                }
                _ => {}
            }
            let note = foreign(ctx, job, &mut tx, &mut wallet, &top_up, returned, kind, dispute).await?;
            wallet::save(&mut tx, [&mut wallet]).await?;
            finish(job, tx, &wallet, &top_up, kind, returned.amount, None, note).await
        }
        _ => Ok(tx.checkpoint(job, Exempt::NothingChanged).await?),
    }
}

/// The top-up, in the wallet and in the currency of what went back.
async fn known(tx: &mut OrgTx, id: TopUpId, returned: &Returned) -> Result<TopUp, Fail> {
    let top_up = payment::lock(tx, id).await?.filter(|t| t.state == TopUpState::Completed);
    let top_up = top_up.ok_or_else(|| Fail::give_up("the payment is not in the wallet"))?;
    if returned.currency != top_up.currency {
        return Err(Fail::give_up(format!("{} went back in {}", returned.id, returned.currency)));
    }
    Ok(top_up)
}

/// A transaction with the wallet locked in it.
pub(super) struct Books {
    pub(super) tx: OrgTx,
    pub(super) wallet: LockedWallet,
    pub(super) top_up: TopUp,
}

/// Applies what the gateway says of a refund that we asked for.
pub(super) async fn settle_own(
    ctx: &Context,
    job: &Job,
    books: Books,
    own: &Refund,
    returned: &Returned,
) -> Result<(), Fail> {
    let Books { mut tx, mut wallet, top_up } = books;
    match returned.state {
        ReturnedState::Pending => {
            refund::set(&mut tx, own.id, RefundState::Pending, Some(&returned.id), None, None).await?;
            Ok(tx.checkpoint(job, Exempt::JobBookkeeping).await?)
        }
        ReturnedState::Failed => {
            let why = "The payment service could not carry it out.";
            release(job, Books { tx, wallet, top_up }, own, Some(&returned.id), why).await
        }
        ReturnedState::Completed => {
            if returned.amount != own.amount {
                return Err(Fail::give_up(format!(
                    "{} went back, {} was asked",
                    returned.amount, own.amount
                )));
            }
            let reason = own.reason.as_deref().unwrap_or(REFUND);
            let (split, note) =
                credit_note(ctx.app(), &mut tx, &wallet, top_up.id, own.id, own.amount, reason).await?;
            let (taken, lines) = going(&wallet, split, own.held, Account::GatewayClearing)?;
            // What was reserved for it and is more than its credit is free again.
            let left = own.held.minus(taken)?;
            let lines = [&lines[..], &[(Account::Held, left.negated()?), (Account::Wallet, left)]].concat();
            let about = json!({ "top_up_id": top_up.id, "refund_id": own.id });
            record(&mut wallet, job, TransactionKind::Refund, &returned.id, about, &lines)?;
            wallet::save(&mut tx, [&mut wallet]).await?;
            let (id, at) = (Some(&*returned.id), Some(returned.at));
            refund::set(&mut tx, own.id, RefundState::Completed, id, None, at).await?;
            let disputes = dispute::of_top_up(&mut tx, top_up.id).await?;
            if let Some(dispute) = disputes.iter().find(|dispute| concerns(dispute, returned.at)) {
                refund::set_dispute(&mut tx, own.id, dispute.id).await?;
            }
            tell(ctx, &mut tx, own.id, own.amount, &top_up).await?;
            finish(job, tx, &wallet, &top_up, RefundKind::Refund, own.amount, own.reason.as_deref(), note)
                .await
        }
    }
}

/// A lost dispute took less than what then went back.
async fn take_more(
    ctx: &Context,
    job: &Job,
    books: Books,
    row: &Refund,
    returned: &Returned,
) -> Result<(), Fail> {
    let Books { mut tx, mut wallet, top_up } = books;
    let more = returned.amount.minus(row.amount)?;
    let (split, note) =
        credit_note(ctx.app(), &mut tx, &wallet, top_up.id, RefundId::new(), more, REFUND).await?;
    let (_, lines) = going(&wallet, split, Money::ZERO, Account::Chargebacks)?;
    let about = json!({ "top_up_id": top_up.id, "dispute_id": row.dispute_id, "refund_id": row.id });
    record(&mut wallet, job, TransactionKind::Reversal, &returned.id, about, &lines)?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    refund::set_amount(&mut tx, row.id, returned.amount).await?;
    let (id, at) = (Some(&*returned.id), Some(returned.at));
    refund::set(&mut tx, row.id, row.state, id, None, at).await?;
    finish(job, tx, &wallet, &top_up, RefundKind::Refund, more, None, note).await
}

/// Gives back what was reserved for a refund that comes to nothing.
pub(super) async fn release(
    job: &Job,
    books: Books,
    own: &Refund,
    refund_ref: Option<&str>,
    why: &str,
) -> Result<(), Fail> {
    let Books { mut tx, mut wallet, top_up } = books;
    if own.held.is_positive() {
        let (_, lines) = coming(&wallet, Split::untaxed(own.held), Account::Held)?;
        let transaction = Transaction::new(
            TransactionKind::Release,
            format!("refund:{}:release", own.id),
            job.actor,
            json!({ "top_up_id": top_up.id, "refund_id": own.id }),
            &lines,
        )?;
        wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
        wallet::save(&mut tx, [&mut wallet]).await?;
    }
    refund::set(&mut tx, own.id, RefundState::Failed, refund_ref, Some(why), None).await?;
    notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
    notify::publish(&mut tx, Topic::Wallet, wallet.organization_id()).await?;
    let detail = json!({ "amount": own.amount.to_string(), "reason": why });
    Ok(tx.checkpoint(job, entry(job, Action::RefundFailed, top_up.id)?.with(detail)).await?)
}

/// Money went back that we did not ask for: what a dispute has frozen goes first.
#[expect(clippy::too_many_arguments, reason = "everything of one top-up, read under its wallet's lock")]
async fn foreign(
    ctx: &Context,
    job: &Job,
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    top_up: &TopUp,
    returned: &Returned,
    kind: RefundKind,
    mut dispute: Option<Dispute>,
) -> Result<Option<Activity>, Fail> {
    let id = RefundId::new();
    let frozen = dispute.as_ref().map_or(Money::ZERO, |d| d.frozen);
    let (ledger, account, reason) = match kind {
        RefundKind::Refund => (TransactionKind::Refund, Account::GatewayClearing, REFUND),
        RefundKind::Reversal => (TransactionKind::Reversal, Account::Chargebacks, REVERSAL),
    };
    let (split, note) = credit_note(ctx.app(), tx, wallet, top_up.id, id, returned.amount, reason).await?;
    let (taken, lines) = going(wallet, split, frozen, account)?;
    let about = match &dispute {
        Some(dispute) => json!({ "top_up_id": top_up.id, "dispute_id": dispute.id, "refund_id": id }),
        None => json!({ "top_up_id": top_up.id, "refund_id": id }),
    };
    record(wallet, job, ledger, &returned.id, about, &lines)?;
    let new = NewRefund {
        id,
        top_up: top_up.id,
        kind,
        state: RefundState::Completed,
        amount: returned.amount,
        held: Money::ZERO,
        refund_ref: Some(&returned.id),
        returned_at: Some(returned.at),
        dispute: dispute.as_ref().map(|d| d.id),
        reason: None,
    };
    refund::insert(tx, &new).await?;
    if let Some(dispute) = &mut dispute {
        dispute.frozen = frozen.minus(taken)?;
        if dispute.state == DisputeState::Won && kind == RefundKind::Reversal {
            // It was decided for us before we heard that it had been taken.
            give_back(wallet, job, dispute, top_up, split)?;
        }
        dispute::update(tx, dispute).await?;
    }
    if kind == RefundKind::Refund {
        tell(ctx, tx, id, returned.amount, top_up).await?;
    }
    Ok(note)
}

/// Whether what went back at this time of the gateway's clock did so because of a dispute: in whatever order the two are
/// heard of, each dispute answers for what went back while it was open, or just after.
pub(super) fn concerns(dispute: &Dispute, at: DateTime<Utc>) -> bool {
    dispute.began_at <= at && dispute.decided_at.is_none_or(|decided| at <= decided + PAID_OUT_WITHIN)
}

/// The gateway gives back what it had taken for a dispute, with the tax that went with it.
pub(super) fn give_back(
    wallet: &mut LockedWallet,
    job: &Job,
    dispute: &mut Dispute,
    top_up: &TopUp,
    split: Split,
) -> Result<(), Fail> {
    let (_, lines) = coming(wallet, split, Account::Chargebacks)?;
    let transaction = Transaction::new(
        TransactionKind::ReversalReturned,
        format!("dispute:{}:{}:returned:{}", dispute.id, dispute.decisions, dispute.returned),
        job.actor,
        json!({ "top_up_id": top_up.id, "dispute_id": dispute.id }),
        &lines,
    )?;
    wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
    dispute.returned = dispute.returned.plus(split.gross()?)?;
    Ok(())
}

/// Books money that went back under the gateway's id of it.
pub(super) fn record(
    wallet: &mut LockedWallet,
    job: &Job,
    kind: TransactionKind,
    refund_ref: &str,
    about: serde_json::Value,
    lines: &[(Account, Money)],
) -> Result<(), Fail> {
    let transaction = Transaction::new(kind, format!("returned:{refund_ref}"), job.actor, about, lines)?;
    wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "what becomes of one payment, in one place")]
async fn finish(
    job: &Job,
    mut tx: OrgTx,
    wallet: &LockedWallet,
    top_up: &TopUp,
    kind: RefundKind,
    amount: Money,
    reason: Option<&str>,
    note: Option<Activity>,
) -> Result<(), Fail> {
    notify::publish(&mut tx, Topic::TopUp, top_up.id).await?;
    notify::publish(&mut tx, Topic::Wallet, wallet.organization_id()).await?;
    let action = match kind {
        RefundKind::Refund => Action::RefundCompleted,
        RefundKind::Reversal => Action::PaymentReversed,
    };
    let detail = json!({ "amount": amount.to_string(), "reason": reason });
    let mut entries = vec![entry(job, action, top_up.id)?.with(detail)];
    entries.extend(note);
    Ok(tx.checkpoint(job, entries).await?)
}

/// Tells the organization's owners that money went back.
async fn tell(
    ctx: &Context,
    tx: &mut OrgTx,
    refund: RefundId,
    amount: Money,
    top_up: &TopUp,
) -> Result<(), Fail> {
    let organization = tx.organization_id();
    for owner in notify::mail::members(tx, &[organization], &[Role::Owner]).await? {
        let Some(to) = Email::parse(&owner.email) else { continue };
        let content = Content::Refund {
            name: owner.name.clone(),
            amount: format!("{} {}", amount.display(digits(&top_up.currency)), top_up.currency),
            link: format!("/wallet/top-ups/{}", top_up.id),
        };
        let word = format!("refund:{refund}:{}", owner.email);
        enqueue(ctx.app(), tx, &Mail::new(&to, &owner.name, content).once(&word)).await?;
    }
    Ok(())
}
