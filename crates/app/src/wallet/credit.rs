//! Giving a credit.

use chrono::TimeDelta;
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::wallet::attribution::{CREDIT, EXPIRES_AT};
use domain::wallet::{Account, TransactionKind};
use domain::{CreditId, Money, OrganizationId};
use serde_json::{Value, json};
use store::wallet::LockedWallet;
use store::wallet::credit::{self as rows, NewCredit, Source};
use store::{OrgTx, wallet};

use super::receive::{Income, receive};
use super::{enter, person};
use crate::identity::{idempotency, short_text};
use crate::{App, Done, Error, IdempotencyKey, Operator, Result};

/// Longest time until a credit ends.
pub const EXPIRES_DAYS_MAX: i32 = 3650;

/// A credit to give.
pub(super) struct Gift<'a> {
    pub(super) id: CreditId,
    pub(super) source: Source<'a>,
    pub(super) amount: Money,
    /// What is left of it ends after so many days.
    pub(super) days: Option<i32>,
    pub(super) given_by: Actor,
}

/// Writes a credit down and takes its money into the wallet. Answers facts for the audit trail.
pub(super) async fn give(tx: &mut OrgTx, wallet: &mut LockedWallet, gift: Gift<'_>) -> Result<Value> {
    let Gift { id, source, amount, days, given_by } = gift;
    let created_at = wallet.now();
    let expires_at = days.map(|days| created_at + TimeDelta::days(i64::from(days)));
    rows::insert(tx, &NewCredit { id, source, amount, expires_at, given_by, created_at }).await?;
    let income = Income {
        kind: TransactionKind::Credit,
        key: format!("credit:{id}"),
        actor: given_by,
        reference: json!({ CREDIT: id, EXPIRES_AT: expires_at }),
        amount,
        from: Account::CreditsGiven,
    };
    let to_debt = receive(tx, wallet, income).await?;
    Ok(json!({ "amount": amount.to_string(), "to_debt": to_debt.to_string(), "expires_at": expires_at }))
}

/// Refuses what is no amount to give: nothing, less than nothing, parts of the smallest coin.
pub(super) fn positive(amount: Money) -> Result<Money> {
    match amount.is_positive() && amount.micros() % 10_000 == 0 {
        true => Ok(amount),
        false => {
            Err(Error::invalid("amount", "Use an amount above 0, with at most two digits after the point."))
        }
    }
}

/// Refuses a time that no credit lasts.
pub(super) fn days(days: Option<i32>) -> Result<Option<i32>> {
    match days {
        Some(days) if !(1..=EXPIRES_DAYS_MAX).contains(&days) => {
            Err(Error::invalid("days", format!("Choose 1 to {EXPIRES_DAYS_MAX} days, or leave it empty.")))
        }
        days => Ok(days),
    }
}

/// A goodwill credit to give.
#[derive(Debug)]
pub struct NewGoodwill<'a> {
    /// How much.
    pub amount: Money,
    /// What for; the organization's people can read it.
    pub reason: &'a str,
    /// What is left of it ends after so many days.
    pub days: Option<i32>,
}

/// Gives an organization a credit. One operator alone gives at most what one operator alone may correct.
pub async fn grant(
    app: &App,
    operator: &Operator,
    organization: OrganizationId,
    new: NewGoodwill<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Done<CreditId>> {
    person(operator)?;
    let (amount, days, reason) = (positive(new.amount)?, days(new.days)?, short_text("reason", new.reason)?);
    let limit = app.settings().adjustment_limit;
    if amount > limit {
        return Err(Error::invalid(
            "amount",
            format!("One operator alone gives at most {}. Ask for an adjustment.", limit.display(2)),
        ));
    }
    let id = CreditId::new();
    let mut tx = app.store.org_tx(&enter(app, operator, organization).await?).await?;
    if let Some(before) = idempotency::begin(&mut tx, key, &id).await? {
        return Ok(before);
    }
    let mut wallet = wallet::lock(&mut tx).await?;
    let source = Source::Goodwill { reason: &reason };
    let gift = Gift { id, source, amount, days, given_by: operator.actor() };
    let mut detail = give(&mut tx, &mut wallet, gift).await?;
    detail["reason"] = reason.into();
    let entry = Activity { organization_id: Some(organization), ..operator.did(Action::CreditGranted) };
    tx.commit(entry.on(TargetKind::Credit, id).with(detail)).await?;
    Ok(Done::Now(id))
}
