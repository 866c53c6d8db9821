//! Deleting a VPS: hours end when the delete is accepted, whatever the provider does.

use domain::activity::{Action, TargetKind};
use domain::billing::Subject;
use domain::identity::Permission;
use domain::notify::Topic;
use domain::vps::{ActionKind, Suspension, VpsState};
use domain::{VpsActionId, VpsId};
use serde_json::json;
use store::vps::Instance;
use store::wallet::LockedWallet;
use store::{OrgTx, billing, job, notify, vps, wallet};

use crate::billing::{ask_to_resume, resource};
use crate::{App, Caller, Error, Result};

/// Accepts the delete of a VPS in any living state. Deleting twice is one delete.
pub async fn delete(app: &App, caller: &Caller, id: VpsId) -> Result<()> {
    caller.require(Permission::VpsDelete)?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let vps = vps::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    match vps.state {
        VpsState::Deleting => return Ok(()),
        state if !state.may_become(VpsState::Deleting) => {
            return Err(Error::conflict("gone", "This VPS does not exist any more."));
        }
        _ => {}
    }
    accept(&mut tx, &mut wallet, &vps).await?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    // What is left may be affordable.
    ask_to_resume(&mut tx).await?;
    notify::publish(&mut tx, Topic::Wallet, caller.organization_id()).await?;
    let entry =
        caller.did(Action::VpsDeleteRequested).on(TargetKind::Vps, id).with(json!({ "name": vps.name }));
    Ok(tx.commit(entry).await?)
}

/// Ends the hours of a VPS that is locked and may be deleted, and has its server removed. The caller saves the wallet.
pub(crate) async fn accept(tx: &mut OrgTx, wallet: &mut LockedWallet, vps: &Instance) -> Result<()> {
    let id = vps.id;
    // Neither a lost nor an unpaid VPS draws on the wallet.
    if vps.state != VpsState::Lost && vps.suspended_by != Some(Suspension::Unpaid) {
        wallet.burn = wallet.burn.minus(vps.sell_hour)?;
    }
    billing::end_meters(tx, &[Subject::Vps(id)], wallet.now()).await?;
    resource::end_with_vps(tx, wallet, id).await?;
    vps::cancel_open_actions(tx, id).await?;
    vps::insert_action(tx, VpsActionId::new(), id, ActionKind::Delete).await?;
    vps::set_state(tx, id, VpsState::Deleting).await?;
    job::enqueue(tx, super::job("vps.delete", id)).await?;
    Ok(notify::publish(tx, Topic::Vps, id).await?)
}
