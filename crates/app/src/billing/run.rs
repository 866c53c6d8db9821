//! The billing run: batches of organizations, each batch one transaction.

use chrono::{DateTime, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::billing::Tariff;
use domain::identity::Actor;
use domain::notify::Topic;
use domain::vps::Suspension;
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{Money, OrganizationId, TransactionId};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use serde_json::json;
use store::billing::{NewCharge, OpenMeter, due_organizations, insert_charges, open_meters, update_meters};
use store::job::NewJob;
use store::wallet::{LockedWallet, save, try_lock};
use store::{Store, SystemPurpose, SystemTx, job, notify, vps};

use super::plan::{Bill, bill};
use crate::{Error, Result};

/// Organizations in one transaction.
const BATCH: usize = 300;
/// Batches under way: while one computes, the database writes another.
const AT_ONCE: usize = 3;

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Organizations looked at.
    pub organizations: usize,
    /// Hours written down.
    pub hours: usize,
    /// Organizations whose VPSs were suspended.
    pub suspended: usize,
}

impl Summary {
    fn plus(self, other: Self) -> Self {
        Self {
            organizations: self.organizations + other.organizations,
            hours: self.hours + other.hours,
            suspended: self.suspended + other.suspended,
        }
    }
}

/// Charges every hour that began at or before `now` and is not paid. May run twice, at once, and
/// be killed anywhere: cursor and charge move in one transaction, and the database refuses the
/// second charge of an hour.
pub async fn run(store: &Store, now: DateTime<Utc>) -> Result<Summary> {
    let due = due_organizations(&mut store.system_read(SystemPurpose::Billing).await?, now).await?;
    let batches: Vec<_> = due.chunks(BATCH).map(|due| batch(store.clone(), due.to_vec(), now)).collect();
    let summaries = stream::iter(batches).buffer_unordered(AT_ONCE);
    summaries.try_fold(Summary::default(), |sum, one| future::ok(sum.plus(one))).await
}

/// Charges these organizations. A wallet that somebody else has locked is left for the next run.
async fn batch(store: Store, due: Vec<OrganizationId>, now: DateTime<Utc>) -> Result<Summary> {
    let mut tx = store.system_tx(SystemPurpose::Billing).await?;
    let mut wallets = try_lock(&mut tx, &due).await?;
    let ids: Vec<OrganizationId> = wallets.iter().map(LockedWallet::organization_id).collect();
    // Read under the lock: another run may have been here since.
    let mut meters = open_meters(&mut tx, &ids).await?;
    let (mut charges, mut entries, mut charged) = (Vec::new(), Vec::new(), Vec::new());
    let mut summary = Summary { organizations: wallets.len(), ..Summary::default() };
    for wallet in &mut wallets {
        let organization = wallet.organization_id();
        // Meters come sorted by organization.
        let from = meters.partition_point(|m| m.organization_id < organization);
        let to = meters.partition_point(|m| m.organization_id <= organization);
        let own = &mut meters[from..to];
        let bill = bill(own, wallet.available(), now)?;
        let before = charges.len();
        entries.extend(record(wallet, own, &bill, &mut charges)?);
        if bill.suspend {
            entries.extend(suspend(&mut tx, wallet).await?);
            summary.suspended += 1;
        }
        if charges.len() > before {
            charged.push(organization);
        }
    }
    summary.hours = charges.len();
    save(&mut tx, &mut wallets).await?;
    insert_charges(&mut tx, &charges).await?;
    update_meters(&mut tx, &ids, &meters).await?;
    notify::publish_wallets(&mut tx, &charged).await?;
    tx.commit(entries).await?;
    Ok(summary)
}

/// Records a bill on the wallet: one movement for what it pays, one for what is added to the debt.
fn record(
    wallet: &mut LockedWallet,
    meters: &[OpenMeter],
    bill: &Bill,
    charges: &mut Vec<NewCharge>,
) -> Result<Vec<Activity>> {
    let Some((first, span, _)) = bill.charges.first() else { return Ok(Vec::new()) };
    let organization = wallet.organization_id();
    // An hour is charged once, so the first hour names the movement for ever.
    let hour = (span.start - meters[*first].meter.started_at).num_hours();
    let word = format!("{}:{hour}", meters[*first].id);
    let reference = json!({ "hours": bill.charges.len() });
    let mut entries = Vec::new();
    let mut post = |kind, account, amount: Money, action| -> Result<Option<TransactionId>> {
        if amount == Money::ZERO {
            return Ok(None);
        }
        let lines = [(account, amount.negated()?), (Account::Revenue, amount)];
        let key = format!("{kind}:{word}");
        let transaction = Transaction::new(kind, key, Actor::System, reference.clone(), &lines)?;
        let id = wallet.record(transaction).map_err(Error::internal)?;
        let detail = json!({ "hours": bill.charges.len(), "amount": amount.to_string() });
        let entry = Activity::of(organization, Actor::System, action).on(TargetKind::Wallet, organization);
        entries.push(entry.with(detail));
        Ok(Some(id))
    };
    let paid = post(TransactionKind::Charge, Account::Wallet, bill.from_wallet, Action::HoursCharged)?;
    let owed = post(TransactionKind::Accrual, Account::Receivable, bill.to_debt, Action::HoursAccrued)?;
    charges.extend(bill.charges.iter().map(|&(i, span, tariff)| NewCharge {
        organization_id: organization,
        meter_id: meters[i].id,
        span,
        tariff,
        transaction_id: match tariff {
            Tariff::Sold => paid.or(owed),
            Tariff::AtCost => owed,
        },
    }));
    Ok(entries)
}

/// The wallet is empty: everything that runs is suspended at once; jobs switch the servers off.
async fn suspend(tx: &mut SystemTx, wallet: &mut LockedWallet) -> Result<Vec<Activity>> {
    let organization = wallet.organization_id();
    let suspended = vps::suspend_unpaid(tx, organization).await?;
    let mut entries = Vec::new();
    for one in &suspended {
        wallet.burn = wallet.burn.minus(one.sell_hour)?;
        job::enqueue_for(tx, Some(organization), Actor::System, power_off(one.id)).await?;
        let entry =
            crate::activity::vps(organization, Actor::System, Action::VpsSuspended, one.id, &one.name);
        entries.push(entry.with(json!({ "name": one.name, "by": Suspension::Unpaid.as_str() })));
    }
    let ids: Vec<uuid::Uuid> = suspended.iter().map(|v| v.id.0).collect();
    notify::publish_system(tx, Some(organization), Topic::Vps, &ids).await?;
    Ok(entries)
}

fn power_off(id: domain::VpsId) -> NewJob {
    NewJob::new("vps.suspend", json!({ "vps_id": id })).keyed(id)
}
