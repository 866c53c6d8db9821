//! The ladder: notices while the wallet still lasts, and for what is suspended a date, warnings and the end.
//!
//! Each step is one transaction with the mail it is told by, so that it may run twice, at once, and be killed anywhere.
//! Nobody is told twice of one crossing, and nothing is destroyed of which its people were not warned in time.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use domain::OrganizationId;
use domain::activity::{Action, Activity, TargetKind};
use domain::billing::ladder::{Kept, Step, WARNINGS, lead};
use domain::identity::Actor;
use domain::notify::Topic;
use serde_json::json;
use store::billing::ladder::{self as rows, Unpaid};
use store::job::NewJob;
use store::{Exempt, SystemPurpose, SystemTx, job, notify};

use super::ladder_mail::{self as mails, WARNING_KINDS};
use crate::{App, Result};

/// Wallets in one transaction.
const CROSSINGS: i64 = 200;
/// Organizations with unpaid VPSs in one transaction.
const ORGANIZATIONS: usize = 50;

/// When the job did not run for so long, payments may wait that were made in time.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// So long the last warning is with its reader before anything is destroyed, and so long after a pause.
fn last_hours() -> TimeDelta {
    TimeDelta::hours(WARNINGS[WARNINGS.len() - 1])
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steps {
    /// Organizations told that the wallet runs out.
    pub notices: usize,
    /// Unpaid VPSs whose date was announced.
    pub announced: usize,
    /// Unpaid VPSs that were warned of.
    pub warned: usize,
    /// Organizations whose unpaid VPSs are to be destroyed.
    pub ended: usize,
}

/// Takes every step that is due at `now`.
pub async fn run(app: &App, now: DateTime<Utc>) -> Result<Steps> {
    let mut done = Steps::default();
    after_a_pause(app, now).await?;
    loop {
        let (crossed, told) = notices(app, now).await?;
        done.notices += told;
        if crossed == 0 {
            break;
        }
    }
    let mut db = app.store.system_read(SystemPurpose::Billing).await?;
    let due = rows::due_organizations(&mut db, now, lead()).await?;
    drop(db);
    for batch in due.chunks(ORGANIZATIONS) {
        retention(app, batch, now, &mut done).await?;
    }
    Ok(done)
}

/// Nothing ran for a while: nothing is destroyed before the payments that wait have had their turn.
async fn after_a_pause(app: &App, now: DateTime<Utc>) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Billing).await?;
    let moved = if paused(rows::lock_last_run(&mut tx).await?, now) {
        rows::put_off(&mut tx, now + last_hours()).await?
    } else {
        Vec::new()
    };
    rows::set_last_run(&mut tx, now).await?;
    let entries: Vec<Activity> = moved.iter().map(|&moved| put_off(moved, now + last_hours())).collect();
    notify::publish_wallets(&mut tx, &moved).await?;
    if entries.is_empty() {
        return Ok(tx.commit(Exempt::JobBookkeeping).await?);
    }
    Ok(tx.commit(entries).await?)
}

/// Did nothing run for a while before `now`?
pub(super) fn paused(ran_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    ran_at.is_none_or(|ran_at| now - ran_at > PAUSE)
}

fn put_off(organization: OrganizationId, until: DateTime<Utc>) -> Activity {
    on_wallet(organization, Action::DestructionPutOff).with(json!({ "until": until }))
}

fn on_wallet(organization: OrganizationId, action: Action) -> Activity {
    Activity::of(organization, Actor::System, action).on(TargetKind::Wallet, organization)
}

/// Tells of wallets that run out. Answers how many thresholds were crossed, and how many of these downwards.
async fn notices(app: &App, now: DateTime<Utc>) -> Result<(usize, usize)> {
    let mut tx = app.store.system_tx(SystemPurpose::Billing).await?;
    let crossings = rows::cross(&mut tx, CROSSINGS).await?;
    let news: HashMap<OrganizationId, i64> =
        crossings.iter().filter_map(|c| Some((c.organization_id, c.news()?))).collect();
    let mut told: Vec<OrganizationId> = news.keys().copied().collect();
    told.sort_unstable();
    let mut entries = Vec::new();
    for account in rows::accounts(&mut tx, &told).await? {
        let Some(&hours) = news.get(&account.organization_id) else { continue };
        mails::runway(app, &mut tx, &account, hours, now).await?;
        entries.push(on_wallet(account.organization_id, Action::RunwayLow).with(json!({ "within": hours })));
    }
    notify::publish_wallets(&mut tx, &told).await?;
    if entries.is_empty() {
        tx.commit(Exempt::JobBookkeeping).await?;
    } else {
        tx.commit(entries).await?;
    }
    Ok((crossings.len(), told.len()))
}

/// What the unpaid VPSs of an organization are told of together.
type Group = (OrganizationId, News, DateTime<Utc>);

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    /// Until when what was suspended is kept.
    Announced,
    /// It is destroyed in so many hours.
    Warned(i64),
}

/// Announces dates, warns, and has destroyed what is over.
async fn retention(
    app: &App,
    organizations: &[OrganizationId],
    now: DateTime<Utc>,
    done: &mut Steps,
) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Billing).await?;
    let unpaid = rows::lock_unpaid(&mut tx, organizations).await?;
    let (mut groups, mut changed, mut over) =
        (BTreeMap::<Group, Vec<&Unpaid>>::new(), Vec::new(), Vec::new());
    for vps in &unpaid {
        let (news, kept) = match vps.kept().map(|kept| (kept, kept.due(now))) {
            None => (News::Announced, Kept::announce(vps.suspended_at, retention_hours(app, vps), now)),
            Some((kept, Some(Step::Warn(hours)))) => (News::Warned(hours), kept.warned(hours, now)),
            Some((_, Some(Step::Destroy))) => {
                over.push(vps);
                continue;
            }
            Some((_, None)) => continue,
        };
        changed.push((vps.id, kept));
        groups.entry((vps.organization_id, news, kept.until)).or_default().push(vps);
    }
    let mut entries = tell(app, &mut tx, &groups, done).await?;
    entries.extend(end(&mut tx, &over, now, &mut changed, done).await?);
    rows::set_kept(&mut tx, &changed).await?;
    if entries.is_empty() {
        return Ok(tx.commit(Exempt::JobBookkeeping).await?);
    }
    Ok(tx.commit(entries).await?)
}

fn retention_hours(app: &App, vps: &Unpaid) -> i64 {
    vps.retention_hours.map_or(app.settings().retention_hours, i64::from)
}

async fn tell(
    app: &App,
    tx: &mut SystemTx,
    groups: &BTreeMap<Group, Vec<&Unpaid>>,
    done: &mut Steps,
) -> Result<Vec<Activity>> {
    let mut concerned: Vec<OrganizationId> = groups.keys().map(|(organization, ..)| *organization).collect();
    concerned.dedup();
    let accounts = rows::accounts(tx, &concerned).await?;
    let mut entries = Vec::new();
    for ((organization, news, until), vps) in groups {
        let Some(account) = accounts.iter().find(|a| a.organization_id == *organization) else { continue };
        mails::kept(app, tx, account, *news, *until, vps).await?;
        let detail = json!({ "until": until, "count": vps.len() });
        entries.push(match news {
            News::Announced => {
                done.announced += vps.len();
                on_wallet(*organization, Action::RetentionAnnounced).with(detail)
            }
            News::Warned(hours) => {
                done.warned += vps.len();
                let detail = json!({ "until": until, "count": vps.len(), "within": hours });
                on_wallet(*organization, Action::DestructionWarned).with(detail)
            }
        });
        publish(tx, *organization, vps).await?;
    }
    Ok(entries)
}

async fn publish(tx: &mut SystemTx, organization: OrganizationId, vps: &[&Unpaid]) -> Result<()> {
    let ids: Vec<uuid::Uuid> = vps.iter().map(|v| v.id.0).collect();
    notify::publish_system(tx, Some(organization), Topic::Vps, &ids).await?;
    Ok(notify::publish_wallets(tx, &[organization]).await?)
}

/// The time of these is over: a job of each organization looks again under the lock of the wallet. Where the last
/// warning waits still, or has only just gone out, they are kept until it has left its time.
async fn end(
    tx: &mut SystemTx,
    over: &[&Unpaid],
    now: DateTime<Utc>,
    changed: &mut Vec<(domain::VpsId, Kept)>,
    done: &mut Steps,
) -> Result<Vec<Activity>> {
    let mut by_organization = BTreeMap::<OrganizationId, Vec<&Unpaid>>::new();
    for &vps in over {
        by_organization.entry(vps.organization_id).or_default().push(vps);
    }
    let organizations: Vec<OrganizationId> = by_organization.keys().copied().collect();
    let warned_at: HashMap<_, _> =
        rows::warned_at(tx, &organizations, &WARNING_KINDS, now).await?.into_iter().collect();
    let mut entries = Vec::new();
    for (organization, vps) in by_organization {
        let until = warned_at.get(&organization).map(|at| *at + last_hours()).filter(|until| *until > now);
        let Some(until) = until else {
            let word = format!("destroy:{organization}");
            let job = NewJob::new("billing.destroy", serde_json::Value::Null).once(word);
            job::enqueue_for(tx, Some(organization), Actor::System, job).await?;
            done.ended += 1;
            continue;
        };
        changed.extend(vps.iter().filter_map(|v| Some((v.id, Kept { until, ..v.kept()? }))));
        publish(tx, organization, &vps).await?;
        entries.push(put_off(organization, until));
    }
    Ok(entries)
}
