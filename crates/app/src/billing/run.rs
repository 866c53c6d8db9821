//! The billing run: batches of organizations, each batch one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::billing::Tariff;
use domain::identity::Actor;
use domain::notify::Topic;
use domain::vps::Suspension;
use domain::wallet::TransactionKind;
use domain::{Money, OrganizationId, TransactionId};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use serde_json::json;
use store::billing::moves::DueMove;
use store::billing::resource;
use store::billing::{
    NewCharge, OpenMeter, charge_flat, due_organizations, flat_dues, insert_charges, open_meters,
    update_meters,
};
use store::job::NewJob;
use store::wallet::{LockedWallet, ask_to_resume, save, try_lock};
use store::{Store, SystemPurpose, SystemTx, job, notify, vps};

use super::moves;
use super::plan::{Bill, bill};
use super::post::post;
use crate::Result;

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

/// Charges every hour that began at or before `now` and is not paid, and moves VPSs to another price whose time has
/// come by then. May run twice, at once, and be killed anywhere: cursor and charge move in one transaction, and the
/// database refuses the second charge of an hour.
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
    let moving: HashSet<OrganizationId> = moves.iter().map(|m| m.organization_id).collect();
    let mut books = Books::new(wallets);
    let rest = books.charge_flat(&mut tx, &moving, now).await?;
    if !rest.is_empty() {
        books.meters = open_meters(&mut tx, &rest).await?;
    }
    // What an hour costs depends on when it begins: prices change between the hours before and those after.
    // Only whose prices change: a round of hours of anybody else is not cut in two by it.
    for moves in moves.chunk_by(|one, next| one.moves_at == next.moves_at) {
        let theirs: HashSet<OrganizationId> = moves.iter().map(|m| m.organization_id).collect();
        let before = moves[0].moves_at - TimeDelta::microseconds(1);
        books.charge(&mut tx, before, |organization| theirs.contains(&organization)).await?;
        books.change_prices(&mut tx, &rest, moves).await?;
    }
    books.charge(&mut tx, now, |_| true).await?;
    books.save(tx, &rest).await
}

/// The books of a batch, with what is to be written into them.
struct Books {
    wallets: Vec<LockedWallet>,
    /// Of those whose hours are asked for one by one; sorted by organization.
    meters: Vec<OpenMeter>,
    /// Not written yet.
    charges: Vec<NewCharge>,
    /// How many are.
    written: usize,
    entries: Vec<Activity>,
    charged: BTreeSet<OrganizationId>,
    flat_hours: i64,
    suspended: usize,
}

impl Books {
    fn new(wallets: Vec<LockedWallet>) -> Self {
        let (meters, charges, entries, charged) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
        Self { wallets, meters, charges, written: 0, entries, charged, flat_hours: 0, suspended: 0 }
    }

    /// Where one flat hour of each VPS is due and the wallet covers all of them, which is nearly everywhere, the
    /// database writes the hours itself, and the wallet says up to which one. Answers the organizations that are left,
    /// all those whose prices change among them.
    async fn charge_flat(
        &mut self,
        tx: &mut SystemTx,
        moving: &HashSet<OrganizationId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<OrganizationId>> {
        let ids: Vec<OrganizationId> = self.wallets.iter().map(LockedWallet::organization_id).collect();
        let dues = flat_dues(tx, &ids, now).await?;
        let dues = dues.into_iter().filter(|due| due.only && !moving.contains(&due.organization_id));
        let dues: HashMap<_, _> = dues.map(|due| (due.organization_id, due)).collect();
        let (mut paid, mut rest) = (Vec::new(), Vec::new());
        for wallet in &mut self.wallets {
            let organization = wallet.organization_id();
            let Some(due) = dues.get(&organization).filter(|due| due.amount <= wallet.available()) else {
                rest.push(organization);
                continue;
            };
            // A run leaves none of them, so flat hours that begin then are charged once.
            let word = format!("flat:{}", due.until.timestamp_micros());
            let movement = Movement { word, hours: due.hours, from: due.from, until: due.until };
            let posted = movement.post(wallet, TransactionKind::Charge, due.amount, &mut self.entries)?;
            wallet.charged_until = Some(due.until);
            paid.push((organization, posted));
            self.charged.insert(organization);
            self.flat_hours += due.hours;
        }
        let charged = charge_flat(tx, &paid, now).await?;
        if i64::try_from(charged) != Ok(self.flat_hours) {
            return Err(store::Error::Inconsistent("flat hours that were charged").into());
        }
        Ok(rest)
    }

    /// Charges every hour of these organizations that began at or before `now`.
    async fn charge(
        &mut self,
        tx: &mut SystemTx,
        now: DateTime<Utc>,
        whose: impl Fn(OrganizationId) -> bool,
    ) -> Result<()> {
        for wallet in &mut self.wallets {
            let organization = wallet.organization_id();
            if !whose(organization) {
                continue;
            }
            let from = self.meters.partition_point(|m| m.organization_id < organization);
            let to = self.meters.partition_point(|m| m.organization_id <= organization);
            let own = &mut self.meters[from..to];
            let bill = bill(own, wallet.funds(), now)?;
            let before = self.charges.len();
            record(wallet, own, &bill, &mut self.charges, &mut self.entries)?;
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

    /// Moves VPSs to another price. All hours that began before are charged, and written down first: the old terms of a
    /// meter end where it stands.
    async fn change_prices(
        &mut self,
        tx: &mut SystemTx,
        ids: &[OrganizationId],
        moves: &[DueMove],
    ) -> Result<()> {
        self.write_hours(tx, ids).await?;
        let changed = moves::change(tx, &mut self.wallets, &mut self.meters, moves).await?;
        let whose: BTreeSet<OrganizationId> =
            changed.iter().filter_map(|entry| entry.organization_id).collect();
        // At a lower price the wallet may cover what is suspended.
        ask_to_resume(tx, &Vec::from_iter(whose.iter().copied())).await?;
        self.charged.extend(whose);
        self.entries.extend(changed);
        Ok(())
    }

    /// Charges first: how a meter came to other terms is told by its hours.
    async fn write_hours(&mut self, tx: &mut SystemTx, ids: &[OrganizationId]) -> Result<()> {
        insert_charges(tx, &self.charges).await?;
        self.written += self.charges.len();
        self.charges.clear();
        Ok(update_meters(tx, ids, &self.meters).await?)
    }

    async fn save(mut self, mut tx: SystemTx, ids: &[OrganizationId]) -> Result<Summary> {
        save(&mut tx, &mut self.wallets).await?;
        self.write_hours(&mut tx, ids).await?;
        let told: Vec<OrganizationId> = self.charged.into_iter().collect();
        notify::publish_wallets(&mut tx, &told).await?;
        tx.commit(self.entries).await?;
        Ok(Summary {
            organizations: self.wallets.len(),
            hours: self.written + usize::try_from(self.flat_hours).unwrap_or(0),
            suspended: self.suspended,
        })
    }
}

/// What is written of some hours of one organization.
struct Movement {
    /// An hour is charged once, so one of the hours names the movement for ever.
    word: String,
    hours: i64,
    /// When the first of them begins, and the last: so they are found again, for charges are kept by meter and hour.
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Movement {
    /// Takes the amount from the wallet (a charge) or adds it to the debt (an accrual), unless it is nothing.
    fn post(
        &self,
        wallet: &mut LockedWallet,
        kind: TransactionKind,
        amount: Money,
        entries: &mut Vec<Activity>,
    ) -> Result<Option<TransactionId>> {
        let reference = json!({ "hours": self.hours, "from": self.from, "until": self.until });
        let Some(id) = post(wallet, kind, amount, &self.word, reference)? else { return Ok(None) };
        let action = match kind {
            TransactionKind::Accrual => Action::HoursAccrued,
            _ => Action::HoursCharged,
        };
        let organization = wallet.organization_id();
        let entry = Activity::of(organization, Actor::System, action).on(TargetKind::Wallet, organization);
        entries.push(entry.with(json!({ "hours": self.hours, "amount": amount.to_string() })));
        Ok(Some(id))
    }
}

/// Records a bill on the wallet: one movement for what it pays, one for what is added to the debt.
fn record(
    wallet: &mut LockedWallet,
    meters: &[OpenMeter],
    bill: &Bill,
    charges: &mut Vec<NewCharge>,
    entries: &mut Vec<Activity>,
) -> Result<()> {
    let Some((first, span, _)) = bill.charges.first() else { return Ok(()) };
    let hour = (span.start - meters[*first].meter.started_at).num_hours();
    let starts = || bill.charges.iter().map(|(_, span, _)| span.start);
    let movement = Movement {
        word: format!("{}:{hour}", meters[*first].id),
        hours: i64::try_from(bill.charges.len()).unwrap_or(i64::MAX),
        from: starts().min().unwrap_or(span.start),
        until: starts().max().unwrap_or(span.start),
    };
    let paid = movement.post(wallet, TransactionKind::Charge, bill.from_wallet, entries)?;
    let owed = movement.post(wallet, TransactionKind::Accrual, bill.to_debt, entries)?;
    let organization_id = wallet.organization_id();
    charges.extend(bill.charges.iter().map(|&(i, span, tariff)| NewCharge {
        organization_id,
        meter_id: meters[i].id,
        span,
        tariff,
        transaction_id: match tariff {
            Tariff::Sold => paid.or(owed),
            Tariff::AtCost => owed,
        },
    }));
    Ok(())
}

/// The wallet is empty: everything that runs is suspended at once; jobs switch the servers off. Resources stay as they
/// are, and count at cost like the rest.
async fn suspend(tx: &mut SystemTx, wallet: &mut LockedWallet) -> Result<Vec<Activity>> {
    let organization = wallet.organization_id();
    let suspended = vps::suspend_unpaid(tx, organization).await?;
    for sell_hour in resource::suspend_unpaid(tx, organization).await? {
        wallet.burn = wallet.burn.minus(sell_hour)?;
    }
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
