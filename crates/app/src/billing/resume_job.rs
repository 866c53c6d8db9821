//! Money came: are the debts settled, and is there enough to go on?

use std::time::Duration;

use domain::Money;
use domain::activity::Action;
use domain::billing::{Subject, Tariff};
use domain::identity::Actor;
use domain::money::Overflow;
use domain::notify::Topic;
use domain::vps::{ActionKind, Wanted};
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{ResourceId, TransactionId, VpsActionId, VpsId};
use store::billing::resource;
use store::job::{Job, Next};
use store::wallet::LockedWallet;
use store::{Exempt, OrgDb as _, OrgTx, billing, job as jobs, notify, vps, wallet};

use crate::activity;
use crate::vps::action_job;
use crate::worker::{Context, Fail};

/// Asks whether the suspension can be lifted: after any change but money that may make it affordable. Money asks by
/// itself ([`wallet::save`]).
pub(crate) async fn ask_to_resume(tx: &mut OrgTx) -> Result<(), store::Error> {
    let organization = tx.organization_id();
    wallet::ask_to_resume(tx, &[organization]).await
}

/// What must come before that is sold again whose hours cost so much, beside what is; `None` when it can.
pub(super) fn missing(
    wallet: &LockedWallet,
    unpaid_hour: Money,
    reserve_hours: i64,
) -> Result<Option<Money>, Overflow> {
    let burn = wallet.burn.plus(unpaid_hour)?;
    Ok(Some(wallet.funds().missing(burn, reserve_hours)?).filter(|missing| missing.is_positive()))
}

/// Lifts the suspension for want of money, if the wallet covers the debt and the reserve hours of
/// everything that then runs. Pays the debt and boots what the customer wants on.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let unpaid = vps::lock_unpaid(&mut tx).await?;
    let resources = resource::lock_unpaid(&mut tx).await?;
    if unpaid.is_empty() && resources.is_empty() {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    }
    if billing::at_cost_due(&mut tx).await? {
        // The hours of the suspension come first; the billing run writes them down.
        return Ok(tx.finish(job, Next::Again(Duration::from_secs(5)), Exempt::JobBookkeeping).await?);
    }
    let hours = unpaid.iter().map(|v| v.sell_hour).chain(resources.iter().map(|r| r.sell_hour));
    let unpaid_hour = Money::total(hours)?;
    if missing(&wallet, unpaid_hour, ctx.settings().reserve_hours)?.is_some() {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    }
    pay_debt(&mut wallet)?;
    wallet.burn = wallet.burn.plus(unpaid_hour)?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    let ids: Vec<VpsId> = unpaid.iter().map(|v| v.id).collect();
    vps::lift_unpaid(&mut tx, &ids).await?;
    let resource_ids: Vec<ResourceId> = resources.iter().map(|r| r.id).collect();
    resource::lift_unpaid(&mut tx, &resource_ids).await?;
    let subjects = ids.into_iter().map(Subject::Vps).chain(resource_ids.into_iter().map(Subject::Resource));
    billing::set_tariff(&mut tx, &subjects.collect::<Vec<_>>(), Tariff::Sold).await?;
    let organization = wallet.organization_id();
    let mut entries = Vec::new();
    for one in &unpaid {
        entries.push(activity::vps(organization, Actor::System, Action::VpsResumed, one.id, &one.name));
        notify::publish(&mut tx, Topic::Vps, one.id).await?;
        if one.power_wanted == Wanted::On {
            let action = VpsActionId::new();
            vps::cancel_open_actions(&mut tx, one.id).await?;
            vps::insert_action(&mut tx, action, one.id, ActionKind::Resume).await?;
            jobs::enqueue(&mut tx, action_job(one.id, action)).await?;
        }
    }
    notify::publish(&mut tx, Topic::Wallet, organization).await?;
    Ok(tx.finish(job, Next::Done, entries).await?)
}

/// What is owed, also for the hours since the last money came, is taken from the wallet. With a credit line, as far
/// as the wallet goes.
fn pay_debt(wallet: &mut LockedWallet) -> Result<(), Fail> {
    let debt = wallet.receivable().min(wallet.available());
    if debt == Money::ZERO {
        return Ok(());
    }
    let transaction = Transaction::new(
        TransactionKind::Settlement,
        format!("settlement:{}", TransactionId::new()),
        Actor::System,
        serde_json::json!({}),
        &[(Account::Wallet, debt.negated()?), (Account::Receivable, debt)],
    )?;
    wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
    Ok(())
}
