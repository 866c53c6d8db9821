//! The billing run: batches of organizations, each batch one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::billing::Tariff;
use domain::identity::Actor;
use domain::notify::Topic;
use domain::vps::Suspension;
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{Money, OrganizationId, TransactionId};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use serde_json::json;
use store::billing::moves::DueMove;
use store::billing::{NewCharge, OpenMeter, due_organizations, insert_charges, open_meters, update_meters};
use store::job::NewJob;
use store::wallet::{LockedWallet, save, try_lock};
use store::{Store, SystemPurpose, SystemTx, job, notify, vps};

use super::moves;
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

/// Charges every hour that began at or before `now` and is not paid, and moves VPSs to another price whose time has come
/// by then. May run twice, at once, and
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
    let wallets = try_lock(&mut tx, &due).await?;
    let ids: Vec<OrganizationId> = wallets.iter().map(LockedWallet::organization_id).collect();
    // Read under the lock: another run may have been here since.
    let moves = store::billing::moves::due(&mut tx, &ids, now).await?;
    let mut books = Books::new(wallets, open_meters(&mut tx, &ids).await?);
    // What an hour costs depends on when it begins: prices change between the hours before and those after.
    for moves in moves.chunk_by(|one, next| one.moves_at == next.moves_at) {
        books.charge(&mut tx, moves[0].moves_at - TimeDelta::microseconds(1)).await?;
        books.change_prices(&mut tx, moves).await?;
    }
    books.charge(&mut tx, now).await?;
    books.save(tx, &ids).await
}

/// The books of a batch, with what is to be written into them.
struct Books {
    wallets: Vec<LockedWallet>,
    /// Sorted by organization.
    meters: Vec<OpenMeter>,
    charges: Vec<NewCharge>,
    entries: Vec<Activity>,
    charged: BTreeSet<OrganizationId>,
    suspended: usize,
}

impl Books {
    fn new(wallets: Vec<LockedWallet>, meters: Vec<OpenMeter>) -> Self {
        let (charges, entries, charged) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { wallets, meters, charges, entries, charged, suspended: 0 }
    }

    /// Charges every hour that began at or before `now`.
    async fn charge(&mut self, tx: &mut SystemTx, now: DateTime<Utc>) -> Result<()> {
        for wallet in &mut self.wallets {
            let organization = wallet.organization_id();
            let from = self.meters.partition_point(|m| m.organization_id < organization);
            let to = self.meters.partition_point(|m| m.organization_id <= organization);
            let own = &mut self.meters[from..to];
            let bill = bill(own, wallet.funds(), now)?;
            let before = self.charges.len();
            self.entries.extend(record(wallet, own, &bill, &mut self.charges)?);
            if bill.suspend {
                self.entries.extend(suspend(tx, wallet).await?);
                self.suspended += 1;
            }
            if self.charges.len() > before {
                self.charged.insert(organization);
            }
        }
        Ok(())
    }

    /// Moves VPSs to another price. All hours that began before are charged.
    async fn change_prices(&mut self, tx: &mut SystemTx, moves: &[DueMove]) -> Result<()> {
        let changed = moves::change(tx, &mut self.wallets, &mut self.meters, moves).await?;
        self.charged.extend(changed.iter().filter_map(|entry| entry.organization_id));
        self.entries.extend(changed);
        Ok(())
    }

    async fn save(mut self, mut tx: SystemTx, ids: &[OrganizationId]) -> Result<Summary> {
        save(&mut tx, &mut self.wallets).await?;
        insert_charges(&mut tx, &self.charges).await?;
        update_meters(&mut tx, ids, &self.meters).await?;
        let told: Vec<OrganizationId> = self.charged.into_iter().collect();
        notify::publish_wallets(&mut tx, &told).await?;
        tx.commit(self.entries).await?;
        Ok(Summary {
            organizations: self.wallets.len(),
            hours: self.charges.len(),
            suspended: self.suspended,
        })
    }
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
