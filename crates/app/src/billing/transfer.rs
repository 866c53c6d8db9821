//! Transfer above what is included: charged as it grows, batches of organizations, each batch one transaction.

use chrono::{DateTime, Months, NaiveDate, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::billing::month_of;
use domain::billing::transfer::{Figures, included};
use domain::identity::Actor;
use domain::wallet::TransactionKind;
use domain::{Money, OrganizationId};
use serde_json::json;
use store::billing::transfer::{Count, NewTransferCharge, asking, counts, insert_charges};
use store::wallet::{LockedWallet, save, try_lock};
use store::{Store, SystemPurpose, notify};

use super::post::post;
use crate::{Error, Result};

/// Organizations in one transaction.
const BATCH: usize = 300;

/// Charges what the transfer of this month and of the last one, of which the last readings may come late, costs above what
/// is included and was not charged. Answers how many charges that were. May run twice, at once, and be killed anywhere:
/// money and charge are written in one transaction, and the database refuses the second charge of the same.
pub async fn charge_transfer(store: &Store, now: DateTime<Utc>) -> Result<usize> {
    let this = month_of(now);
    let months: Vec<NaiveDate> = this.checked_sub_months(Months::new(1)).into_iter().chain([this]).collect();
    let asking = asking(&mut store.system_read(SystemPurpose::Billing).await?, &months).await?;
    let mut charged = 0;
    for organizations in asking.chunks(BATCH) {
        charged += batch(store, organizations, &months).await?;
    }
    Ok(charged)
}

/// Charges these organizations. A wallet that somebody else has locked is left for the next run.
async fn batch(store: &Store, organizations: &[OrganizationId], months: &[NaiveDate]) -> Result<usize> {
    let mut tx = store.system_tx(SystemPurpose::Billing).await?;
    let mut wallets = try_lock(&mut tx, organizations).await?;
    let ids: Vec<OrganizationId> = wallets.iter().map(LockedWallet::organization_id).collect();
    // Read under the lock: another run may have been here since.
    let counts = counts(&mut tx, &ids, months).await?;
    let (mut charges, mut entries) = (Vec::new(), Vec::new());
    for wallet in &mut wallets {
        let organization = wallet.organization_id();
        let before = charges.len();
        for count in counts.iter().filter(|count| count.organization_id == organization) {
            charges.extend(charge(wallet, count)?);
        }
        if let new @ [_, ..] = &charges[before..] {
            entries.push(entry(organization, new)?);
        }
    }
    let told: Vec<OrganizationId> = entries.iter().filter_map(|entry| entry.organization_id).collect();
    save(&mut tx, wallets.iter_mut().filter(|wallet| told.contains(&wallet.organization_id()))).await?;
    insert_charges(&mut tx, &charges).await?;
    notify::publish_wallets(&mut tx, &told).await?;
    tx.commit(entries).await?;
    Ok(charges.len())
}

/// Takes what is due from the wallet as far as it goes, and adds the rest to the debt. `None` when nothing is due.
fn charge(wallet: &mut LockedWallet, count: &Count) -> Result<Option<NewTransferCharge>> {
    let figures = Figures {
        pool: count.pool.clone(),
        month: count.month,
        sequence: count.charges + 1,
        used: count.used,
        included: included(count.month, &count.lives())?,
        price_gb: count.price_gb,
        before: count.charged,
    };
    let amount = figures.due()?;
    if !amount.is_positive() {
        return Ok(None);
    }
    let paid = amount.min(wallet.available());
    let owed = amount.minus(paid)?;
    let (word, reference) = (figures.word(), serde_json::to_value(&figures).map_err(Error::internal)?);
    Ok(Some(NewTransferCharge {
        organization_id: wallet.organization_id(),
        paid: post(wallet, TransactionKind::Charge, paid, &word, reference.clone())?,
        owed: post(wallet, TransactionKind::Accrual, owed, &word, reference)?,
        price_id: count.price_id,
        amount,
        at: wallet.now(),
        figures,
    }))
}

/// What the audit trail says of an organization's charges.
fn entry(organization: OrganizationId, charges: &[NewTransferCharge]) -> Result<Activity> {
    let amount = Money::total(charges.iter().map(|charge| charge.amount))?;
    let entry = Activity::of(organization, Actor::System, Action::TransferCharged);
    Ok(entry.on(TargetKind::Wallet, organization).with(json!({ "amount": amount.to_string() })))
}
