//! Deleting a VPS: hours end when the delete is accepted, whatever the provider does.

use domain::activity::{Action, TargetKind};
use domain::identity::Permission;
use domain::notify::Topic;
use domain::vps::{ActionKind, Suspension, VpsState};
use domain::{VpsActionId, VpsId};
use serde_json::json;
use store::{billing, job, notify, vps, wallet};

use crate::billing::ask_to_resume;
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
    // Neither a lost nor an unpaid VPS draws on the wallet.
    if vps.state != VpsState::Lost && vps.suspended_by != Some(Suspension::Unpaid) {
        wallet.burn = wallet.burn.minus(vps.sell_hour)?;
    }
    billing::end_meter(&mut tx, id, wallet.now()).await?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    vps::cancel_open_actions(&mut tx, id).await?;
    vps::insert_action(&mut tx, VpsActionId::new(), id, ActionKind::Delete).await?;
    vps::set_state(&mut tx, id, VpsState::Deleting).await?;
    job::enqueue(&mut tx, super::job("vps.delete", id)).await?;
    // What is left may be affordable.
    ask_to_resume(&mut tx).await?;
    notify::publish(&mut tx, Topic::Vps, id).await?;
    notify::publish(&mut tx, Topic::Wallet, caller.organization_id()).await?;
    let entry =
        caller.did(Action::VpsDeleteRequested).on(TargetKind::Vps, id).with(json!({ "name": vps.name }));
    Ok(tx.commit(entry).await?)
}
