//! One VPS compared with what is at the provider. Takes no hints: it looks for itself.

use domain::activity::{Action, Activity};
use domain::billing::Subject;
use domain::identity::Actor;
use domain::notify::Topic;
use domain::provider::{CloudProvider, Server, ServerRef, ServerTag, UpstreamError};
use domain::vps::{ActionKind, Power, Suspension, VpsState};
use domain::{ProviderId, VpsActionId, VpsId};
use serde_json::json;
use store::job::{Job, Next};
use store::vps::Instance;
use store::{Exempt, OrgTx, billing, job, notify, vps, wallet};

use super::action_job;
use super::create_job::{living, seen, twins_destroyed};
use crate::activity;
use crate::billing::{ask_to_resume, resource};
use crate::worker::{Context, Fail, payload_id};

/// A server must be missing in so many passes before it counts as lost.
const PASSES: i16 = 2;

pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: VpsId = payload_id(job, "vps_id")?;
    // Where the server was seen: an order may since be placed elsewhere.
    let at: ProviderId = payload_id(job, "provider_id")?;
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let vps = vps::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
    drop(tx);
    let cloud = ctx.connect(at).await?;
    match vps.state {
        VpsState::Active if vps.provider_id == Some(at) => active(ctx, job, &*cloud, at, vps).await,
        // Its own job makes or removes it.
        VpsState::Creating | VpsState::Deleting if vps.provider_id == Some(at) => Ok(done(ctx, job).await?),
        VpsState::Lost if vps.provider_id == Some(at) => Ok(done(ctx, job).await?),
        // Nothing of it may be here any more.
        _ => {
            let found = cloud.find_by_tag(&ServerTag::of(id)).await.map_err(|e| ctx.upstream(at, e))?;
            destroy(ctx, job, &*cloud, at, &vps, &living(found)).await
        }
    }
}

/// A suspension was decided: opens the action that switches the server off.
pub(crate) async fn suspend(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: VpsId = payload_id(job, "vps_id")?;
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let vps = vps::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
    if vps.state == VpsState::Active {
        keep_suspended_off(&mut tx, &vps, vps.power).await?;
    }
    Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?)
}

async fn done(ctx: &Context, job: &Job) -> Result<(), store::Error> {
    store::job::queue::done(ctx.store(), job).await
}

async fn destroy(
    ctx: &Context,
    job: &Job,
    cloud: &dyn CloudProvider,
    at: ProviderId,
    vps: &Instance,
    servers: &[Server],
) -> Result<(), Fail> {
    for server in servers {
        cloud.delete(&server.id).await.map_err(|e| ctx.upstream(at, e))?;
    }
    let tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    Ok(tx.finish(job, Next::Done, twins_destroyed(vps, servers)).await?)
}

async fn active(
    ctx: &Context,
    job: &Job,
    cloud: &dyn CloudProvider,
    at: ProviderId,
    vps: Instance,
) -> Result<(), Fail> {
    let found = cloud.find_by_tag(&ServerTag::of(vps.id)).await.map_err(|e| ctx.upstream(at, e))?;
    let servers = living(found);
    let known = servers.iter().position(|s| Some(&s.id.0) == vps.provider_server_id.as_ref());
    let Some(position) = known.or((!servers.is_empty()).then_some(0)) else {
        return missing(ctx, job, cloud, at, vps).await;
    };
    let (mut twins, server) = (servers.clone(), &servers[position]);
    twins.remove(position);
    for twin in &twins {
        cloud.delete(&twin.id).await.map_err(|e| ctx.upstream(at, e))?;
    }
    let mut entries = twins_destroyed(&vps, &twins);
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let now = seen(server);
    if vps::set_seen(&mut tx, vps.id, &now).await? {
        let entry =
            activity::vps(vps.organization_id, Actor::System, Action::VpsReconciled, vps.id, &vps.name);
        entries.push(entry.with(json!({ "name": vps.name, "power": now.power.as_str() })));
        notify::publish(&mut tx, Topic::Vps, vps.id).await?;
    }
    keep_suspended_off(&mut tx, &vps, now.power).await?;
    Ok(tx.finish(job, Next::Done, entries).await?)
}

/// A suspended VPS that is not off is switched off, whatever else was going on.
async fn keep_suspended_off(tx: &mut OrgTx, vps: &Instance, power: Power) -> Result<(), Fail> {
    let open = vps::open_action(tx, vps.id).await?;
    let off = matches!(power, Power::Stopped | Power::Stopping);
    if vps.suspended_by.is_none() || off || open == Some(ActionKind::Suspend) {
        return Ok(());
    }
    let action = VpsActionId::new();
    vps::cancel_open_actions(tx, vps.id).await?;
    vps::insert_action(tx, action, vps.id, ActionKind::Suspend).await?;
    job::enqueue(tx, action_job(vps.id, action)).await?;
    Ok(())
}

/// Not in the inventory: asked for by id, too, before it is counted.
async fn missing(
    ctx: &Context,
    job: &Job,
    cloud: &dyn CloudProvider,
    at: ProviderId,
    vps: Instance,
) -> Result<(), Fail> {
    if let Some(server) = &vps.provider_server_id {
        match cloud.get(&ServerRef(server.clone())).await {
            Err(UpstreamError::NotFound) => {}
            Ok(server) if server.state == domain::provider::ServerState::Gone => {}
            // It is there without our tag: the operator has to look.
            Ok(_) => return Err(Fail::give_up("the server has lost its tag at the provider")),
            Err(error) => return Err(ctx.upstream(at, error)),
        }
    }
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    if vps::count_missing(&mut tx, vps.id).await? < PASSES {
        return Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?);
    }
    drop(tx);
    lose(ctx, job, vps.id).await
}

/// The server is gone: hours end.
async fn lose(ctx: &Context, job: &Job, id: VpsId) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let vps = vps::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
    if !vps.state.may_become(VpsState::Lost) {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    }
    if vps.suspended_by != Some(Suspension::Unpaid) {
        wallet.burn = wallet.burn.minus(vps.sell_hour)?;
    }
    billing::end_meters(&mut tx, &[Subject::Vps(id)], wallet.now()).await?;
    resource::end_with_vps(&mut tx, &mut wallet, id).await?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    vps::cancel_open_actions(&mut tx, id).await?;
    vps::set_state(&mut tx, id, VpsState::Lost).await?;
    ask_to_resume(&mut tx).await?;
    notify::publish(&mut tx, Topic::Vps, id).await?;
    notify::publish(&mut tx, Topic::Wallet, vps.organization_id).await?;
    let entry: Activity = activity::vps(vps.organization_id, Actor::System, Action::VpsLost, id, &vps.name);
    Ok(tx.finish(job, Next::Done, entry).await?)
}
