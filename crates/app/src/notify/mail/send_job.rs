//! Handing one mail to the mail host.

use std::time::Duration;

use domain::MailId;
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::{Actor, Email};
use domain::notify::mail::{MailState, Message};
use domain::provider::UpstreamError;
use secrecy::ExposeSecret as _;
use serde_json::json;
use store::job::{Job, Next, queue};
use store::notify::mail::{self as rows, Waiting};
use store::{Exempt, SystemPurpose};

use super::{Context as Sealed, place, render};
use crate::worker::{Context, Fail, payload_id};

/// Longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// Sends the mail, unless that is over.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: MailId = payload_id(job, "mail_id")?;
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let waiting = rows::waiting(&mut db, id).await?;
    drop(db);
    let Some(mail) = waiting else { return Ok(queue::done(ctx.store(), job).await?) };
    let Some(mailer) = ctx.mailer() else { return skip(ctx, job, id).await };
    let message = match compose(ctx, &mail) {
        Ok(message) => message,
        Err(why) => return failed(ctx, job, &mail, &why).await,
    };
    if !queue::still_ours(ctx.store(), job, ctx.call_limit()).await? {
        return Err(store::Error::LeaseLost.into());
    }
    match mailer.send(&message).await {
        Ok(()) => {
            let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
            rows::set_sent(&mut tx, id, &message.subject).await?;
            Ok(tx.finish(job, Next::Done, Exempt::MailDelivery).await?)
        }
        Err(UpstreamError::Rejected { detail, .. }) => failed(ctx, job, &mail, &detail).await,
        Err(UpstreamError::Transient { detail, .. } | UpstreamError::OutcomeUnknown { detail }) => {
            later(ctx, job, &mail, detail).await
        }
        Err(error) => later(ctx, job, &mail, error.to_string()).await,
    }
}

/// Opens what the mail says and puts it into words. An error names what is wrong, and nothing of the content.
fn compose(ctx: &Context, mail: &Waiting) -> Result<Message, String> {
    let opened = ctx.app().vault.open(place(mail.id), &mail.context_sealed).map_err(|e| e.to_string())?;
    let Sealed { name, content } = serde_json::from_str(opened.expose_secret())
        .map_err(|_| "it was written by another version".to_owned())?;
    let rendered = render::render(ctx.settings(), &content)
        .map_err(|error| format!("template {}: {}", error.name().unwrap_or_default(), error.kind()))?;
    Ok(Message {
        message_id: mail.message_id.clone(),
        to: Email::parse(&mail.recipient).ok_or("the address is none")?,
        to_name: name,
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
    })
}

/// Another attempt, unless this was the last.
async fn later(ctx: &Context, job: &Job, mail: &Waiting, detail: String) -> Result<(), Fail> {
    let wait = Some(patience(job.attempts));
    let fail = Fail::gateway(UpstreamError::Transient { retry_after: wait, detail: detail.clone() });
    if fail.buries(job) {
        return failed(ctx, job, mail, &detail).await;
    }
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    rows::set_error(&mut tx, mail.id, MailState::Queued, &detail).await?;
    tx.commit(Exempt::MailDelivery).await?;
    Err(fail)
}

/// Four times as long each time, up to an hour: a dozen attempts span some hours, and hosts that turn
/// strangers away at first (greylisting) take the mail a few minutes later.
fn patience(attempts: i32) -> Duration {
    let exponent = u32::try_from(attempts.clamp(0, 10)).unwrap_or(10);
    Duration::from_secs(4_u64.pow(exponent)).min(WAIT_MAX)
}

async fn skip(ctx: &Context, job: &Job, id: MailId) -> Result<(), Fail> {
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    rows::set_skipped(&mut tx, id).await?;
    Ok(tx.finish(job, Next::Done, Exempt::MailDelivery).await?)
}

/// It will not be tried again by itself. The installation's trail says so, not the organization's: what the mail host
/// answers is for operators.
async fn failed(ctx: &Context, job: &Job, mail: &Waiting, why: &str) -> Result<(), Fail> {
    tracing::error!(mail = %mail.id, kind = mail.kind, why, "a mail cannot be delivered");
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    rows::set_error(&mut tx, mail.id, MailState::Failed, why).await?;
    let entry = Activity::platform(Actor::System, Action::MailFailed)
        .on(TargetKind::Mail, mail.id)
        .with(json!({ "kind": mail.kind, "reason": why }));
    Ok(tx.finish(job, Next::Done, entry).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_host_that_is_away_for_hours_loses_nothing() {
        let all: Duration = (0..11).map(patience).sum();
        assert!(all > Duration::from_secs(5 * 3600), "{all:?}");
        assert_eq!(patience(0), Duration::from_secs(1));
    }
}
