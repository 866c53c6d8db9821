//! Start, stop and reboot.

use domain::activity::{Action, TargetKind};
use domain::identity::Permission;
use domain::notify::Topic;
use domain::vps::{ActionKind, PowerRequest, VpsState, Wanted};
use domain::{VpsActionId, VpsId};
use serde_json::json;
use store::job::NewJob;
use store::{job, notify, vps};

use crate::{App, Caller, Error, Result};

const fn parts(request: PowerRequest) -> (ActionKind, Wanted, Action) {
    match request {
        PowerRequest::Start => (ActionKind::Start, Wanted::On, Action::VpsStartRequested),
        PowerRequest::Stop => (ActionKind::Stop, Wanted::Off, Action::VpsStopRequested),
        PowerRequest::Reboot => (ActionKind::Reboot, Wanted::On, Action::VpsRebootRequested),
    }
}

/// The job that carries out an action.
pub(crate) fn action_job(vps: VpsId, action: VpsActionId) -> NewJob {
    NewJob::new("vps.power", json!({ "vps_id": vps, "action_id": action })).keyed(vps)
}

/// Accepts a power request, unless something else is going on.
pub async fn power(app: &App, caller: &Caller, id: VpsId, request: PowerRequest) -> Result<VpsActionId> {
    caller.require(Permission::VpsPower)?;
    let (kind, wanted, done) = parts(request);
    let mut tx = app.store.org_tx(&caller.scope).await?;
    let vps = vps::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    if vps.state != VpsState::Active {
        return Err(Error::conflict(
            "not_active",
            "This is possible once the VPS is running, and until it is deleted.",
        ));
    }
    super::refuse_suspended(&vps)?;
    if let Some(open) = vps::open_action(&mut tx, id).await? {
        return Err(Error::conflict(
            "busy",
            format!("Another action is under way ({open}). Try again when it is done."),
        ));
    }
    let action = VpsActionId::new();
    vps::set_wanted(&mut tx, id, wanted).await?;
    vps::insert_action(&mut tx, action, id, kind).await?;
    job::enqueue(&mut tx, action_job(id, action)).await?;
    notify::publish(&mut tx, Topic::Vps, id).await?;
    tx.commit(caller.did(done).on(TargetKind::Vps, id).with(json!({ "name": vps.name }))).await?;
    Ok(action)
}
