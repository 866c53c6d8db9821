//! Carrying out a power action: remember the newest operation, ask, follow what is newer.

use std::time::Duration;

use domain::activity::Action;
use domain::notify::Topic;
use domain::provider::{
    CloudProvider, OperationMarker, OperationState, PowerAction, ServerRef, ServerState, StopStyle,
    UpstreamError,
};
use domain::vps::{ActionKind, ActionState, Power, VpsState};
use domain::{ProviderId, VpsActionId, VpsId};
use serde_json::json;
use store::job::{Job, Next, queue};
use store::vps::{Instance, OpenAction};
use store::{Exempt, OrgTx, notify, vps};

use super::create_job::seen;
use crate::activity;
use crate::worker::{Context, Fail, payload_id};

/// An action that did not come to an end in this time is given up; the reconciler goes on watching.
const DEADLINE_SECONDS: i64 = 20 * 60;

pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let vps_id: VpsId = payload_id(job, "vps_id")?;
    let action_id: VpsActionId = payload_id(job, "action_id")?;
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let vps = vps::lock(&mut tx, vps_id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
    let action =
        vps::action(&mut tx, action_id).await?.ok_or_else(|| Fail::give_up("the action does not exist"))?;
    let (Some(provider), Some(server)) = (vps.provider_id, vps.provider_server_id.clone()) else {
        return Err(Fail::give_up("the VPS has no server"));
    };
    if !is_open(action.state) || vps.state != VpsState::Active {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    }
    drop(tx);
    let cloud = ctx.connect(provider).await?;
    let step = Step { ctx, job, vps, action, provider, server: ServerRef(server), cloud: &*cloud };
    match step.run().await {
        // The action ends with its job, or the VPS would be busy for ever.
        Err(fail) if fail.buries(job) => {
            tracing::warn!(vps = %vps_id, ?fail, "a power action is given up");
            step.end(ActionState::Failed, Some("The server could not carry it out.")).await
        }
        other => other,
    }
}

fn is_open(state: ActionState) -> bool {
    matches!(state, ActionState::Queued | ActionState::Running)
}

/// The operator discarded the job of an action: it ends, so that the VPS is free for the next one. What
/// the server does meanwhile is for the reconciler to see.
pub(crate) async fn discard(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let vps_id: VpsId = payload_id(job, "vps_id")?;
    let vps = vps::lock(&mut tx, vps_id).await?.ok_or_else(|| Fail::give_up("the VPS does not exist"))?;
    let failure = Some("The server could not carry it out.");
    end(tx, job, &vps, payload_id(job, "action_id")?, ActionState::Failed, failure).await
}

/// Ends the action with its job, unless something stronger has ended it meanwhile: then there is nothing to tell.
async fn end(
    mut tx: OrgTx,
    job: &Job,
    vps: &Instance,
    action: VpsActionId,
    state: ActionState,
    failure: Option<&str>,
) -> Result<(), Fail> {
    let Some(action) = vps::action(&mut tx, action).await?.filter(|action| is_open(action.state)) else {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    };
    vps::finish_action(&mut tx, vps.id, action.kind, state, failure).await?;
    notify::publish(&mut tx, Topic::Vps, vps.id).await?;
    let what = if state == ActionState::Done { Action::VpsPowerChanged } else { Action::VpsActionFailed };
    let mut entry = activity::vps(vps.organization_id, job.actor, what, vps.id, &vps.name);
    entry.detail = json!({ "name": vps.name, "action": action.kind.as_str(), "reason": failure });
    Ok(tx.finish(job, Next::Done, entry).await?)
}

struct Step<'a> {
    ctx: &'a Context,
    job: &'a Job,
    vps: Instance,
    action: OpenAction,
    provider: ProviderId,
    server: ServerRef,
    cloud: &'a dyn CloudProvider,
}

impl Step<'_> {
    async fn run(&self) -> Result<(), Fail> {
        if self.action.age_seconds > DEADLINE_SECONDS {
            return self.end(ActionState::Failed, Some("It did not finish in time.")).await;
        }
        let Some(marker) = self.action.marker.clone() else { return self.prepare().await };
        let marker = OperationMarker(marker);
        let operation = self.cloud.operation_since(&self.server, self.asked_for(), &marker).await;
        match operation.map_err(|e| self.upstream(e))? {
            Some(OperationState::Done) => self.done().await,
            Some(OperationState::Pending) => self.wait("the provider is at it").await,
            Some(OperationState::Failed) if self.may_cut() => {
                let mut tx = self.ctx.store().org_tx(&self.ctx.scope(self.job)?).await?;
                vps::cut(&mut tx, self.action.id).await?;
                Ok(tx.finish(self.job, self.ctx.soon(), Exempt::JobBookkeeping).await?)
            }
            Some(OperationState::Failed) => {
                self.end(ActionState::Failed, Some("The server did not carry it out.")).await
            }
            None => self.ask().await,
        }
    }

    fn asked_for(&self) -> PowerAction {
        match self.action.kind {
            ActionKind::Reboot => PowerAction::Reboot,
            ActionKind::Stop | ActionKind::Suspend if self.action.cut => PowerAction::Cut,
            ActionKind::Stop | ActionKind::Suspend => PowerAction::Stop,
            _ => PowerAction::Start,
        }
    }

    fn target(&self) -> Option<Power> {
        match self.action.kind {
            ActionKind::Stop | ActionKind::Suspend => Some(Power::Stopped),
            ActionKind::Start | ActionKind::Resume => Some(Power::Running),
            _ => None,
        }
    }

    /// Nothing was asked yet. A server that is already as wanted needs nothing.
    async fn prepare(&self) -> Result<(), Fail> {
        let server = self.cloud.get(&self.server).await.map_err(|e| self.upstream(e))?;
        if let (Some(target), ServerState::Up(power)) = (self.target(), server.state)
            && power == target
        {
            return self.done().await;
        }
        let marker = self.cloud.latest_operation(&self.server).await.map_err(|e| self.upstream(e))?;
        let mut tx = self.ctx.store().org_tx(&self.ctx.scope(self.job)?).await?;
        vps::prepare(&mut tx, self.action.id, &marker.0).await?;
        Ok(tx.finish(self.job, Next::Again(Duration::ZERO), Exempt::JobBookkeeping).await?)
    }

    /// No newer operation is known: ask, unless an answer was lost just now. That it is asked is
    /// written down before, so that a crash does not ask twice.
    async fn ask(&self) -> Result<(), Fail> {
        let patience = self.ctx.settings().lost_answer_wait.as_secs();
        if self.action.asked_at.is_some() {
            // A server that was as wanted before it was asked shows no operation.
            let server = self.cloud.get(&self.server).await.map_err(|e| self.upstream(e))?;
            if self.target().is_some_and(|target| server.state == ServerState::Up(target)) {
                return self.done().await;
            }
            if self.action.asked_seconds < i64::try_from(patience).unwrap_or(i64::MAX) {
                return self.wait("waiting for the operation to turn up").await;
            }
        }
        self.note_asked(true).await?;
        if !queue::still_ours(self.ctx.store(), self.job, self.ctx.call_limit()).await? {
            return Err(Fail::Store(store::Error::LeaseLost));
        }
        match self.cloud.power(&self.server, self.asked_for()).await {
            Ok(()) | Err(UpstreamError::OutcomeUnknown { .. }) => self.wait("asked just now").await,
            Err(error) => {
                self.note_asked(false).await?;
                Err(self.upstream(error))
            }
        }
    }

    async fn note_asked(&self, asked: bool) -> Result<(), Fail> {
        let mut tx = self.ctx.store().org_tx(&self.ctx.scope(self.job)?).await?;
        vps::asked(&mut tx, self.action.id, asked).await?;
        Ok(tx.checkpoint(self.job, Exempt::JobBookkeeping).await?)
    }

    /// Was the guest asked to stop, and may its power be cut should it not?
    fn may_cut(&self) -> bool {
        self.asked_for() == PowerAction::Stop
            && matches!(self.cloud.capabilities().stop, StopStyle::AskThenCut(_))
    }

    /// The operation is over. What counts is what the server does now.
    async fn done(&self) -> Result<(), Fail> {
        let server = self.cloud.get(&self.server).await.map_err(|e| self.upstream(e))?;
        let ServerState::Up(power) = server.state else { return self.wait("the server is in between").await };
        let mut tx = self.ctx.store().org_tx(&self.ctx.scope(self.job)?).await?;
        vps::set_seen(&mut tx, self.vps.id, &seen(&server)).await?;
        let reached = self.target().is_none_or(|target| target == power) && power != Power::Rebooting;
        if reached {
            tx.checkpoint(self.job, Exempt::JobBookkeeping).await?;
            return self.end(ActionState::Done, None).await;
        }
        // The guest took note of a stop and stayed on: after a while the power is cut.
        if let (PowerAction::Stop, StopStyle::AskThenCut(after)) =
            (self.asked_for(), self.cloud.capabilities().stop)
            && self.action.asked_seconds >= i64::try_from(after.as_secs()).unwrap_or(i64::MAX)
        {
            vps::cut(&mut tx, self.action.id).await?;
        }
        Ok(tx.finish(self.job, self.ctx.soon(), Exempt::JobBookkeeping).await?)
    }

    async fn wait(&self, why: &str) -> Result<(), Fail> {
        self.ctx.look_again(self.job, why).await
    }

    fn upstream(&self, error: UpstreamError) -> Fail {
        self.ctx.upstream(self.provider, error)
    }

    async fn end(&self, state: ActionState, failure: Option<&str>) -> Result<(), Fail> {
        let tx = self.ctx.store().org_tx(&self.ctx.scope(self.job)?).await?;
        end(tx, self.job, &self.vps, self.action.id, state, failure).await
    }
}
