//! Corrections of a wallet by operators. Above a limit one asks and another one decides.

use chrono::TimeDelta;
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::notify::Topic;
use domain::wallet::{Account, AdjustmentState, Transaction, TransactionKind};
use domain::{AdjustmentId, Money, OrganizationId, UserId};
use serde_json::{Value, json};
use store::wallet::LockedWallet;
use store::wallet::adjustment::{self as rows, Asked};
use store::{OrgTx, SystemPurpose, SystemTx, notify, wallet};

use super::receive::{Income, receive};
use super::{enter, person};
use crate::identity::{idempotency, short_text};
use crate::{App, Done, Error, IdempotencyKey, Operator, Result};

/// So long a correction waits for somebody to decide.
pub const LAPSE: TimeDelta = TimeDelta::days(7);

/// What became of a correction.
pub type Adjusted = (AdjustmentId, AdjustmentState);

/// Corrects a wallet by an amount, up or down: at once within the limit, else a second operator is asked. Never takes
/// more than is available.
pub async fn adjust(
    app: &App,
    operator: &Operator,
    organization: OrganizationId,
    amount: Money,
    reason: &str,
    key: Option<&IdempotencyKey>,
) -> Result<Done<Adjusted>> {
    let requested_by = person(operator)?;
    if amount == Money::ZERO {
        return Err(Error::invalid("amount", "Use an amount above 0, or below it to take money."));
    }
    let reason = short_text("reason", reason)?;
    let limit = app.settings().adjustment_limit;
    let alone = amount <= limit && amount >= limit.negated()?;
    let state = if alone { AdjustmentState::Applied } else { AdjustmentState::Pending };
    let id = AdjustmentId::new();
    let mut tx = app.store.org_tx(&enter(app, operator, organization).await?).await?;
    if let Some(before) = idempotency::begin(&mut tx, key, &(id, state)).await? {
        return Ok(before);
    }
    let mut wallet = wallet::lock(&mut tx).await?;
    rows::insert(&mut tx, id, amount, &reason, state, requested_by).await?;
    let action = match state {
        AdjustmentState::Applied => {
            apply(&mut tx, &mut wallet, id, amount, operator.actor()).await?;
            Action::AdjustmentApplied
        }
        _ => Action::AdjustmentRequested,
    };
    tx.commit(entry(operator, organization, action, id, amount, &reason)).await?;
    Ok(Done::Now((id, state)))
}

/// Moves the money.
async fn apply(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    id: AdjustmentId,
    amount: Money,
    actor: Actor,
) -> Result<()> {
    let (kind, key) = (TransactionKind::Adjustment, format!("adjustment:{id}"));
    let reference = json!({ "adjustment_id": id });
    if amount.is_positive() {
        let income = Income { kind, key, actor, reference, amount, from: Account::Adjustments };
        receive(tx, wallet, income).await?;
        return Ok(());
    }
    let lines = [(Account::Wallet, amount), (Account::Adjustments, amount.negated()?)];
    let available = wallet.available();
    wallet.record(Transaction::new(kind, key, actor, reference, &lines)?).map_err(|_| {
        Error::conflict(
            "not_covered",
            format!("Only {} is available; an adjustment takes no more.", available.display(2)),
        )
    })?;
    wallet::save(tx, [&mut *wallet]).await?;
    Ok(notify::publish(tx, Topic::Wallet, wallet.organization_id()).await?)
}

fn entry(
    operator: &Operator,
    organization: OrganizationId,
    action: Action,
    id: AdjustmentId,
    amount: Money,
    reason: &str,
) -> Activity {
    let entry = Activity { organization_id: Some(organization), ..operator.did(action) };
    entry.on(TargetKind::Adjustment, id).with(json!({ "amount": amount.to_string(), "reason": reason }))
}

/// Agrees to a correction that another operator asked for: the money moves.
pub async fn approve(app: &App, operator: &Operator, id: AdjustmentId) -> Result<OrganizationId> {
    decide(app, operator, id, AdjustmentState::Approved).await
}

/// Refuses a correction that another operator asked for.
pub async fn reject(app: &App, operator: &Operator, id: AdjustmentId) -> Result<OrganizationId> {
    decide(app, operator, id, AdjustmentState::Rejected).await
}

async fn decide(
    app: &App,
    operator: &Operator,
    id: AdjustmentId,
    state: AdjustmentState,
) -> Result<OrganizationId> {
    let by = person(operator)?;
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let organization = rows::organization_of(&mut tx, id).await?.ok_or(Error::NotFound)?;
    drop(tx);
    let mut tx = app.store.org_tx(&enter(app, operator, organization).await?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let asked = rows::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    refuse(&asked, by, &wallet)?;
    rows::decide(&mut tx, id, state, by).await?;
    let action = match state {
        AdjustmentState::Approved => {
            apply(&mut tx, &mut wallet, id, asked.amount, operator.actor()).await?;
            Action::AdjustmentApplied
        }
        _ => Action::AdjustmentRejected,
    };
    tx.commit(entry(operator, organization, action, id, asked.amount, &asked.reason)).await?;
    Ok(organization)
}

fn refuse(asked: &Asked, by: UserId, wallet: &LockedWallet) -> Result<()> {
    if asked.state != AdjustmentState::Pending || asked.created_at + LAPSE <= wallet.now() {
        return Err(Error::conflict("decided", "This adjustment was decided, or waited too long."));
    }
    if asked.requested_by == by {
        return Err(Error::conflict("second_operator", "Another operator than the one who asked decides."));
    }
    Ok(())
}

/// Ends what waited too long. Answers entries for the audit trail.
pub(super) async fn lapse(tx: &mut SystemTx, now: chrono::DateTime<chrono::Utc>) -> Result<Vec<Activity>> {
    let lapsed = rows::expire(tx, now - LAPSE).await?.into_iter();
    let entries = lapsed.map(|(organization, id, amount)| {
        let detail: Value = json!({ "amount": amount.to_string() });
        let entry = Activity::of(organization, Actor::System, Action::AdjustmentExpired);
        entry.on(TargetKind::Adjustment, id).with(detail)
    });
    Ok(entries.collect())
}
