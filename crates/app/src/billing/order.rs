//! The money of an order, whatever is ordered: held with it, captured when hours begin, given back when nothing came of it.

use domain::billing::{HeldFor, Meter, Subject, Tariff};
use domain::catalog::{Price, first_span};
use domain::identity::Actor;
use domain::wallet::{Account, HoldState, Transaction, TransactionKind};
use domain::{MeterId, Money, PriceVersionId, TransactionId};
use store::billing::{NewCharge, NewMeter};
use store::wallet::LockedWallet;
use store::{OrgDb as _, OrgTx, billing, wallet};

use super::ask_to_resume;
use crate::{Error, Result};

/// What an order costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// An hour.
    pub(crate) hour: Money,
    /// A month at most.
    pub(crate) month: Money,
    /// The first hour at least.
    pub(crate) minimum: Money,
}

/// Reserves the first hour and raises the burn, if the wallet covers the hour and the reserve hours of everything that
/// then runs. Answers what is held; the caller writes the hold down ([`wallet::insert_hold`]) once what is ordered is.
pub(crate) fn hold(
    wallet: &mut LockedWallet,
    subject: Subject,
    asked: Asked,
    reserve_hours: i64,
    actor: Actor,
) -> Result<Money> {
    let first = first_span(asked.hour, asked.month, asked.minimum);
    reserve(wallet, HeldFor::Start(subject), (first, asked.hour), reserve_hours, actor)?;
    Ok(first)
}

/// Reserves an amount and raises the burn by what an hour costs from then on, if the wallet covers both for the reserve
/// hours.
pub(super) fn reserve(
    wallet: &mut LockedWallet,
    order: HeldFor,
    (amount, hour): (Money, Money),
    reserve_hours: i64,
    actor: Actor,
) -> Result<()> {
    let burn = wallet.burn.plus(hour)?;
    let needed = burn.times(reserve_hours)?.plus(amount)?.plus(wallet.receivable())?;
    let short = Error::InsufficientFunds { needed, available: wallet.available() };
    if wallet.available() < needed {
        return Err(short);
    }
    let lines = [(Account::Wallet, amount.negated()?), (Account::Held, amount)];
    wallet.record(movement(TransactionKind::Hold, order, actor, &lines)?).map_err(|_| short)?;
    wallet.burn = burn;
    Ok(())
}

/// Hours begin now: takes the first of them from the hold, gives back what is left of it, starts the meter and saves the
/// wallet. Answers what was charged. The caller has written down that what was ordered is active.
pub(crate) async fn begin(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    (subject, quantity): (Subject, i64),
    (price_version_id, price): (PriceVersionId, &Price),
    actor: Actor,
) -> Result<Money> {
    let (span, meter) = Meter::start(wallet.now()).next(price, Tariff::Sold)?;
    let transaction_id = Some(take(tx, wallet, HeldFor::Start(subject), span.amount, actor).await?);
    // The movement comes before the hour that it paid.
    wallet::save(tx, [&mut *wallet]).await?;
    let meter_id = MeterId::new();
    billing::insert_meter(
        tx,
        NewMeter { id: meter_id, subject, quantity, price_version_id, price, meter: &meter },
    )
    .await?;
    let organization_id = tx.organization_id();
    let charge = NewCharge { organization_id, meter_id, span, tariff: Tariff::Sold, transaction_id };
    billing::insert_charges(tx, &[charge]).await?;
    Ok(span.amount)
}

/// Nothing came of it: gives the open hold back, if there is one. The caller saves the wallet.
pub(crate) async fn release(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    order: HeldFor,
    actor: Actor,
) -> Result<()> {
    let Some(held) = wallet::close_hold(tx, order, HoldState::Released).await? else { return Ok(()) };
    let lines = [(Account::Held, held.negated()?), (Account::Wallet, held)];
    wallet.record(movement(TransactionKind::Release, order, actor, &lines)?).map_err(Error::internal)?;
    Ok(ask_to_resume(tx).await?)
}

/// Takes an amount from the open hold and gives back what is left of it. The caller saves the wallet.
pub(super) async fn take(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    order: HeldFor,
    amount: Money,
    actor: Actor,
) -> Result<TransactionId> {
    let held = wallet::close_hold(tx, order, HoldState::Captured).await?;
    let held = held.ok_or_else(|| Error::internal("the order has no open hold"))?;
    let lines = [
        (Account::Held, held.negated()?),
        (Account::Wallet, held.minus(amount)?),
        (Account::Revenue, amount),
    ];
    wallet.record(movement(TransactionKind::Capture, order, actor, &lines)?).map_err(Error::internal)
}

/// It ended before its hours began, and the provider had made it: the first hour is charged all the same. The caller
/// saves the wallet.
pub(crate) async fn capture(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    subject: Subject,
    actor: Actor,
) -> Result<()> {
    let order = HeldFor::Start(subject);
    let Some(held) = wallet::close_hold(tx, order, HoldState::Captured).await? else { return Ok(()) };
    let lines = [(Account::Held, held.negated()?), (Account::Revenue, held)];
    wallet.record(movement(TransactionKind::Capture, order, actor, &lines)?).map_err(Error::internal)?;
    Ok(())
}

/// An order is held, captured and released once: its id is the key.
fn movement(
    kind: TransactionKind,
    order: HeldFor,
    actor: Actor,
    lines: &[(Account, Money)],
) -> Result<Transaction> {
    let key = format!("{kind}:{}", order.id());
    Ok(Transaction::new(kind, key, actor, order.reference(), lines)?)
}
