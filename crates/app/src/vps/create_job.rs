//! Making a server: *find by tag, else create*.
//!
//! Each run looks at the row, does one thing and writes down what it did, so that it can be killed
//! anywhere and run again. Before create is asked of the provider the row says so; after a lost
//! answer the server is looked for during the lost-answer time before create is asked again. Should
//! a twin turn up all the same, the oldest stays and the others are destroyed before hours begin.

use std::time::Duration;

use domain::activity::Action;
use domain::billing::{HeldFor, Subject};
use domain::notify::Topic;
use domain::provider::{CloudProvider, Rejection, Server, ServerSpec, ServerState, ServerTag, UpstreamError};
use domain::vps::{ActionKind, ActionState, Power, VpsState};
use domain::{ProviderId, VpsId};
use serde_json::json;
use store::catalog::Offer;
use store::job::{Job, Next, queue};
use store::vps::{Instance, Seen};
use store::{Exempt, OrgTx, SystemPurpose, billing, catalog, notify, vps, wallet};

use crate::activity;
use crate::billing::order;
use crate::worker::{Context, Fail, payload_id};

/// The public words for an order nobody could deliver.
const NO_ROOM: &str = "There is no capacity for this plan in this region at the moment. Nothing was charged.";
const NOT_POSSIBLE: &str = "The VPS could not be created. Nothing was charged; please contact support.";

pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: VpsId = payload_id(job, "vps_id")?;
    let Some(order) = Order::load(ctx, job, id).await? else { return Ok(()) };
    match order.step(ctx, job).await {
        // Should there be a server all the same, the reconciler destroys it.
        Err(fail) if fail.buries(job) => {
            tracing::error!(vps = %id, ?fail, "an order is given up");
            order.fail(ctx, job, NOT_POSSIBLE).await
        }
        other => other,
    }
}

/// The operator discarded the job of an order: every server it may have made goes, then the money goes
/// back. Never given up, or both would stay as they are.
pub(crate) async fn discard(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: VpsId = payload_id(job, "vps_id")?;
    let Some(order) = Order::load(ctx, job, id).await? else { return Ok(()) };
    match order.undo(ctx, job).await {
        Err(fail) if fail.buries(job) => {
            tracing::error!(vps = %id, ?fail, "a discarded order cannot be undone; it will be tried again");
            Ok(queue::again(ctx.store(), job, TRY_ON, "the server cannot be removed").await?)
        }
        other => other,
    }
}

/// Servers that are not on their way out, oldest first.
pub(crate) fn living(servers: Vec<Server>) -> Vec<Server> {
    servers.into_iter().filter(|s| s.state != ServerState::Gone).collect()
}

/// What was seen of a server, as stored.
pub(crate) fn seen(server: &Server) -> Seen {
    Seen {
        server: server.id.0.clone(),
        power: match server.state {
            ServerState::Up(power) => power,
            ServerState::Provisioning | ServerState::Gone => Power::Unknown,
        },
        ipv4: server.ipv4.map(|a| a.to_string()),
        ipv6: server.ipv6.map(|a| a.to_string()),
    }
}

/// How long undoing an order waits when nothing else helps.
const TRY_ON: Duration = Duration::from_secs(300);

struct Order {
    vps: Instance,
    offer: Option<Offer>,
    /// Since create was asked for, by the database's clock.
    since_sent: Option<Duration>,
    /// Since the order.
    age: Duration,
}

impl Order {
    /// The order as it stands, or `None` when it is over and the job was closed.
    async fn load(ctx: &Context, job: &Job, id: VpsId) -> Result<Option<Self>, Fail> {
        let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
        let vps = vps::lock(&mut tx, id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
        if vps.state != VpsState::Creating {
            tx.finish(job, Next::Done, Exempt::NothingChanged).await?;
            return Ok(None);
        }
        drop(tx);
        let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
        let offers =
            catalog::offers(&mut db, vps.plan_id, vps.region_id, vps.image_id, vps.provider_id).await?;
        // Who holds a connection while waiting for another one can wait for ever.
        drop(db);
        let offer = match vps.provider_id {
            Some(placed) => offers.into_iter().find(|o| o.provider_id == placed),
            None => offers.into_iter().find(|o| !vps.providers_tried.contains(&o.provider_id.0)),
        };
        let now = billing::now(ctx.store()).await?;
        let since = |at: chrono::DateTime<chrono::Utc>| (now - at).to_std().unwrap_or(Duration::ZERO);
        let since_sent = vps.create_sent_at.map(since);
        let age = since(vps.created_at);
        Ok(Some(Self { vps, offer, since_sent, age }))
    }

    async fn step(&self, ctx: &Context, job: &Job) -> Result<(), Fail> {
        let Some(offer) = &self.offer else { return self.fail(ctx, job, NO_ROOM).await };
        let at = offer.provider_id;
        if self.vps.provider_id.is_none() {
            let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
            vps::place(&mut tx, self.vps.id, at).await?;
            return Ok(tx.finish(job, Next::Again(Duration::ZERO), Exempt::JobBookkeeping).await?);
        }
        let cloud = ctx.connect(at).await?;
        let tag = ServerTag::of(self.vps.id);
        let servers = living(cloud.find_by_tag(&tag).await.map_err(|e| ctx.upstream(at, e))?);
        match servers.split_first() {
            Some((server, twins)) => {
                for twin in twins {
                    cloud.delete(&twin.id).await.map_err(|e| ctx.upstream(at, e))?;
                }
                self.found(ctx, job, &*cloud, at, server, twins).await
            }
            None => self.not_found(ctx, job, &*cloud, offer).await,
        }
    }

    /// Removes what the present account has made, and fails the order when nothing can turn up any more.
    async fn undo(&self, ctx: &Context, job: &Job) -> Result<(), Fail> {
        let Some(at) = self.vps.provider_id else { return self.fail(ctx, job, NOT_POSSIBLE).await };
        let cloud = ctx.connect(at).await?;
        let tag = ServerTag::of(self.vps.id);
        let servers = living(cloud.find_by_tag(&tag).await.map_err(|e| ctx.upstream(at, e))?);
        for server in &servers {
            cloud.delete(&server.id).await.map_err(|e| ctx.upstream(at, e))?;
        }
        if !servers.is_empty() {
            return ctx.look_again(job, "waiting for the server to go").await;
        }
        if self.since_sent.is_some_and(|since| since < ctx.settings().lost_answer_wait) {
            return ctx.look_again(job, "a server may still turn up").await;
        }
        self.fail(ctx, job, NOT_POSSIBLE).await
    }

    /// A server is there and its twins are gone: hours begin when it is up.
    async fn found(
        &self,
        ctx: &Context,
        job: &Job,
        cloud: &dyn CloudProvider,
        at: ProviderId,
        server: &Server,
        twins: &[Server],
    ) -> Result<(), Fail> {
        let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
        let entries = twins_destroyed(&self.vps, twins);
        if vps::set_seen(&mut tx, self.vps.id, &seen(server)).await? {
            notify::publish(&mut tx, Topic::Vps, self.vps.id).await?;
        }
        if server.state == ServerState::Up(Power::Running) {
            tx.checkpoint(job, entries).await?;
            return self.activate(ctx, job).await;
        }
        if self.age > ctx.settings().create_deadline {
            tx.checkpoint(job, entries).await?;
            cloud.delete(&server.id).await.map_err(|e| ctx.upstream(at, e))?;
            return self.fail(ctx, job, NOT_POSSIBLE).await;
        }
        let next = ctx.soon();
        if entries.is_empty() {
            return Ok(tx.finish(job, next, Exempt::JobBookkeeping).await?);
        }
        Ok(tx.finish(job, next, entries).await?)
    }

    /// No server is there: ask for one, unless one may still turn up.
    async fn not_found(
        &self,
        ctx: &Context,
        job: &Job,
        cloud: &dyn CloudProvider,
        offer: &Offer,
    ) -> Result<(), Fail> {
        match self.since_sent {
            Some(since) if since < ctx.settings().lost_answer_wait => {
                return ctx.look_again(job, "waiting for the server to turn up").await;
            }
            // It was accepted, seen, and is gone again: this account cannot make it.
            Some(_) if self.vps.provider_server_id.is_some() => return self.displace(ctx, job, true).await,
            _ => {}
        }
        let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
        vps::set_create_sent(&mut tx, self.vps.id, true).await?;
        tx.checkpoint(job, Exempt::JobBookkeeping).await?;
        // The call must end before the lease does, or two workers could ask at once.
        if !queue::still_ours(ctx.store(), job, ctx.call_limit()).await? {
            return Err(Fail::Store(store::Error::LeaseLost));
        }
        match cloud.create(&self.spec(offer)).await {
            Ok(server) => {
                let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
                vps::set_seen(&mut tx, self.vps.id, &seen(&server)).await?;
                notify::publish(&mut tx, Topic::Vps, self.vps.id).await?;
                Ok(tx.finish(job, ctx.soon(), Exempt::JobBookkeeping).await?)
            }
            Err(UpstreamError::OutcomeUnknown { detail }) => ctx.look_again(job, &detail).await,
            Err(UpstreamError::Rejected { reason, detail }) if reason != Rejection::Busy => {
                tracing::warn!(vps = %self.vps.id, %detail, "the provider refused to create a server");
                ctx.note_refusal(offer.provider_id, reason, &detail).await?;
                self.displace(ctx, job, false).await
            }
            Err(error) => {
                let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
                vps::set_create_sent(&mut tx, self.vps.id, false).await?;
                tx.checkpoint(job, Exempt::JobBookkeeping).await?;
                Err(ctx.upstream(offer.provider_id, error))
            }
        }
    }

    fn spec(&self, offer: &Offer) -> ServerSpec {
        let mut ssh_keys = self.vps.ssh_keys.clone();
        ssh_keys.push(self.vps.console_public_key.clone());
        ServerSpec {
            tag: ServerTag::of(self.vps.id),
            hostname: self.vps.name.clone(),
            region: offer.region_ref.clone(),
            size: offer.size_ref.clone(),
            image: offer.image_ref.clone(),
            ssh_keys,
            user_data: self.vps.user_data.clone(),
        }
    }

    /// The account refused: another one is tried next.
    async fn displace(&self, ctx: &Context, job: &Job, vanished: bool) -> Result<(), Fail> {
        let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
        if vanished {
            vps::forget_server(&mut tx, self.vps.id).await?;
        }
        vps::displace(&mut tx, self.vps.id).await?;
        Ok(tx.finish(job, Next::Again(Duration::ZERO), Exempt::JobBookkeeping).await?)
    }

    /// Confirmed: captures the first hour, starts the meter.
    async fn activate(&self, ctx: &Context, job: &Job) -> Result<(), Fail> {
        let price = {
            let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
            catalog::price(&mut db, self.vps.price_version_id, 1).await?
        };
        let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
        let mut wallet = wallet::lock(&mut tx).await?;
        let Some(vps) = still_creating(&mut tx, self.vps.id).await? else {
            return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
        };
        vps::set_active(&mut tx, vps.id, wallet.now()).await?;
        let (subject, sold_at) = ((Subject::Vps(vps.id), 1), (vps.price_version_id, &price));
        let charged = order::begin(&mut tx, &mut wallet, subject, sold_at, vps.created_by.0).await?;
        vps::finish_action(&mut tx, vps.id, ActionKind::Create, ActionState::Done, None).await?;
        notify::publish(&mut tx, Topic::Vps, vps.id).await?;
        notify::publish(&mut tx, Topic::Wallet, vps.organization_id).await?;
        let mut entry =
            activity::vps(vps.organization_id, vps.created_by.0, Action::VpsCreated, vps.id, &vps.name);
        entry.detail = json!({ "name": vps.name, "charged": charged.to_string() });
        Ok(tx.finish(job, Next::Done, entry).await?)
    }

    /// Nobody can deliver: the money goes back.
    async fn fail(&self, ctx: &Context, job: &Job, reason: &str) -> Result<(), Fail> {
        let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
        let mut wallet = wallet::lock(&mut tx).await?;
        let Some(vps) = still_creating(&mut tx, self.vps.id).await? else {
            return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
        };
        order::release(&mut tx, &mut wallet, HeldFor::Start(Subject::Vps(vps.id)), vps.created_by.0).await?;
        wallet.burn = wallet.burn.minus(vps.sell_hour)?;
        wallet::save(&mut tx, [&mut wallet]).await?;
        vps::set_failed(&mut tx, vps.id, reason).await?;
        vps::finish_action(&mut tx, vps.id, ActionKind::Create, ActionState::Failed, Some(reason)).await?;
        notify::publish(&mut tx, Topic::Vps, vps.id).await?;
        notify::publish(&mut tx, Topic::Wallet, vps.organization_id).await?;
        let mut entry =
            activity::vps(vps.organization_id, vps.created_by.0, Action::VpsCreateFailed, vps.id, &vps.name);
        entry.detail = json!({ "name": vps.name, "reason": reason });
        Ok(tx.finish(job, Next::Done, entry).await?)
    }
}

async fn still_creating(tx: &mut OrgTx, id: VpsId) -> Result<Option<Instance>, Fail> {
    Ok(vps::lock(tx, id).await?.filter(|vps| vps.state == VpsState::Creating))
}

/// Audit entries for duplicate servers that were destroyed.
pub(crate) fn twins_destroyed(vps: &Instance, twins: &[Server]) -> Vec<domain::activity::Activity> {
    let entry = |_: &Server| {
        let actor = domain::identity::Actor::System;
        activity::vps(vps.organization_id, actor, Action::VpsTwinDestroyed, vps.id, &vps.name)
    };
    twins.iter().map(entry).collect()
}
