//! Removing a server, and every twin of it.

use std::time::Duration;

use domain::activity::Action;
use domain::billing::{HeldFor, Subject};
use domain::notify::Topic;
use domain::provider::ServerTag;
use domain::vps::{ActionKind, ActionState, VpsState};
use domain::{ProviderId, VpsId};
use store::job::{Job, Next, queue};
use store::vps::Instance;
use store::{Exempt, billing, notify, vps, wallet};

use super::create_job::{living, seen};
use crate::activity;
use crate::billing::order;
use crate::worker::{Context, Fail, payload_id};

/// A delete is never given up, or somebody would pay for the server for ever: when nothing else
/// helps, it is tried again after this time.
const TRY_ON: Duration = Duration::from_secs(300);

pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: VpsId = payload_id(job, "vps_id")?;
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let vps = vps::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
    if vps.state != VpsState::Deleting {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    }
    drop(tx);
    let Some(provider) = vps.provider_id else { return conclude(ctx, job, id).await };
    match remove(ctx, job, &vps, provider).await {
        Err(fail) if fail.buries(job) => {
            tracing::error!(vps = %id, ?fail, "a server cannot be removed; it will be tried again");
            Ok(queue::again(ctx.store(), job, TRY_ON, "the server cannot be removed").await?)
        }
        other => other,
    }
}

/// Asks for the end of every server of the VPS, until none is left.
async fn remove(ctx: &Context, job: &Job, vps: &Instance, provider: ProviderId) -> Result<(), Fail> {
    let id = vps.id;
    let cloud = ctx.connect(provider).await?;
    let found = cloud.find_by_tag(&ServerTag::of(id)).await.map_err(|e| ctx.upstream(provider, e))?;
    let servers = living(found);
    if let Some(first) = servers.first() {
        if vps.provider_server_id.is_none() {
            // It existed: the first hour is owed. Written down before the proof is destroyed.
            let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
            vps::set_seen(&mut tx, id, &seen(first)).await?;
            tx.checkpoint(job, Exempt::JobBookkeeping).await?;
        }
        for server in &servers {
            cloud.delete(&server.id).await.map_err(|e| ctx.upstream(provider, e))?;
        }
        return ctx.look_again(job, "waiting for the server to go").await;
    }
    if may_still_turn_up(ctx, vps).await? {
        return ctx.look_again(job, "a server may still turn up").await;
    }
    conclude(ctx, job, id).await
}

/// Was create asked for so recently, without a server seen, that one may still appear?
async fn may_still_turn_up(ctx: &Context, vps: &Instance) -> Result<bool, Fail> {
    let (Some(sent), None) = (vps.create_sent_at, &vps.provider_server_id) else { return Ok(false) };
    let since = billing::now(ctx.store()).await? - sent;
    Ok(since.to_std().unwrap_or(Duration::ZERO) < ctx.settings().lost_answer_wait)
}

/// Gone: the hold of an order that never became active is settled, and the VPS is deleted.
async fn conclude(ctx: &Context, job: &Job, id: VpsId) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let vps = vps::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
    let subject = Subject::Vps(id);
    if vps.provider_server_id.is_some() {
        order::capture(&mut tx, &mut wallet, subject, vps.created_by.0).await?;
    } else {
        order::release(&mut tx, &mut wallet, HeldFor::Start(subject), vps.created_by.0).await?;
    }
    wallet::save(&mut tx, [&mut wallet]).await?;
    vps::set_state(&mut tx, id, VpsState::Deleted).await?;
    vps::finish_action(&mut tx, id, ActionKind::Delete, ActionState::Done, None).await?;
    notify::publish(&mut tx, Topic::Vps, id).await?;
    notify::publish(&mut tx, Topic::Wallet, vps.organization_id).await?;
    let entry = activity::vps(vps.organization_id, job.actor, Action::VpsDeleted, id, &vps.name);
    Ok(tx.finish(job, Next::Done, entry).await?)
}
