//! Links that confirm e-mail addresses.

use domain::{OrganizationId, UserId};

use super::Digest;
use crate::handle::sealed::Conn as _;
use crate::{OrgDb as _, OrgTx, Result, SystemTx, WriteDb};

/// Keeps the digest of a link that works once, for a day.
pub async fn insert_confirmation(
    tx: &mut impl WriteDb,
    organization: OrganizationId,
    user: UserId,
    digest: &Digest,
) -> Result<()> {
    sqlx::query!(
        "insert into email_confirmations (organization_id, user_id, digest, expires_at)
        values ($1, $2, $3, now() + interval '1 day')",
        organization.0,
        user.0,
        digest
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Uses a link up. Answers whose address it confirms; `None` when the link is unknown, used or too old.
pub async fn use_confirmation(
    tx: &mut SystemTx,
    digest: &Digest,
) -> Result<Option<(OrganizationId, UserId)>> {
    let used = sqlx::query!(
        r#"update email_confirmations set used_at = now()
        where digest = $1 and used_at is null and expires_at > now()
        returning organization_id as "organization_id: OrganizationId", user_id as "user_id: UserId""#,
        digest
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(used.map(|row| (row.organization_id, row.user_id)))
}

/// Notes that the address is confirmed. Answers whether that is news.
pub async fn set_email_confirmed(tx: &mut SystemTx, user: UserId) -> Result<bool> {
    let set = sqlx::query!(
        "update users set email_confirmed_at = now() where id = $1 and email_confirmed_at is null",
        user.0
    )
    .execute(tx.conn())
    .await?;
    Ok(set.rows_affected() == 1)
}

/// A person to write to.
#[derive(Debug, Clone)]
pub struct Addressee {
    /// Address.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Do they read what is sent there?
    pub confirmed: bool,
}

/// A person of the organization.
pub async fn addressee(tx: &mut OrgTx, user: UserId) -> Result<Option<Addressee>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Addressee,
        r#"select email, name, email_confirmed_at is not null as "confirmed!"
        from users where organization_id = $1 and id = $2"#,
        organization.0,
        user.0
    )
    .fetch_optional(tx.conn())
    .await?)
}
