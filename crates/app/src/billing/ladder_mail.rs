//! What people are told of a wallet that runs out and of VPSs that stay unpaid: those who may pay.

use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::{Actor, Email, Permission, Role};
use domain::{Money, OrganizationId};
use store::billing::ladder::{Account, Unpaid as Row, accounts};
use store::notify::mail::{Member, members};
use store::{OrgDb as _, OrgTx, SystemTx, WriteDb};

use super::ladder::News;
use crate::notify::mail::{Content, Mail, Unpaid, enqueue, enqueue_for};
use crate::{App, Result};

/// Kinds of mails that say until when something is kept.
pub(super) const WARNING_KINDS: [&str; 2] = ["suspended", "destruction"];

/// Names in one mail; the others are counted.
const NAMES: usize = 20;
/// Beyond so many hours a date says nothing.
const HORIZON: i64 = 24 * 3650;

/// Those who may pay.
async fn payers(tx: &mut impl WriteDb, organization: OrganizationId) -> Result<Vec<(Email, Member)>> {
    let roles: Vec<Role> =
        Role::ALL.iter().copied().filter(|role| role.allows(Permission::WalletTopUp)).collect();
    let members = members(tx, &[organization], &roles).await?.into_iter();
    Ok(members.filter_map(|member| Some((Email::parse(&member.email)?, member))).collect())
}

/// The organization's name, and those who may pay for it.
pub(crate) async fn named_payers(tx: &mut OrgTx) -> Result<(String, Vec<(Email, Member)>)> {
    let id = tx.organization_id();
    let account = accounts(tx, &[id]).await?.pop();
    Ok((account.map(|account| account.name).unwrap_or_default(), payers(tx, id).await?))
}

fn amount(app: &App, amount: Money) -> String {
    format!("{amount} {}", app.settings().currency)
}

fn date(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// Names of the first of them, and how many more there are.
fn named<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> (Vec<String>, usize) {
    let more = names.len().saturating_sub(NAMES);
    (names.take(NAMES).map(str::to_owned).collect(), more)
}

/// The wallet lasts less than so many hours.
pub(super) async fn runway(
    app: &App,
    tx: &mut SystemTx,
    account: &Account,
    within: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let hours = account.funds().runway_hours(account.burn)?.unwrap_or_default().clamp(0, HORIZON);
    let available = account.funds().spendable()?;
    for (to, member) in payers(tx, account.organization_id).await? {
        let content = Content::Runway {
            name: member.name.clone(),
            organization: account.name.clone(),
            within,
            available: format!("{} {}", available.display(2), app.settings().currency),
            burn: amount(app, account.burn),
            until: date(now + TimeDelta::hours(hours)),
        };
        let word = format!("runway:{within}:{}:{}", now.timestamp_micros(), member.email);
        let mail = Mail::new(&to, &member.name, content).once(&word);
        enqueue_for(app, tx, Some(account.organization_id), Actor::System, &mail).await?;
    }
    Ok(())
}

/// These VPSs are kept until then.
pub(super) async fn kept(
    app: &App,
    tx: &mut SystemTx,
    account: &Account,
    news: News,
    until: DateTime<Utc>,
    rows: &[&Row],
) -> Result<()> {
    let resumed = account.burn.plus(account.unpaid)?;
    let missing = account.funds().missing(resumed, app.settings().reserve_hours)?.rounded_up(2)?;
    let (vps, more) = named(rows.iter().map(|row| row.name.as_str()));
    for (to, member) in payers(tx, account.organization_id).await? {
        let unpaid = Unpaid {
            name: member.name.clone(),
            organization: account.name.clone(),
            vps: vps.clone(),
            more,
            until: date(until),
            missing: amount(app, missing),
        };
        let (content, step) = match news {
            News::Announced => (Content::Suspended(unpaid), "announced".to_owned()),
            News::Warned(within) => (Content::Destruction { within, unpaid }, within.to_string()),
        };
        let word = format!("kept:{step}:{}:{}", until.timestamp_micros(), member.email);
        let mail = Mail::new(&to, &member.name, content).once(&word);
        enqueue_for(app, tx, Some(account.organization_id), Actor::System, &mail).await?;
    }
    Ok(())
}

/// VPSs of these names were destroyed.
pub(super) async fn destroyed(app: &App, tx: &mut OrgTx, organization: &str, names: &[&str]) -> Result<()> {
    let (vps, more) = named(names.iter().copied());
    for (to, member) in payers(tx, tx.organization_id()).await? {
        let content = Content::Destroyed {
            name: member.name.clone(),
            organization: organization.to_owned(),
            vps: vps.clone(),
            more,
        };
        enqueue(app, tx, &Mail::new(&to, &member.name, content)).await?;
    }
    Ok(())
}
