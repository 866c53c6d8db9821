//! Checks whose token it is.

use domain::ProviderId;
use domain::activity::{Action, Activity, TargetKind};
use domain::notify::Topic;
use domain::provider::{Health, UpstreamError};
use serde_json::json;
use store::job::{Job, Next};
use store::provider as rows;
use store::provider::Account;
use store::{SystemPurpose, SystemTx, job as jobs, notify};

use super::account_job;
use crate::worker::{Context, Fail, payload_id};

const REFUSED: &str = "The provider does not accept the token.";
const ANOTHER: &str = "The token belongs to another account at the provider.";

/// A new token is checked before the present one is given up.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: ProviderId = payload_id(job, "provider_id")?;
    let account = ctx.account(id).await?;
    let token = account.token_next_sealed.as_ref().unwrap_or(&account.token_sealed);
    let answer = ctx.client_with(&account, token)?.validate().await;
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    let entry = |action| Activity::platform(job.actor, action).on(TargetKind::Provider, id);
    let note = match answer {
        Ok(found) if account.upstream_account.as_ref().is_some_and(|known| *known != found.id) => {
            refuse(&mut tx, &account, ANOTHER).await?;
            entry(Action::ProviderUnauthorized)
                .with(json!({ "name": account.name, "reason": "another account" }))
        }
        Ok(found) => {
            settle(&mut tx, &account, true).await?;
            rows::set_upstream(&mut tx, id, &found.id, &found.label).await?;
            rows::set_health(&mut tx, id, Health::Ok).await?;
            jobs::enqueue_for(&mut tx, None, job.actor, account_job("catalog.sync", id)).await?;
            entry(Action::ProviderValidated).with(json!({ "name": account.name, "account": found.label }))
        }
        Err(UpstreamError::Unauthorized) => {
            refuse(&mut tx, &account, REFUSED).await?;
            entry(Action::ProviderUnauthorized).with(json!({ "name": account.name, "reason": "refused" }))
        }
        Err(error) => return Err(ctx.upstream(id, error)),
    };
    notify::publish_system(&mut tx, None, Topic::Provider, &[id.0]).await?;
    Ok(tx.finish(job, Next::Done, note).await?)
}

/// The checked token is not used. Without another one to go on with, the account pauses.
async fn refuse(tx: &mut SystemTx, account: &Account, why: &str) -> Result<(), Fail> {
    settle(tx, account, false).await?;
    if account.token_next_sealed.is_none() {
        rows::set_health(tx, account.id, Health::Unauthorized).await?;
    }
    rows::set_error(tx, account.id, Some(why)).await?;
    Ok(())
}

async fn settle(tx: &mut SystemTx, account: &Account, in_order: bool) -> Result<(), Fail> {
    if let Some(next) = &account.token_next_sealed {
        rows::settle_next_token(tx, account.id, next, in_order).await?;
    }
    Ok(())
}
