//! Mail to operators about what they should look at.
//!
//! Each alarm is told once, when it opens, and again only after it has closed in between.

use std::collections::BTreeSet;
use std::fmt::Display;

use domain::identity::{Actor, Email};
use serde::{Deserialize, Serialize};
use store::job::{Job, Next, queue};
use store::notify::mail as rows;
use store::{Exempt, SystemPurpose, SystemRead, SystemTx};

use super::mail::{Content, Mail, enqueue_for};
use crate::operations::alarms::{Alarm, alarms};
use crate::worker::{Context, Fail};
use crate::{App, Settings};

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
    let open = open(&mut db, ctx.app().settings()).await?;
    drop(db);
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    tell_operators(ctx.app(), &mut tx, &open).await?;
    Ok(tx.finish(job, Next::Done, Exempt::MailDelivery).await?)
}

/// What is open now, as the operators' pages show it. One page about one kind of alarm is one subject.
async fn open(db: &mut SystemRead, settings: &Settings) -> crate::Result<Vec<OpenAlarm>> {
    let open = alarms(db, settings).await?.into_iter().map(|alarm| {
        let Alarm { code, title, text, href, .. } = alarm;
        OpenAlarm::new(code.as_str(), href.clone(), AlarmLine { title, text, href: Some(href) })
    });
    Ok(open.collect())
}
