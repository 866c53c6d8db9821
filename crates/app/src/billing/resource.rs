//! The life of a resource (backups, a snapshot, a volume, an address) as far as money goes: steps of a use case or job,
//! each inside its transaction, with the wallet locked. Holds, hours, caps and suspension are those of a VPS.

use domain::billing::{HeldFor, Subject};
use domain::catalog::Price;
use domain::vps::VpsState;
use domain::{HoldId, Money, ResourceId, VpsId};
use store::billing::resource::{self, NewResource, Resource};
use store::wallet::LockedWallet;
use store::{OrgTx, SystemPurpose, billing, catalog, vps, wallet};

use super::ask_to_resume;
use super::order::{self, Asked};
use super::resize;
use crate::{App, Caller, Error, Result};

/// Orders a resource at the price the customer saw: needs what an order of a VPS needs. Answers what is held. The caller
/// saves the wallet, has a job make the resource, and says in the audit trail who asked for it.
pub async fn order(
    app: &App,
    caller: &Caller,
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    new: NewResource<'_>,
) -> Result<Money> {
    if new.quantity < 1 || (new.quantity > 1 && !new.kind.is_by_quantity()) {
        return Err(Error::invalid("quantity", "Choose 1, or more GiB of what is sold by the GiB."));
    }
    if let Some(id) = new.vps_id {
        // Its end is the resource's, too: under the lock of the wallet it cannot come in between.
        let vps = vps::lock(tx, id).await?.filter(|vps| vps.state == VpsState::Active);
        let vps = vps.ok_or_else(|| Error::invalid("vps", "Choose a VPS that is there."))?;
        if vps.region_id != new.region_id {
            return Err(Error::invalid("region", "Choose the region of the VPS."));
        }
    }
    let quote = resource::quote(tx, new.kind, new.region_id, new.vps_id, new.quantity).await?;
    let quote = quote.ok_or_else(|| Error::invalid("region", "This is not sold in this region."))?;
    if quote.price_version_id != new.price_version_id {
        return Err(Error::StalePrice);
    }
    let asked = Asked { hour: quote.sell_hour, month: quote.sell_month, minimum: quote.sell_minimum };
    let (subject, reserve_hours) = (Subject::Resource(new.id), app.settings().reserve_hours);
    let held = order::hold(wallet, subject, asked, reserve_hours, caller.scope.actor())?;
    resource::insert(tx, new).await?;
    wallet::insert_hold(tx, HoldId::new(), HeldFor::Start(subject), held).await?;
    Ok(held)
}

/// What a resource costs, with our cost: to be asked before [`confirm`], which may not.
pub async fn price(app: &App, id: ResourceId) -> Result<Price> {
    let mut db = app.store.system_read(SystemPurpose::Job).await?;
    let sold = resource::sold_at(&mut db, id).await?.ok_or(Error::NotFound)?;
    Ok(catalog::price(&mut db, sold.price_version_id, sold.quantity).await?)
}

/// The provider has it: hours begin, and the first is taken from the hold. Answers what was charged; `None` when it is no
/// longer waited for. Saves the wallet.
pub async fn confirm(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    id: ResourceId,
    price: &Price,
) -> Result<Option<Money>> {
    let Some(found) = resource::lock(tx, id).await?.filter(|r| r.state == VpsState::Creating) else {
        return Ok(None);
    };
    resource::set_state(tx, &[id], VpsState::Active, wallet.now()).await?;
    let subject = (Subject::Resource(id), found.quantity);
    let sold_at = (found.price_version_id, price);
    Ok(Some(order::begin(tx, wallet, subject, sold_at, found.created_by.0).await?))
}

/// Nobody can make it: the money goes back. Answers whether it was still waited for. The caller saves the wallet.
pub async fn fail(tx: &mut OrgTx, wallet: &mut LockedWallet, id: ResourceId) -> Result<bool> {
    let Some(found) = resource::lock(tx, id).await?.filter(|r| r.state == VpsState::Creating) else {
        return Ok(false);
    };
    wallet.burn = wallet.burn.minus(found.sell_hour)?;
    order::release(tx, wallet, HeldFor::Start(Subject::Resource(id)), found.created_by.0).await?;
    resource::set_state(tx, &[id], VpsState::Failed, wallet.now()).await?;
    Ok(true)
}

/// Its delete is accepted: hours end. Deleting twice is one delete. Answers whether it lived. The caller saves the wallet
/// and has a job remove it at the provider, which ends in [`conclude`].
pub async fn end(tx: &mut OrgTx, wallet: &mut LockedWallet, id: ResourceId) -> Result<bool> {
    let found = resource::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if !found.state.may_become(VpsState::Deleting) {
        return Ok(false);
    }
    end_all(tx, wallet, &[found]).await?;
    // What is left may be affordable.
    ask_to_resume(tx).await?;
    Ok(true)
}

/// A VPS ends, and with it its resize, if one is under way, and the hours of what belongs to it. The caller saves the
/// wallet.
pub(crate) async fn end_with_vps(tx: &mut OrgTx, wallet: &mut LockedWallet, vps: VpsId) -> Result<()> {
    resize::give_up(tx, wallet, &[Subject::Vps(vps)]).await?;
    let theirs = resource::lock_of_vps(tx, vps).await?;
    end_all(tx, wallet, &theirs).await
}

async fn end_all(tx: &mut OrgTx, wallet: &mut LockedWallet, all: &[Resource]) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    for one in all.iter().filter(|one| !one.unpaid) {
        wallet.burn = wallet.burn.minus(one.sell_hour)?;
    }
    let ids: Vec<ResourceId> = all.iter().map(|one| one.id).collect();
    let subjects: Vec<Subject> = ids.iter().copied().map(Subject::Resource).collect();
    resize::give_up(tx, wallet, &subjects).await?;
    billing::end_meters(tx, &subjects, wallet.now()).await?;
    Ok(resource::set_state(tx, &ids, VpsState::Deleting, wallet.now()).await?)
}

/// It is gone at the provider. An order whose hours never began is charged its first hour if it `existed` there, else its
/// money goes back. Answers whether it was waited for. The caller saves the wallet.
pub async fn conclude(
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    id: ResourceId,
    existed: bool,
) -> Result<bool> {
    let Some(found) = resource::lock(tx, id).await?.filter(|r| r.state == VpsState::Deleting) else {
        return Ok(false);
    };
    let subject = Subject::Resource(id);
    if existed {
        order::capture(tx, wallet, subject, found.created_by.0).await?;
    } else {
        order::release(tx, wallet, HeldFor::Start(subject), found.created_by.0).await?;
    }
    resource::set_state(tx, &[id], VpsState::Deleted, wallet.now()).await?;
    Ok(true)
}
