//! Credits end: people are told some days before, and what is left is taken.

use chrono::{DateTime, TimeDelta, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::{Actor, Email, Permission, Role};
use domain::notify::Topic;
use domain::wallet::attribution::CREDIT;
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{CreditId, Money};
use serde_json::json;
use store::job::{Job, NewJob, Next};
use store::notify::mail::members;
use store::wallet::credit::{Ending, end, ending, ending_here, set_warned};
use store::wallet::{LockedWallet, attribution, lock, save};
use store::{Exempt, Note, OrgDb as _, OrgTx, SystemPurpose, billing, job as jobs, notify};

use super::adjustment::lapse;
use crate::notify::mail::{Content, Mail, enqueue};
use crate::worker::{Context, Fail};
use crate::{App, Error};

/// So long before its end people are told of what is left of a credit.
const WARNING: TimeDelta = TimeDelta::days(3);

/// Asks each organization with a credit that ends for its part, and ends corrections that nobody decided about.
pub(crate) async fn sweep(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = billing::now(ctx.store()).await?;
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let due = ending(&mut db, now, now + WARNING).await?;
    drop(db);
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    for organization in due {
        let expire = NewJob::new("credit.expire", serde_json::Value::Null);
        let expire = expire.once(format!("credit.expire:{organization}"));
        jobs::enqueue_for(&mut tx, Some(organization), Actor::System, expire).await?;
    }
    let lapsed = lapse(&mut tx, now).await?;
    match lapsed.is_empty() {
        true => Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?),
        false => Ok(tx.finish(job, Next::Done, lapsed).await?),
    }
}

/// One organization's part.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = billing::now(ctx.store()).await?;
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    let note = expire(ctx.app(), &mut tx, now).await?;
    Ok(tx.finish(job, Next::Done, note).await?)
}

/// Takes what is left of the organization's credits that have ended at `now`, and tells its people of those that end
/// soon. What an open order has reserved of one is left to it; what comes back of that is taken the next time.
pub async fn expire(app: &App, tx: &mut OrgTx, now: DateTime<Utc>) -> crate::Result<Note> {
    let mut wallet = lock(tx).await?;
    let due = ending_here(tx, now + WARNING).await?;
    if due.is_empty() {
        return Ok(Exempt::NothingChanged.into());
    }
    let (mut entries, mut warned) = (Vec::new(), false);
    let money = attribution(tx).await?;
    for credit in due {
        let left = money.free_of(CREDIT, credit.id);
        if credit.expires_at > now {
            if !credit.warned {
                warn(app, tx, &credit, left).await?;
                warned = true;
            }
            continue;
        }
        let left = left.min(wallet.available());
        entries.extend(take(&mut wallet, credit.id, left)?);
        let over = money.lots_of(CREDIT, credit.id).all(|lot| lot.held == Money::ZERO);
        end(tx, credit.id, left, over).await?;
    }
    if entries.is_empty() {
        return Ok(if warned { Exempt::MailDelivery } else { Exempt::NothingChanged }.into());
    }
    save(tx, [&mut wallet]).await?;
    notify::publish(tx, Topic::Wallet, wallet.organization_id()).await?;
    Ok(entries.into())
}

/// Records that what is left of a credit is over.
fn take(wallet: &mut LockedWallet, id: CreditId, left: Money) -> crate::Result<Option<Activity>> {
    if left == Money::ZERO {
        return Ok(None);
    }
    // Once is not enough: what an order had reserved may come back later.
    let key = format!("credit_expiry:{id}:{}", wallet.sequence() + 1);
    let lines = [(Account::Wallet, left.negated()?), (Account::CreditsGiven, left)];
    let reference = json!({ CREDIT: id });
    let transaction = Transaction::new(TransactionKind::CreditExpiry, key, Actor::System, reference, &lines)?;
    wallet.record(transaction).map_err(Error::internal)?;
    let entry = Activity::of(wallet.organization_id(), Actor::System, Action::CreditExpired);
    Ok(Some(entry.on(TargetKind::Credit, id).with(json!({ "amount": left.to_string() }))))
}

/// Writes to those who may pay, if there is something left to spend.
async fn warn(app: &App, tx: &mut OrgTx, credit: &Ending, left: Money) -> crate::Result<()> {
    set_warned(tx, credit.id).await?;
    if left == Money::ZERO {
        return Ok(());
    }
    let organization = tx.organization_id();
    let roles: Vec<Role> =
        Role::ALL.iter().copied().filter(|role| role.allows(Permission::WalletTopUp)).collect();
    for member in members(tx, &[organization], &roles).await? {
        let Some(to) = Email::parse(&member.email) else { continue };
        let content = Content::CreditExpiring {
            name: member.name.clone(),
            left: format!("{} {}", left.display(2), app.settings().currency),
            until: credit.expires_at.format("%-d %b %Y, %H:%M UTC").to_string(),
        };
        let word = format!("credit_expiring:{}:{}", credit.id, member.email);
        enqueue(app, tx, &Mail::new(&to, &member.name, content).once(&word)).await?;
    }
    Ok(())
}
