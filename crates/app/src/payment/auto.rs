//! Automatic top-ups: what people want, and what becomes of it.
//!
//! An agreement is set up by asking the payer at the gateway once. From then on the panel charges by itself when the
//! wallet falls below the threshold: [`super::auto_job`]. Whatever decides about money here has the wallet locked.

use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Permission;
use domain::notify::Topic;
use domain::payment::{AutoTerms, AutoTopUpState, OffReason, RETRY, THRESHOLD_HOURS_MAX, Threshold};
use domain::{AutoTopUpId, Money};
use serde_json::{Value, json};
use store::billing::profile;
use store::job::NewJob;
use store::payment::auto::{self as rows, AutoTopUp};
use store::{Exempt, OrgDb as _, OrgTx, job, notify, wallet};

use super::auto_mail::{self as mails, News};
use crate::{App, Caller, Error, Result, billing};

/// Does what an agreement needs next at the gateway; jobs of an agreement run one at a time.
pub(super) fn agreement_job(id: AutoTopUpId) -> NewJob {
    NewJob::new("payment.agreement", json!({ "auto_top_up_id": id }))
        .keyed(id)
        .once(format!("agreement:{id}"))
}

/// Sets when money is asked for by itself, and how much. Where nothing is agreed, a job asks the payer.
pub async fn set_auto_top_up(app: &App, caller: &Caller, terms: AutoTerms) -> Result<()> {
    caller.require(Permission::WalletTopUp)?;
    check(app, terms)?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    wallet::lock(&mut tx).await?;
    let buyer = profile::buyer(&mut tx).await?;
    if billing::tax::quote(app.settings(), &mut tx, &buyer).await?.is_none() {
        return Err(billing::tax::profile_needed());
    }
    let (id, action) = match rows::lock_live(&mut tx).await? {
        Some(live) => {
            rows::set_terms(&mut tx, live.id, terms).await?;
            if live.state == AutoTopUpState::On {
                rows::ask(&mut tx, &[caller.organization_id()]).await?;
            }
            (live.id, Action::AutoTopUpChanged)
        }
        None => {
            let id = AutoTopUpId::new();
            rows::insert(&mut tx, id, terms).await?;
            job::enqueue(&mut tx, agreement_job(id)).await?;
            (id, Action::AutoTopUpRequested)
        }
    };
    notify::publish(&mut tx, Topic::Wallet, caller.organization_id()).await?;
    Ok(tx.commit(caller.did(action).on(TargetKind::AutoTopUp, id).with(detail(terms))).await?)
}

fn detail(terms: AutoTerms) -> Value {
    json!({
        "threshold_hours": terms.threshold.hours(),
        "threshold": terms.threshold.amount().map(|amount| amount.to_string()),
        "amount": terms.amount.to_string(),
        "ceiling": terms.ceiling.to_string(),
    })
}

fn check(app: &App, terms: AutoTerms) -> Result<()> {
    let settings = app.settings();
    let (min, max) = (settings.top_up_min, settings.top_up_max);
    let between = |from: Money, to: Money| {
        format!("Choose an amount between {} and {} {}.", from.display(2), to.display(2), settings.currency)
    };
    match terms.threshold {
        Threshold::Hours(1..=THRESHOLD_HOURS_MAX) => {}
        Threshold::Hours(_) => {
            let message = format!("Choose between 1 and {THRESHOLD_HOURS_MAX} hours.");
            return Err(Error::invalid("threshold_hours", message));
        }
        Threshold::Amount(amount) if amount.is_positive() && amount <= max => {}
        Threshold::Amount(_) => {
            return Err(Error::invalid("threshold_amount", between(Money::from_micros(10_000), max)));
        }
    }
    if terms.amount < min || terms.amount > max {
        return Err(Error::invalid("amount", between(min, max)));
    }
    if terms.ceiling < terms.amount {
        return Err(Error::invalid("monthly_ceiling", "Choose at least what is added each time."));
    }
    for (field, amount) in [
        ("threshold_amount", terms.threshold.amount().unwrap_or_default()),
        ("amount", terms.amount),
        ("monthly_ceiling", terms.ceiling),
    ] {
        if amount.micros() % 10_000 != 0 {
            return Err(Error::invalid(field, "Use at most two digits after the point."));
        }
    }
    Ok(())
}

/// The payer came back: asks for the answer. Safe to call any number of times; what it is, is for the gateway to say.
pub async fn ask_for_answer(app: &App, caller: &Caller) -> Result<()> {
    caller.require(Permission::WalletTopUp)?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    wallet::lock(&mut tx).await?;
    let waiting = rows::lock_live(&mut tx).await?.filter(|a| a.state == AutoTopUpState::AwaitingApproval);
    let Some(waiting) = waiting else { return Ok(()) };
    match job::enqueue(&mut tx, agreement_job(waiting.id)).await? {
        None => Ok(tx.commit(Exempt::NothingChanged).await?),
        Some(_) => {
            let entry = caller.did(Action::AutoTopUpAnswerRequested).on(TargetKind::AutoTopUp, waiting.id);
            Ok(tx.commit(entry).await?)
        }
    }
}

/// Turns automatic top-ups off, whether they are on or only asked for. A payment that is under way goes on.
pub async fn turn_off_auto_top_up(app: &App, caller: &Caller) -> Result<()> {
    caller.require(Permission::WalletTopUp)?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    wallet::lock(&mut tx).await?;
    let Some(live) = rows::lock_live(&mut tx).await? else { return Ok(()) };
    rows::set_off(&mut tx, live.id, OffReason::Customer).await?;
    job::enqueue(&mut tx, agreement_job(live.id)).await?;
    notify::publish(&mut tx, Topic::Wallet, caller.organization_id()).await?;
    let entry = caller.did(Action::AutoTopUpOff).on(TargetKind::AutoTopUp, live.id);
    Ok(tx.commit(entry.with(json!({ "reason": OffReason::Customer }))).await?)
}

/// An entry in the panel's own name about an agreement.
pub(super) fn entry(tx: &OrgTx, action: Action, id: AutoTopUpId) -> Activity {
    let scope = tx.scope();
    Activity::of(scope.organization_id(), scope.actor(), action).on(TargetKind::AutoTopUp, id)
}

/// The panel turns an agreement off, and tells those who may pay. The wallet is locked.
pub(super) async fn end(
    app: &App,
    tx: &mut OrgTx,
    agreement: &AutoTopUp,
    reason: OffReason,
) -> Result<Vec<Activity>> {
    if agreement.state == AutoTopUpState::Off {
        return Ok(Vec::new());
    }
    rows::set_off(tx, agreement.id, reason).await?;
    if reason == OffReason::Revoked {
        rows::forget_token(tx, agreement.id).await?;
    } else {
        job::enqueue(tx, agreement_job(agreement.id)).await?;
    }
    mails::tell(app, tx, News::Off(reason)).await?;
    let organization = tx.organization_id();
    notify::publish(tx, Topic::Wallet, organization).await?;
    Ok(vec![entry(tx, Action::AutoTopUpOff, agreement.id).with(json!({ "reason": reason }))])
}

/// A payment that was asked for by itself came to nothing: after the first one the last one is tried a day later, and
/// after that it is over; at once when the payer took the agreement back. The wallet is locked.
pub(super) async fn came_to_nothing(
    app: &App,
    tx: &mut OrgTx,
    id: AutoTopUpId,
    revoked: bool,
) -> Result<Vec<Activity>> {
    let agreement = rows::lock(tx, id).await?.filter(|a| a.state == AutoTopUpState::On);
    let Some(agreement) = agreement else { return Ok(Vec::new()) };
    if revoked {
        return end(app, tx, &agreement, OffReason::Revoked).await;
    }
    if agreement.retry_at.is_some() {
        return end(app, tx, &agreement, OffReason::Declined).await;
    }
    let retry_at = wallet::lock(tx).await?.now() + RETRY;
    rows::set_retry(tx, id, Some(retry_at)).await?;
    mails::tell(app, tx, News::Declined(retry_at)).await?;
    let organization = tx.organization_id();
    notify::publish(tx, Topic::Wallet, organization).await?;
    Ok(vec![entry(tx, Action::AutoTopUpDeclined, id).with(json!({ "retry_at": retry_at }))])
}

/// A payment that was asked for by itself arrived. The wallet is locked.
pub(super) async fn arrived(tx: &mut OrgTx, id: AutoTopUpId) -> Result<()> {
    Ok(rows::set_retry(tx, id, None).await?)
}
