//! The end of the ladder: unpaid VPSs whose time is over are deleted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Money;
use domain::activity::Action;
use domain::billing::ladder::Step;
use domain::identity::Actor;
use domain::notify::Topic;
use serde_json::json;
use store::billing::ladder::{accounts, last_run};
use store::billing::resource;
use store::job::{Job, Next, queue};
use store::vps::Suspendable;
use store::{Exempt, OrgDb as _, SystemPurpose, billing, notify, vps, wallet};

use super::ladder::paused;
use super::ladder_mail::destroyed;
use super::resume_job::{ask_to_resume, missing};
use crate::activity;
use crate::vps::accept_delete;
use crate::worker::{Context, Fail};

/// VPSs in one transaction.
const AT_ONCE: usize = 25;

fn is_over(vps: &Suspendable, now: DateTime<Utc>) -> bool {
    vps.kept().and_then(|kept| kept.due(now)) == Some(Step::Destroy)
}

/// Accepts the delete of what is over, in the panel's own name, newest first: as soon as the wallet covers what is
/// left, that is resumed instead. Everything is looked at again under the lock of the wallet, so that money which came
/// before saves the VPS.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = billing::now(ctx.store()).await?;
    let ran_at = last_run(&mut ctx.store().system_read(SystemPurpose::Billing).await?).await?;
    if paused(ran_at, now) {
        // Payments may wait that were made in time: the ladder has to run first, and puts this off.
        return Ok(queue::done(ctx.store(), job).await?);
    }
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    // Ids grow with time: the newest is the last.
    let mut left = vps::lock_unpaid(&mut tx).await?;
    let mut resources = resource::lock_unpaid(&mut tx).await?;
    let mut gone = Vec::new();
    let mut entries = Vec::new();
    while let Some(position) = left.iter().rposition(|one| is_over(one, wallet.now())) {
        let hours = left.iter().map(|v| v.sell_hour).chain(resources.iter().map(|r| r.sell_hour));
        let missing = missing(&wallet, Money::total(hours)?, ctx.settings().reserve_hours)?;
        if gone.len() == AT_ONCE || missing.is_none() {
            break;
        }
        let one = left.remove(position);
        let instance = vps::lock(&mut tx, one.id).await?.ok_or_else(|| Fail::give_up("the VPS is gone"))?;
        accept_delete(&mut tx, &mut wallet, &instance).await?;
        resources.retain(|resource| resource.vps_id != Some(one.id));
        let entry =
            activity::vps(wallet.organization_id(), Actor::System, Action::VpsDestroyed, one.id, &one.name);
        entries.push(entry.with(json!({ "name": one.name, "kept_until": one.kept_until, "by": "unpaid" })));
        gone.push(one);
    }
    ask_to_resume(&mut tx).await?;
    if gone.is_empty() {
        return Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?);
    }
    wallet::save(&mut tx, [&mut wallet]).await?;
    let organization = tx.organization_id();
    let names: Vec<&str> = gone.iter().map(|one| one.name.as_str()).collect();
    if let Some(account) = accounts(&mut tx, &[organization]).await?.first() {
        destroyed(ctx.app(), &mut tx, &account.name, &names).await?;
    }
    notify::publish(&mut tx, Topic::Wallet, organization).await?;
    let next = if gone.len() == AT_ONCE { Next::Again(Duration::ZERO) } else { Next::Done };
    Ok(tx.finish(job, next, entries).await?)
}
