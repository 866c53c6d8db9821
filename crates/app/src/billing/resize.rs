//! The money of a resize (docs/adr/0020-resizes.md): steps of a use case or job, each inside its transaction, with the wallet
//! locked. An hour costs the dearest price in force in it, so a resize up costs at once what the running hour lacks, and a
//! resize down counts from the next hour on.

use domain::billing::{HeldFor, Subject};
use domain::catalog::Product;
use domain::vps::VpsState;
use domain::{HoldId, Money, PriceVersionId, ResizeId};
use store::billing::resize::{self, Open, Present, Raise, Running};
use store::wallet::LockedWallet;
use store::{OrgTx, wallet};

use super::{ask_to_resume, order};
use crate::{App, Caller, Error, Result};

/// Orders a resize to the price the customer saw: of a VPS to that price's plan, of a volume to so many GiB at it. What
/// becomes dearer needs the difference of an hour, which is held, and the reserve hours of everything that then runs. The
/// caller saves the wallet, has a job resize it at the provider, and says in the audit trail who asked for it.
pub async fn order(
    app: &App,
    caller: &Caller,
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    of: Subject,
    to: (PriceVersionId, i64),
) -> Result<ResizeId> {
    let present = resize::present(tx, of).await?.ok_or(Error::NotFound)?;
    allow(&present, to)?;
    let offer = resize::offer(tx, to.0, to.1).await?.ok_or(Error::StalePrice)?;
    if (offer.kind, offer.region_id) != (present.kind, present.region_id) {
        return Err(Error::invalid("plan", "Choose a size of the same kind in the same region."));
    }
    let id = ResizeId::new();
    let order = HeldFor::Resize(id, of);
    let difference = offer.sell_hour.minus(present.sell_hour)?.max(Money::ZERO);
    if difference.is_positive() {
        let reserve_hours = app.settings().reserve_hours;
        order::reserve(wallet, order, (difference, difference), reserve_hours, caller.scope.actor())?;
    }
    resize::insert(tx, id, of, to).await?;
    if difference.is_positive() {
        wallet::insert_hold(tx, HoldId::new(), order, difference).await?;
    }
    Ok(id)
}

/// May it be resized at all, and is anything to change?
fn allow(present: &Present, to: (PriceVersionId, i64)) -> Result<()> {
    let fits = match present.kind {
        Product::Vps => to.1 == 1,
        kind => kind == Product::Volume && to.1 >= 1,
    };
    if !fits {
        return Err(Error::invalid("quantity", "Only a VPS and a volume can be resized."));
    }
    if present.state != VpsState::Active {
        return Err(Error::conflict("not_active", "Only what is there can be resized."));
    }
    if present.unpaid {
        return Err(Error::conflict("suspended", "It is suspended for an empty wallet. Add money first."));
    }
    if present.resizing {
        return Err(Error::conflict("resizing", "It is being resized already."));
    }
    if present.backed_up {
        return Err(Error::conflict("backups", "Switch its backups off first: they are priced by the plan."));
    }
    if (present.price_version_id, present.quantity) == to {
        return Err(Error::invalid("plan", "Choose another size than it has."));
    }
    Ok(())
}

/// What became of a resize that a provider has carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It counts, and the running hour was raised by so much.
    Done(Money),
    /// An hour that began before now is not charged yet, and costs the price of before: the billing run comes first.
    Behind,
    /// Nobody waits for it any more.
    Over,
}

/// The provider has resized it: from the next hour on it costs the new price, and the running hour what it lacks to that,
/// taken from what is held; the rest goes back. Saves the wallet.
pub async fn confirm(tx: &mut OrgTx, wallet: &mut LockedWallet, id: ResizeId) -> Result<Confirmed> {
    let Some(open) = resize::lock_open(tx, id).await? else { return Ok(Confirmed::Over) };
    let running = resize::running(tx, open.subject).await?;
    let running = running.ok_or_else(|| Error::internal("a resize of what has no hours"))?;
    if running.meter.is_due(wallet.now()) {
        return Ok(Confirmed::Behind);
    }
    let present = resize::present(tx, open.subject).await?.ok_or(Error::NotFound)?;
    let meter = running.meter.moved(present.sell_month);
    // What counts at cost costs what it costs us.
    let difference = if present.unpaid { Money::ZERO } else { open.difference };
    let (amount, _) = meter.raise(running.charged, difference, open.sold)?;
    let raise = settle(tx, wallet, &open, amount).await?;
    let drawn = if present.unpaid { Money::ZERO } else { open.sold.hour.minus(present.sell_hour)? };
    wallet.burn = wallet.burn.plus(drawn)?.minus(open.difference)?;
    // The movement comes before what it paid.
    wallet::save(tx, [&mut *wallet]).await?;
    resize::apply(tx, &open, &Running { meter, ..running }, raise).await?;
    resize::end(tx, id, true).await?;
    // At a lower price, or with what was held, the wallet may cover what is suspended.
    ask_to_resume(tx).await?;
    Ok(Confirmed::Done(amount))
}

/// Takes what the running hour is raised by from what is held.
async fn settle(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    open: &Open,
    amount: Money,
) -> Result<Option<Raise>> {
    if !amount.is_positive() {
        order::release(tx, wallet, open.order(), open.created_by).await?;
        return Ok(None);
    }
    let transaction_id = order::take(tx, wallet, open.order(), amount, open.created_by).await?;
    Ok(Some(Raise { amount, transaction_id }))
}

/// The provider cannot: what is held goes back. Answers whether it was waited for. The caller saves the wallet.
pub async fn fail(tx: &mut OrgTx, wallet: &mut LockedWallet, id: ResizeId) -> Result<bool> {
    let Some(open) = resize::lock_open(tx, id).await? else { return Ok(false) };
    end(tx, wallet, &open).await?;
    Ok(true)
}

/// These end, and what is under way of them with them. The caller saves the wallet.
pub(super) async fn give_up(tx: &mut OrgTx, wallet: &mut LockedWallet, of: &[Subject]) -> Result<()> {
    for open in resize::lock_open_of(tx, of).await? {
        end(tx, wallet, &open).await?;
    }
    Ok(())
}

async fn end(tx: &mut OrgTx, wallet: &mut LockedWallet, open: &Open) -> Result<()> {
    wallet.burn = wallet.burn.minus(open.difference)?;
    order::release(tx, wallet, open.order(), open.created_by).await?;
    Ok(resize::end(tx, open.id, false).await?)
}
