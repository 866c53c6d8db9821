//! The outbox: mails that wait, were sent, or could not be.

use chrono::{DateTime, Utc};
use domain::identity::{Actor, Email, Role};
use domain::notify::mail::MailState;
use domain::{MailId, OrganizationId};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::job::{self, NewJob};
use crate::{OrgDb as _, OrgTx, Result, SystemRead, SystemTx, WriteDb};

/// A mail to write into the outbox.
#[derive(Debug)]
pub struct NewMail<'a> {
    /// Its id.
    pub id: MailId,
    /// Which templates it is made from.
    pub kind: &'a str,
    /// Who gets it.
    pub recipient: &'a Email,
    /// What the templates are filled with, sealed.
    pub context_sealed: &'a str,
    /// The same at every attempt.
    pub message_id: &'a str,
    /// Not written when the organization has a mail with the same word.
    pub dedupe: Option<&'a str>,
}

/// Mails to one address go out one at a time, oldest first.
fn send_job(id: MailId, recipient: &str) -> NewJob {
    NewJob::new("mail.send", json!({ "mail_id": id })).keyed(format!("mail:{recipient}"))
}

async fn insert(
    conn: &mut PgConnection,
    organization: Option<OrganizationId>,
    mail: &NewMail<'_>,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into mails (organization_id, id, kind, recipient, context_sealed, message_id, dedupe)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (organization_id, dedupe) where dedupe is not null do nothing",
        organization.map(|o| o.0),
        mail.id.0,
        mail.kind,
        mail.recipient.as_str(),
        mail.context_sealed,
        mail.message_id,
        mail.dedupe,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes a mail of the organization and the job that sends it. Answers whether it is new.
pub async fn enqueue(tx: &mut OrgTx, mail: &NewMail<'_>) -> Result<bool> {
    let organization = tx.organization_id();
    let new = insert(tx.conn(), Some(organization), mail).await?;
    if new {
        job::enqueue(tx, send_job(mail.id, mail.recipient.as_str())).await?;
    }
    Ok(new)
}

/// The same from a transaction over all organizations; without one it is for operators.
pub async fn enqueue_for(
    tx: &mut SystemTx,
    organization: Option<OrganizationId>,
    actor: Actor,
    mail: &NewMail<'_>,
) -> Result<bool> {
    let new = insert(tx.conn(), organization, mail).await?;
    if new {
        job::enqueue_for(tx, organization, actor, send_job(mail.id, mail.recipient.as_str())).await?;
    }
    Ok(new)
}

/// A mail that is to be sent.
#[derive(Debug)]
pub struct Waiting {
    /// Its id.
    pub id: MailId,
    /// Which templates it is made from.
    pub kind: String,
    /// Who gets it.
    pub recipient: String,
    /// What the templates are filled with, sealed.
    pub context_sealed: String,
    /// The same at every attempt.
    pub message_id: String,
}

/// A mail, if it is to be sent still.
pub async fn waiting(db: &mut SystemRead, id: MailId) -> Result<Option<Waiting>> {
    Ok(sqlx::query_as!(
        Waiting,
        r#"select id as "id: MailId", kind, recipient, context_sealed as "context_sealed!", message_id
        from mails where id = $1 and state = 'queued'"#,
        id.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// The mail host took the mail: what was in it is forgotten.
pub async fn set_sent(tx: &mut SystemTx, id: MailId, subject: &str) -> Result<()> {
    sqlx::query!(
        "update mails set state = 'sent', sent_at = now(), subject = $2, last_error = null, context_sealed = null
        where id = $1 and state = 'queued'",
        id.0,
        subject
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Mail is switched off: it will not be sent, and what was in it is forgotten.
pub async fn set_skipped(tx: &mut SystemTx, id: MailId) -> Result<()> {
    sqlx::query!(
        "update mails set state = 'skipped', context_sealed = null where id = $1 and state = 'queued'",
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What the mail host said; with `MailState::Failed` there will be no further attempt.
pub async fn set_error(tx: &mut SystemTx, id: MailId, state: MailState, error: &str) -> Result<()> {
    sqlx::query!(
        "update mails set state = $2, last_error = $3 where id = $1 and state = 'queued'",
        id.0,
        state.as_str(),
        error
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Queues a failed mail again, or one whose job died with its worker. Answers its kind, unless it is sent, waits
/// already, or does not exist.
pub async fn resend(tx: &mut SystemTx, id: MailId, actor: Actor) -> Result<Option<String>> {
    let found = sqlx::query!(
        r#"update mails set state = 'queued'
        where id = $1 and (state = 'failed' or state = 'queued' and not exists (
            select from jobs where key = 'mail:' || recipient and state in ('ready', 'running')))
        returning organization_id as "organization_id: OrganizationId", kind, recipient"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(mail) = found else { return Ok(None) };
    job::enqueue_for(tx, mail.organization_id, actor, send_job(id, &mail.recipient)).await?;
    Ok(Some(mail.kind))
}

/// Is there such a mail?
pub async fn exists(tx: &mut SystemTx, id: MailId) -> Result<bool> {
    let found = sqlx::query_scalar!(r#"select exists (select from mails where id = $1) as "there!""#, id.0);
    Ok(found.fetch_one(tx.conn()).await?)
}

/// A mail as operators see it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: MailId,
    /// Name of the organization it is about; `None` for mail to operators.
    pub organization: Option<String>,
    /// That organization.
    pub organization_id: Option<OrganizationId>,
    /// Which templates it is made from, as stored.
    pub kind: String,
    /// Who gets it.
    pub recipient: String,
    /// As it was sent.
    pub subject: Option<String>,
    /// How far it is.
    pub state: MailState,
    /// Is it queued, though its job died with its worker?
    pub stuck: bool,
    /// What the mail host said last.
    pub last_error: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the mail host took it.
    pub sent_at: Option<DateTime<Utc>>,
}

/// Up to `limit` mails before `before`, newest first, of all organizations.
pub async fn list(
    db: &mut SystemRead,
    state: Option<MailState>,
    before: Option<MailId>,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select m.id as "id: MailId", o.name as "organization?", m.organization_id as "organization_id: OrganizationId",
            m.kind, m.recipient, m.subject, m.state as "state: MailState",
            m.state = 'queued' and not exists (select from jobs j
                where j.key = 'mail:' || m.recipient and j.state in ('ready', 'running')) as "stuck!",
            m.last_error, m.created_at, m.sent_at
        from mails m left join organizations o on o.id = m.organization_id
        where ($1::text is null or m.state = $1) and ($2::uuid is null or m.id < $2)
        order by m.id desc limit $3"#,
        state.map(MailState::as_str),
        before.map(|m| m.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// An operator to write to.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Address.
    pub email: String,
    /// Display name.
    pub name: String,
}

/// Every operator who may sign in.
pub async fn operators(tx: &mut SystemTx) -> Result<Vec<Recipient>> {
    Ok(sqlx::query_as!(
        Recipient,
        "select email, name from users where platform_role = 'operator' and suspended_at is null order by id"
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Somebody of an organization to write to.
#[derive(Debug, Clone)]
pub struct Member {
    /// Of which.
    pub organization_id: OrganizationId,
    /// Address.
    pub email: String,
    /// Display name.
    pub name: String,
}

/// Everybody in these organizations who may sign in and has one of these roles, oldest first.
pub async fn members(
    tx: &mut impl WriteDb,
    organizations: &[OrganizationId],
    roles: &[Role],
) -> Result<Vec<Member>> {
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    let roles: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    Ok(sqlx::query_as!(
        Member,
        r#"select organization_id as "organization_id: OrganizationId", email, name from users
        where organization_id = any($1) and role = any($2) and suspended_at is null order by organization_id, id"#,
        &ids,
        &roles
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Notes which alarms are open. Answers those that were not when this was last asked.
pub async fn newly_open(tx: &mut SystemTx, open: &[String]) -> Result<Vec<String>> {
    sqlx::query!("delete from told_alarms where key <> all($1)", open).execute(tx.conn()).await?;
    Ok(sqlx::query_scalar!(
        "insert into told_alarms (key) select distinct * from unnest($1::text[]) on conflict do nothing returning key",
        open
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Forgets mails 90 days after they were asked for. Those that wait stay.
pub async fn housekeep(tx: &mut SystemTx) -> Result<()> {
    sqlx::query!("delete from mails where created_at < now() - interval '90 days' and state <> 'queued'")
        .execute(tx.conn())
        .await?;
    Ok(())
}
