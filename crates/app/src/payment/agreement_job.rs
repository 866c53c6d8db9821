//! The gateway's side of an agreement about automatic top-ups: ask the payer, keep the leave to charge, see whether it
//! still holds, give it back.

use chrono::TimeDelta;
use domain::activity::Action;
use domain::notify::Topic;
use domain::payment::{Agreed, AutoTopUpState, NewAgreement, OffReason};
use domain::provider::UpstreamError;
use domain::{AutoTopUpId, OrganizationId};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use store::job::{Job, Next, queue};
use store::payment::auto::{self as rows, AutoTopUp, Digest};
use store::{Exempt, OrgDb as _, notify, wallet};

use super::auto::{self, end, entry};
use super::auto_mail::{self as mails, News};
use crate::vault::Place;
use crate::worker::{Context, Fail, payload_id};

/// So long the gateway lets the payer answer.
const EXPIRY: TimeDelta = TimeDelta::days(3);

/// By what a leave to charge is found without being kept in the clear.
pub(super) fn digest(token: &str) -> Digest {
    Sha256::digest(token.as_bytes()).into()
}

/// Does what the agreement needs next. It may run twice, and be killed anywhere: what it asks has the agreement as its
/// key at the gateway.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: AutoTopUpId = payload_id(job, "auto_top_up_id")?;
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let now = wallet::lock(&mut tx).await?.now();
    let agreement = rows::lock(&mut tx, id).await?;
    let agreement = agreement.ok_or_else(|| Fail::give_up("the agreement does not exist"))?;
    let is_charging = rows::is_charging(&mut tx, id).await?;
    // Whatever comes of it, the sweep leaves it alone for a while.
    rows::set_looked(&mut tx, id).await?;
    tx.checkpoint(job, Exempt::JobBookkeeping).await?;
    match (agreement.state, &agreement.token_sealed) {
        (AutoTopUpState::Preparing, _) => prepare(ctx, job, &agreement).await,
        (AutoTopUpState::AwaitingApproval, _) => {
            hear(ctx, job, &agreement, now - agreement.created_at > EXPIRY).await
        }
        (AutoTopUpState::On, Some(sealed)) => look(ctx, job, &agreement, &open(ctx, id, sealed)?).await,
        // Whether money was taken can be asked for with the leave alone.
        (AutoTopUpState::Off, Some(_)) if is_charging => ctx.look_again(job, "a payment is under way").await,
        (AutoTopUpState::Off, Some(sealed)) => forget(ctx, job, &agreement, &open(ctx, id, sealed)?).await,
        (AutoTopUpState::On | AutoTopUpState::Off, None) => Ok(queue::done(ctx.store(), job).await?),
    }
}

/// The leave to charge.
pub(super) fn open(ctx: &Context, id: AutoTopUpId, sealed: &str) -> Result<SecretString, Fail> {
    let opened = ctx.app().vault.open(Place::charge_token(id), sealed);
    opened.map_err(|e| Fail::give_up(e.to_string()))
}

/// Asks the payer.
async fn prepare(ctx: &Context, job: &Job, agreement: &AutoTopUp) -> Result<(), Fail> {
    let settings = ctx.settings();
    let page = |end: &str| settings.public_url.join(&format!("wallet/auto-top-up/{end}"));
    let new = NewAgreement {
        request_id: format!("agreement:{}:ask", agreement.id),
        brand: settings.company_name.clone(),
        description: format!("Automatic top-ups of your wallet at {}", settings.company_name),
        return_url: page("return").map_err(|e| Fail::give_up(e.to_string()))?,
        cancel_url: page("cancel").map_err(|e| Fail::give_up(e.to_string()))?,
    };
    match ctx.gateway().ask_to_agree(&new).await {
        Ok(asked) => {
            let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
            rows::set_asked(&mut tx, agreement.id, &asked.id, asked.approve_url.as_str()).await?;
            publish(&mut tx).await?;
            let entry = entry(&tx, Action::AutoTopUpOrdered, agreement.id);
            Ok(tx.finish(job, Next::Done, entry).await?)
        }
        Err(UpstreamError::OutcomeUnknown { detail }) => ctx.look_again(job, &detail).await,
        Err(error) => {
            let fail = Fail::gateway(error);
            if !fail.buries(job) {
                return Err(fail);
            }
            tracing::error!(agreement = %agreement.id, ?fail, "a payer could not be asked to agree");
            over(ctx, job, agreement.id, OffReason::NotStarted).await
        }
    }
}

async fn publish(tx: &mut store::OrgTx) -> Result<(), Fail> {
    let organization: OrganizationId = tx.organization_id();
    Ok(notify::publish(tx, Topic::Wallet, organization).await?)
}

/// Hears what the payer answered.
async fn hear(ctx: &Context, job: &Job, agreement: &AutoTopUp, is_late: bool) -> Result<(), Fail> {
    let setup = agreement.setup_ref.as_deref().unwrap_or_default();
    let answer = ctx.gateway().agreed(setup, &format!("agreement:{}:leave", agreement.id)).await;
    match answer {
        Ok(Agreed::Token(token)) => keep(ctx, job, agreement.id, &token).await,
        Ok(Agreed::Over) => over(ctx, job, agreement.id, OffReason::NotApproved).await,
        Ok(Agreed::NotYet) => unanswered(ctx, job, agreement.id, is_late).await,
        Err(UpstreamError::Rejected { detail, .. }) => {
            tracing::warn!(agreement = %agreement.id, %detail, "whether a payer agreed could not be heard");
            unanswered(ctx, job, agreement.id, is_late).await
        }
        Err(UpstreamError::OutcomeUnknown { detail }) => ctx.look_again(job, &detail).await,
        Err(error) => Err(Fail::gateway(error)),
    }
}

async fn unanswered(ctx: &Context, job: &Job, id: AutoTopUpId, is_late: bool) -> Result<(), Fail> {
    if is_late {
        return over(ctx, job, id, OffReason::NotApproved).await;
    }
    Ok(queue::done(ctx.store(), job).await?)
}

/// The payer agreed: the leave is kept, and what is due is asked for. One that was turned off meanwhile is given back.
async fn keep(ctx: &Context, job: &Job, id: AutoTopUpId, token: &SecretString) -> Result<(), Fail> {
    let sealed = ctx.app().vault.seal(Place::charge_token(id), token);
    let sealed = sealed.map_err(|e| Fail::give_up(e.to_string()))?;
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    wallet::lock(&mut tx).await?;
    rows::keep_token(&mut tx, id, &sealed, &digest(token.expose_secret())).await?;
    let is_on = rows::lock(&mut tx, id).await?.is_some_and(|a| a.state == AutoTopUpState::On);
    if !is_on {
        return Ok(tx.finish(job, Next::Again(std::time::Duration::ZERO), Exempt::JobBookkeeping).await?);
    }
    if let Some(terms) = rows::terms(&mut tx, id).await? {
        mails::tell(ctx.app(), &mut tx, News::On(terms)).await?;
    }
    let organization = tx.organization_id();
    rows::ask(&mut tx, &[organization]).await?;
    publish(&mut tx).await?;
    let entry = entry(&tx, Action::AutoTopUpOn, id);
    Ok(tx.finish(job, Next::Done, entry).await?)
}

/// Sees whether the leave still holds.
async fn look(ctx: &Context, job: &Job, agreement: &AutoTopUp, token: &SecretString) -> Result<(), Fail> {
    if ctx.gateway().holds(token).await.map_err(Fail::gateway)? {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    over(ctx, job, agreement.id, OffReason::Revoked).await
}

/// Gives the leave back, and forgets it.
async fn forget(ctx: &Context, job: &Job, agreement: &AutoTopUp, token: &SecretString) -> Result<(), Fail> {
    match ctx.gateway().give_back(token).await {
        Ok(()) => {}
        Err(UpstreamError::OutcomeUnknown { detail }) => return ctx.look_again(job, &detail).await,
        Err(error) => return Err(Fail::gateway(error)),
    }
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    rows::forget_token(&mut tx, agreement.id).await?;
    let entry = entry(&tx, Action::AutoTopUpForgotten, agreement.id);
    Ok(tx.finish(job, Next::Done, entry).await?)
}

/// The agreement is over, and people are told so.
async fn over(ctx: &Context, job: &Job, id: AutoTopUpId, reason: OffReason) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    wallet::lock(&mut tx).await?;
    let Some(agreement) = rows::lock(&mut tx, id).await? else {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    };
    let entries = end(ctx.app(), &mut tx, &agreement, reason).await?;
    Ok(tx.finish(job, Next::Done, entries).await?)
}

/// The operator discarded the job.
pub(crate) async fn discard(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: AutoTopUpId = payload_id(job, "auto_top_up_id")?;
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    wallet::lock(&mut tx).await?;
    let agreement = rows::lock(&mut tx, id).await?;
    let waiting = agreement.filter(|a| a.state == AutoTopUpState::Preparing);
    let Some(waiting) = waiting else {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    };
    let entries = auto::end(ctx.app(), &mut tx, &waiting, OffReason::NotStarted).await?;
    Ok(tx.finish(job, Next::Done, entries).await?)
}
