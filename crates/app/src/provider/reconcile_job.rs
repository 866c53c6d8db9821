//! The inventory of an account compared with ours.
//!
//! Takes no input and trusts no hint: it lists everything, finds what differs, and leaves each
//! difference to a job of the VPS concerned. An empty list, or many servers gone at once, is taken
//! for a fault of the provider's answer: nothing changes, and the operator is told.

use std::collections::{HashMap, HashSet};

use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::notify::Topic;
use domain::provider::{Server, ServerState};
use domain::vps::{Power, VpsState};
use domain::{OrganizationId, ProviderId, VpsId};
use serde_json::json;
use store::job::{Job, NewJob, Next};
use store::provider::{Orphan, replace_orphans, set_error, set_reconciled};
use store::vps::Expected;
use store::{Exempt, Note, SystemPurpose, job as jobs, notify, vps};

use super::account_job;
use crate::worker::{Context, Fail, payload_id};

/// Asks for a comparison of every account.
pub(crate) async fn all(ctx: &Context, job: &Job) -> Result<(), Fail> {
    fan_out(ctx, job, "provider.reconcile").await
}

/// Enqueues a job of this kind for every account.
pub(crate) async fn fan_out(ctx: &Context, job: &Job, kind: &'static str) -> Result<(), Fail> {
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    for account in store::provider::all(&mut tx).await? {
        jobs::enqueue_for(&mut tx, None, Actor::System, account_job(kind, account.id)).await?;
    }
    Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?)
}

pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: ProviderId = payload_id(job, "provider_id")?;
    let cloud = ctx.connect(id).await?;
    // Ours is read first: what is made in between looks like a stranger for one pass, never lost.
    let expected = vps::expected_at(&mut ctx.store().system_read(SystemPurpose::Job).await?, id).await?;
    let inventory = Inventory::of(cloud.list().await.map_err(|e| ctx.upstream(id, e))?);
    if let Some(alarm) = inventory.implausible(&expected) {
        return alarm_operator(ctx, job, id, &alarm).await;
    }
    let strangers = inventory.strangers(&expected);
    let known = {
        let ids: Vec<VpsId> = strangers.iter().filter_map(|s| s.tag.as_ref()).map(|t| t.vps_id()).collect();
        vps::states_of(&mut ctx.store().system_read(SystemPurpose::Job).await?, &ids).await?
    };
    let ours: HashMap<VpsId, OrganizationId> = known.iter().map(|(id, org, _)| (*id, *org)).collect();
    let orphans: Vec<Orphan> = strangers
        .iter()
        .filter(|s| s.tag.as_ref().is_none_or(|t| !ours.contains_key(&t.vps_id())))
        .map(|s| orphan(s))
        .collect();
    let mut differing = inventory.differing(&expected);
    differing.extend(ours.iter().map(|(vps, org)| (*org, *vps)));

    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    for (organization, vps) in &differing {
        let work = NewJob::new("vps.reconcile", json!({ "vps_id": vps, "provider_id": id }))
            .keyed(vps)
            .once(format!("vps.reconcile:{vps}:{id}"));
        jobs::enqueue_for(&mut tx, Some(*organization), Actor::System, work).await?;
    }
    let new_orphans = replace_orphans(&mut tx, id, &orphans).await?;
    set_reconciled(&mut tx, id, inventory.servers.len(), differing.len()).await?;
    let note: Note = if new_orphans > 0 {
        notify::publish_system(&mut tx, None, Topic::Provider, &[id.0]).await?;
        let entry = Activity::platform(Actor::System, Action::OrphansFound).on(TargetKind::Provider, id);
        entry.with(json!({ "new": new_orphans })).into()
    } else {
        Exempt::JobBookkeeping.into()
    };
    Ok(tx.finish(job, Next::Done, note).await?)
}

async fn alarm_operator(ctx: &Context, job: &Job, id: ProviderId, alarm: &str) -> Result<(), Fail> {
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    set_error(&mut tx, id, Some(alarm)).await?;
    notify::publish_system(&mut tx, None, Topic::Provider, &[id.0]).await?;
    let entry = Activity::platform(Actor::System, Action::Reconciled).on(TargetKind::Provider, id);
    Ok(tx.finish(job, Next::Done, entry.with(json!({ "alarm": alarm }))).await?)
}

fn orphan(server: &Server) -> Orphan {
    Orphan {
        server_ref: server.id.0.clone(),
        label: server.label.clone(),
        size: server.size.clone(),
        region: server.region.clone(),
        tagged: server.tag.is_some(),
    }
}

/// What the provider listed, without what is on its way out.
struct Inventory {
    servers: Vec<Server>,
}

impl Inventory {
    fn of(mut servers: Vec<Server>) -> Self {
        servers.retain(|s| s.state != ServerState::Gone);
        Self { servers }
    }

    fn by_vps(&self) -> HashMap<VpsId, Vec<&Server>> {
        let mut map: HashMap<VpsId, Vec<&Server>> = HashMap::new();
        for server in &self.servers {
            if let Some(tag) = &server.tag {
                map.entry(tag.vps_id()).or_default().push(server);
            }
        }
        map
    }

    /// Why this list is not to be believed, if so.
    fn implausible(&self, expected: &[Expected]) -> Option<String> {
        let here = self.by_vps();
        let active = expected.iter().filter(|e| e.state == VpsState::Active);
        let (mut total, mut gone) = (0_usize, 0_usize);
        for vps in active {
            total += 1;
            gone += usize::from(!here.contains_key(&vps.id));
        }
        if total > 0 && self.servers.is_empty() {
            return Some(format!(
                "The provider lists no server at all; {total} were expected. Nothing was changed."
            ));
        }
        (gone > 2 && gone * 4 > total)
            .then(|| format!("{gone} of {total} servers are missing at once. Nothing was changed."))
    }

    /// Servers that belong to none of the expected VPSs.
    fn strangers(&self, expected: &[Expected]) -> Vec<&Server> {
        let ids: HashSet<VpsId> = expected.iter().map(|e| e.id).collect();
        self.servers.iter().filter(|s| s.tag.as_ref().is_none_or(|t| !ids.contains(&t.vps_id()))).collect()
    }

    /// VPSs for which the inventory shows something else than we know.
    fn differing(&self, expected: &[Expected]) -> Vec<(OrganizationId, VpsId)> {
        let here = self.by_vps();
        let differs = |vps: &&Expected| match (vps.state, here.get(&vps.id).map(Vec::as_slice)) {
            (VpsState::Active, _) if vps.busy => false,
            (VpsState::Active, Some([server])) => differs(vps, server),
            (VpsState::Active, _) => true,
            // Its own job is at work.
            (VpsState::Creating | VpsState::Deleting, _) => false,
            (VpsState::Deleted | VpsState::Failed, servers) => servers.is_some(),
            (VpsState::Lost, _) => false,
        };
        expected.iter().filter(differs).map(|e| (e.organization_id, e.id)).collect()
    }
}

fn differs(vps: &Expected, server: &Server) -> bool {
    let power = match server.state {
        ServerState::Up(power) => power,
        ServerState::Provisioning | ServerState::Gone => Power::Unknown,
    };
    let address = |known: &Option<String>, now: Option<std::net::IpAddr>| {
        now.is_some_and(|a| Some(a.to_string()) != *known)
    };
    power != vps.power
        || vps.missing_passes > 0
        || vps.provider_server_id.as_ref() != Some(&server.id.0)
        || address(&vps.ipv4, server.ipv4)
        || address(&vps.ipv6, server.ipv6)
        || (vps.suspended_by.is_some() && !matches!(power, Power::Stopped | Power::Stopping))
}
