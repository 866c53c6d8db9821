//! Mail to operators about what they should look at.
//!
//! Each alarm is told once, when it opens, and again only after it has closed in between.

use std::collections::BTreeSet;
use std::fmt::Display;

use domain::identity::{Actor, Email};
use domain::provider::ProviderState;
use serde::{Deserialize, Serialize};
use store::catalog::read::Plan;
use store::job::{Job, Next, queue};
use store::notify::mail as rows;
use store::provider::read::Listed;
use store::{Exempt, SystemPurpose, SystemRead, SystemTx, catalog, provider};

use super::mail::{Content, Mail, enqueue_for};
use crate::App;
use crate::worker::{Context, Fail};

/// An alarm as a mail shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmLine {
    /// What is wrong, as a sentence.
    pub title: String,
    /// What that means and what to do; may be empty.
    pub text: String,
    /// Path of the page to look at.
    pub href: Option<String>,
}

/// An alarm that is open now.
#[derive(Debug, Clone)]
pub struct OpenAlarm {
    key: String,
    line: AlarmLine,
}

impl OpenAlarm {
    /// Code and subject together are what "the same alarm" means.
    pub fn new(code: &str, subject: impl Display, line: AlarmLine) -> Self {
        Self { key: format!("{code}:{subject}"), line }
    }
}

/// Writes one mail to every operator about the alarms that were not open when this was last called. `open` is all that
/// are open now: what is missing from it counts as closed. Answers how many are new.
pub async fn tell_operators(app: &App, tx: &mut SystemTx, open: &[OpenAlarm]) -> crate::Result<usize> {
    let keys: Vec<String> = open.iter().map(|alarm| alarm.key.clone()).collect();
    let new: BTreeSet<String> = rows::newly_open(tx, &keys).await?.into_iter().collect();
    let lines: Vec<AlarmLine> =
        open.iter().filter(|alarm| new.contains(&alarm.key)).map(|alarm| alarm.line.clone()).collect();
    if lines.is_empty() {
        return Ok(0);
    }
    for operator in rows::operators(tx).await? {
        let Some(to) = Email::parse(&operator.email) else { continue };
        let mail = Mail::new(&to, &operator.name, Content::Alarm { lines: lines.clone() });
        enqueue_for(app, tx, None, Actor::System, &mail).await?;
    }
    Ok(new.len())
}

/// The recurring job. Without mail it notes nothing, so that what is open is told once mail is switched on.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    if ctx.mailer().is_none() {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let open = open(&mut db).await?;
    drop(db);
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    tell_operators(ctx.app(), &mut tx, &open).await?;
    Ok(tx.finish(job, Next::Done, Exempt::MailDelivery).await?)
}

/// What is open now.
async fn open(db: &mut SystemRead) -> crate::Result<Vec<OpenAlarm>> {
    let accounts = provider::read::list(db).await?;
    let plans = catalog::read::plans(db).await?;
    Ok(accounts.iter().flat_map(of_account).chain(of_prices(&plans)).collect())
}

/// What an account needs from the operator.
fn of_account(account: &Listed) -> Vec<OpenAlarm> {
    let alarm = |code: &str, what: &str, text: &str| {
        let line = AlarmLine {
            title: format!("{}: {what}", account.name),
            text: text.to_owned(),
            href: Some(format!("/operator/providers/{}", account.id)),
        };
        OpenAlarm::new(code, account.id, line)
    };
    let mut alarms = Vec::new();
    if account.state == ProviderState::Unauthorized {
        let text = "Work in this account waits until it is replaced.";
        alarms.push(alarm("provider.unauthorized", "the token is refused.", text));
    } else if let Some(error) = &account.last_error {
        alarms.push(alarm("provider.error", error, ""));
    }
    if account.orphans > 0 {
        let plural = if account.orphans == 1 { "" } else { "s" };
        let what = format!("{} server{plural} nobody ordered.", account.orphans);
        alarms.push(alarm("provider.orphans", &what, "They cost money. Look at them at the provider."));
    }
    alarms
}

/// Prices made from costs that have changed.
fn of_prices(plans: &[Plan]) -> Option<OpenAlarm> {
    let changed = plans.iter().filter(|plan| plan.active && plan.changed > 0).count();
    let plural = if changed == 1 { "" } else { "s" };
    let line = AlarmLine {
        title: format!("The cost of {changed} plan{plural} has changed."),
        text: "Publish new prices, so that new VPSs are not sold below cost.".into(),
        href: Some("/operator/plans".into()),
    };
    (changed > 0).then(|| OpenAlarm::new("catalog.cost_changed", "plans", line))
}
