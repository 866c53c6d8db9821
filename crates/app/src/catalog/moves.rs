//! Moving VPSs to another price: announced to their people, carried out by a billing run at its time, or cancelled.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::{Actor, Email, Role};
use domain::notify::Topic;
use domain::{Money, OrganizationId, PlanId, PriceMoveId, PriceVersionId};
use serde_json::{Value, json};
use store::catalog as rows;
use store::catalog::moves::{self, NewMove, ToTell};
use store::job::NewJob;
use store::notify::mail::members;
use store::{Note, SystemPurpose, SystemTx, job, notify};

use super::prices::LAST_CALL;
use crate::notify::mail::{Content, Mail, PriceChange, PriceChangeGroup, PriceChangeStage, enqueue_for};
use crate::{App, Error, Operator, Result};

/// So many days before, people are reminded, if they were told earlier.
const REMIND_DAYS: i32 = 3;
/// Organizations told in one transaction.
const BATCH: i64 = 100;
/// VPSs named in a mail for each price they had.
const NAMES: usize = 10;

/// VPSs to move to another price.
#[derive(Debug, Clone)]
pub struct Wish {
    /// To which price: those of its plan in its region that have another are moved.
    pub version: PriceVersionId,
    /// From when on their hours cost that price; `None` is at once.
    pub moves_at: Option<DateTime<Utc>>,
    /// Of these organizations only; none is all.
    pub organizations: Vec<OrganizationId>,
}

/// Announces a move of all VPSs that have another price now. People are told by mail and in the page. When the price of
/// one of them rises, the time must be the notice ahead.
pub async fn announce(app: &App, operator: &Operator, plan: PlanId, wish: &Wish) -> Result<PriceMoveId> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = rows::lock_plan(&mut tx, plan).await?.ok_or(Error::NotFound)?;
    let now = rows::clock(&mut tx).await?;
    if wish.moves_at.is_some_and(|at| at <= now) {
        return Err(Error::invalid("moves_at", "Choose a time that is still to come (UTC)."));
    }
    let effective_at = rows::effective_at(&mut tx, plan, wish.version).await?;
    if effective_at.is_none_or(|from| from > wish.moves_at.unwrap_or(now)) {
        return Err(Error::invalid("version", "This price is not in force at that time."));
    }
    let id = PriceMoveId::new();
    let organizations = Some(&*wish.organizations).filter(|chosen| !chosen.is_empty());
    let new = NewMove { id, version: wish.version, moves_at: wish.moves_at, organizations };
    let announced = moves::announce(&mut tx, new, operator.actor()).await.map_err(|error| {
        if error.is_constraint("vps_price_moves_one_open") {
            Error::conflict(
                "move_open",
                "Some of these VPSs are announced to move already. Cancel that first.",
            )
        } else {
            error.into()
        }
    })?;
    if announced.vps == 0 {
        return Err(Error::conflict("nothing_to_move", "No VPS keeps another price."));
    }
    let notice = app.settings().notice_days;
    let ahead = wish.moves_at.unwrap_or(now) - now;
    if announced.rises && ahead < TimeDelta::days(notice.into()) {
        let message =
            format!("The price rises for some of them: choose a time at least {notice} days ahead.");
        return Err(Error::invalid("moves_at", message));
    }
    tell_soon(&mut tx, operator).await?;
    if wish.moves_at.is_none() {
        // It is carried out by what charges the hours.
        let bill = NewJob::new("billing.run", Value::Null).once("billing.run");
        job::enqueue_for(&mut tx, None, operator.actor(), bill).await?;
    }
    notify::publish_system(&mut tx, None, Topic::Catalog, &[plan.0]).await?;
    let detail = json!({ "name": name, "vps": announced.vps, "organizations": announced.organizations,
        "at": wish.moves_at.map(time) });
    tx.commit(operator.did(Action::PriceMoveAnnounced).on(TargetKind::Plan, plan).with(detail)).await?;
    Ok(id)
}

/// Cancels a move before its time. Those who were told of it are told so.
pub async fn cancel(app: &App, operator: &Operator, plan: PlanId, id: PriceMoveId) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = rows::lock_plan(&mut tx, plan).await?.ok_or(Error::NotFound)?;
    let open =
        moves::lock(&mut tx, id).await?.filter(|found| found.plan_id == plan).ok_or(Error::NotFound)?;
    if open.cancelled {
        return Ok(());
    }
    if open.moves_at <= rows::clock(&mut tx).await? + LAST_CALL {
        return Err(Error::conflict("move_over", "Its time has come, or will in a minute."));
    }
    let kept = moves::cancel(&mut tx, id, operator.actor()).await?;
    tell_soon(&mut tx, operator).await?;
    notify::publish_system(&mut tx, None, Topic::Catalog, &[plan.0]).await?;
    let detail = json!({ "name": name, "vps": kept.len(), "at": time(open.moves_at) });
    Ok(tx.commit(operator.did(Action::PriceMoveCancelled).on(TargetKind::Plan, plan).with(detail)).await?)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

async fn tell_soon(tx: &mut SystemTx, operator: &Operator) -> Result<()> {
    let tell = NewJob::new("catalog.tell_moves", Value::Null).once("catalog.tell_moves");
    job::enqueue_for(tx, None, operator.actor(), tell).await?;
    Ok(())
}

/// Tells people of announced and cancelled moves, and reminds them some days before. May run twice, at once, and be
/// killed anywhere: mails are written with the note that they are, for some organizations at a time. Answers how many
/// organizations were told something.
pub async fn tell(app: &App, now: DateTime<Utc>) -> Result<usize> {
    let mut told = 0;
    loop {
        let mut tx = app.store.system_tx(SystemPurpose::Job).await?;
        let Some(id) = moves::lock_untold(&mut tx, now, REMIND_DAYS).await? else { return Ok(told) };
        let rows = moves::tell(&mut tx, id, now, REMIND_DAYS, BATCH).await?;
        if rows.is_empty() {
            return Ok(told);
        }
        let mut groups: BTreeMap<(OrganizationId, String), Vec<ToTell>> = BTreeMap::new();
        for row in rows {
            groups.entry((row.organization_id, row.told.clone())).or_default().push(row);
        }
        let organizations: Vec<OrganizationId> =
            groups.keys().map(|(organization, _)| *organization).collect();
        let owners = members(&mut tx, &organizations, &[Role::Owner]).await?;
        let mut entries = Vec::new();
        for ((organization, _), vps) in &groups {
            for owner in owners.iter().filter(|owner| owner.organization_id == *organization) {
                let Some(to) = Email::parse(&owner.email) else { continue };
                let Some(change) = change(app, &owner.name, vps) else { continue };
                let word = format!("price_move:{id}:{:?}:{}", change.stage, to.as_str());
                let mail = Mail::new(&to, &owner.name, Content::PriceChange(change)).once(&word);
                enqueue_for(app, &mut tx, Some(*organization), Actor::System, &mail).await?;
            }
            let ids: Vec<uuid::Uuid> = vps.iter().map(|row| row.vps_id.0).collect();
            notify::publish_system(&mut tx, Some(*organization), Topic::Vps, &ids).await?;
            entries.extend(entry(*organization, vps));
        }
        told += groups.len();
        let note = if entries.is_empty() { store::Exempt::MailDelivery.into() } else { Note::from(entries) };
        tx.commit(note).await?;
    }
}

fn stage(row: &ToTell) -> PriceChangeStage {
    match row.told.as_str() {
        "cancelled" => PriceChangeStage::Cancelled,
        "reminded" => PriceChangeStage::Reminded,
        _ if row.at_once => PriceChangeStage::Changed,
        _ => PriceChangeStage::Announced,
    }
}

/// What the mail says, of VPSs sorted by the price they had.
fn change(app: &App, name: &str, vps: &[ToTell]) -> Option<PriceChange> {
    let first = vps.first()?;
    let amount = |amount: Money| format!("{amount} {}", app.settings().currency);
    let groups = vps.chunk_by(|a, b| (a.from_hour, a.from_month) == (b.from_hour, b.from_month));
    let group = |rows: &[ToTell]| {
        let names: Vec<&str> = rows.iter().take(NAMES).map(|row| row.name.as_str()).collect();
        let first = rows.first()?;
        Some(PriceChangeGroup {
            names: names.join(", "),
            more: rows.len() - names.len(),
            from_hour: amount(first.from_hour),
            from_month: amount(first.from_month),
        })
    };
    Some(PriceChange {
        name: name.to_owned(),
        stage: stage(first),
        plan: first.plan.clone(),
        region: first.region.clone(),
        at: first.moves_at.format("%-d %B %Y, %H:%M UTC").to_string(),
        groups: groups.filter_map(group).collect(),
        to_hour: amount(first.to_hour),
        to_month: amount(first.to_month),
    })
}

/// The organization's trail says what was announced and cancelled; that a price changed is written when it does.
fn entry(organization: OrganizationId, vps: &[ToTell]) -> Option<Activity> {
    let first = vps.first()?;
    let action = match stage(first) {
        PriceChangeStage::Announced => Action::PriceChangeAnnounced,
        PriceChangeStage::Cancelled => Action::PriceChangeCancelled,
        PriceChangeStage::Changed | PriceChangeStage::Reminded => return None,
    };
    let detail = json!({ "plan": first.plan, "region": first.region, "vps": vps.len(),
        "hour": first.to_hour.to_string(), "at": time(first.moves_at) });
    let entry = Activity::of(organization, Actor::System, action);
    Some(entry.on(TargetKind::Wallet, organization).with(detail))
}
