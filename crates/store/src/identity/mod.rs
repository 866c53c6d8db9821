//! Organizations, users, sessions, API keys, and the shared rate limiter.

mod confirmation;
mod idempotency;
mod limit_override;
mod limiter;
pub mod read;

pub use confirmation::{Addressee, addressee, insert_confirmation, set_email_confirmed, use_confirmation};
pub use idempotency::{Claim, Kept, claim, keep};
pub use limit_override::{
    LimitOverride, LimitSubject, NewLimitOverride, limit_subjects, limits_in_force, limits_of,
    remove_expired_limits, remove_limit, set_limit,
};
pub use limiter::{Charge, Level, charge, remove_drained};

use chrono::{DateTime, Utc};
use domain::identity::{Actor, Email, Identity, PlatformRole, Role};
use domain::{ApiKeyId, OrganizationId, SessionId, UserId};

use crate::handle::sealed::Conn as _;
use crate::{Identify, OrgDb, OrgScope, OrgTx, Result, SystemTx};

/// SHA-256 of a session token or API key.
pub type Digest = [u8; 32];

/// A user to add.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// Its id.
    pub id: UserId,
    /// Where it belongs.
    pub organization_id: OrganizationId,
    /// Sign-in name, unique over the installation.
    pub email: &'a Email,
    /// Display name.
    pub name: &'a str,
    /// argon2id in PHC format.
    pub password_hash: &'a str,
    /// Role in the organization.
    pub role: Role,
    /// Role on the installation.
    pub platform_role: Option<PlatformRole>,
}

/// Adds an organization with its wallet.
pub async fn insert_organization(tx: &mut SystemTx, id: OrganizationId, name: &str) -> Result<()> {
    sqlx::query!("insert into organizations (id, name) values ($1, $2)", id.0, name)
        .execute(tx.conn())
        .await?;
    sqlx::query!("insert into wallets (organization_id) values ($1)", id.0).execute(tx.conn()).await?;
    Ok(())
}

/// Adds a user. A taken e-mail address is refused by constraint `users_email_key`.
pub async fn insert_user(tx: &mut SystemTx, user: NewUser<'_>) -> Result<()> {
    sqlx::query!(
        "insert into users (organization_id, id, email, name, password_hash, role, platform_role)
        values ($1, $2, $3, $4, $5, $6, $7)",
        user.organization_id.0,
        user.id.0,
        user.email.as_str(),
        user.name,
        user.password_hash,
        user.role.as_str(),
        user.platform_role.map(PlatformRole::as_str),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A browser session to begin.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// Whose.
    pub user_id: UserId,
    /// Of the token in the cookie.
    pub digest: &'a Digest,
    /// Client address.
    pub address: Option<String>,
    /// What the browser calls itself, cut to 200 characters by the caller.
    pub user_agent: Option<&'a str>,
    /// How long it may last however much it is used, in days.
    pub days: i32,
}

/// Begins a session.
pub async fn insert_session(tx: &mut SystemTx, session: NewSession<'_>) -> Result<()> {
    sqlx::query!(
        "insert into sessions (organization_id, id, user_id, digest, address, user_agent, expires_at)
        values ($1, $2, $3, $4, $5, $6, now() + make_interval(days => $7))",
        session.organization_id.0,
        session.id.0,
        session.user_id.0,
        session.digest,
        session.address,
        session.user_agent,
        session.days,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends a session of a user. Answers whether it was open.
pub async fn revoke_session(tx: &mut OrgTx, user: UserId, session: SessionId) -> Result<bool> {
    let organization = tx.organization_id();
    let done = sqlx::query!(
        "update sessions set revoked_at = now()
        where organization_id = $1 and user_id = $2 and id = $3 and revoked_at is null",
        organization.0,
        user.0,
        session.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a session is in use, at most once a minute.
pub async fn touch_session(tx: &mut SystemTx, session: SessionId) -> Result<()> {
    sqlx::query!(
        "update sessions set last_used_at = now() where id = $1 and last_used_at < now() - interval '1 minute'",
        session.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that an API key is in use, at most once a minute.
pub async fn touch_api_key(tx: &mut SystemTx, key: ApiKeyId) -> Result<()> {
    sqlx::query!(
        "update api_keys set last_used_at = now()
        where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')",
        key.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Who a session or API key belongs to.
#[derive(Debug, Clone)]
pub struct Known {
    /// Authority over the organization.
    pub scope: OrgScope,
    /// For permission checks.
    pub identity: Identity,
    /// The session, if it is one.
    pub session_id: Option<SessionId>,
    /// Display name of the person.
    pub user_name: String,
    /// Sign-in name of the person.
    pub email: String,
    /// Do they read what is sent there?
    pub email_confirmed: bool,
    /// Name of the organization.
    pub organization_name: String,
    /// When it was last noted to be in use.
    pub last_used_at: Option<DateTime<Utc>>,
}

struct KnownRow {
    organization_id: OrganizationId,
    user_id: UserId,
    role: Role,
    platform_role: Option<PlatformRole>,
    user_name: String,
    email: String,
    email_confirmed: bool,
    organization_name: String,
    last_used_at: Option<DateTime<Utc>>,
    id: uuid::Uuid,
}

impl KnownRow {
    fn known(self, actor: Actor, session_id: Option<SessionId>) -> Known {
        let Self { organization_id, user_id, role, platform_role, .. } = self;
        Known {
            scope: OrgScope::new(organization_id, actor),
            identity: Identity { organization_id, actor, user_id, role, platform_role },
            session_id,
            user_name: self.user_name,
            email: self.email,
            email_confirmed: self.email_confirmed,
            organization_name: self.organization_name,
            last_used_at: self.last_used_at,
        }
    }
}

/// Who a session token belongs to; `None` when the session is unknown, over or revoked, or the user
/// is suspended. A session unused for a week is over.
pub async fn by_session(db: &mut Identify, digest: &Digest) -> Result<Option<Known>> {
    let row = sqlx::query_as!(
        KnownRow,
        r#"select s.organization_id as "organization_id: OrganizationId", s.user_id as "user_id: UserId",
            u.role as "role: Role", u.platform_role as "platform_role: PlatformRole", u.name as user_name, u.email,
            u.email_confirmed_at is not null as "email_confirmed!", o.name as organization_name, s.last_used_at as "last_used_at?", s.id
        from sessions s join users u on u.id = s.user_id join organizations o on o.id = s.organization_id
        where s.digest = $1 and s.revoked_at is null and s.expires_at > now()
            and s.last_used_at > now() - interval '7 days' and u.suspended_at is null"#,
        digest
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(row.map(|row| {
        let (actor, session) = (Actor::User { user: row.user_id }, SessionId(row.id));
        row.known(actor, Some(session))
    }))
}

/// Who an API key belongs to; `None` when it is unknown or revoked, or the user is suspended.
pub async fn by_api_key(db: &mut Identify, digest: &Digest) -> Result<Option<Known>> {
    let row = sqlx::query_as!(
        KnownRow,
        r#"select k.organization_id as "organization_id: OrganizationId", k.user_id as "user_id: UserId",
            u.role as "role: Role", u.platform_role as "platform_role: PlatformRole", u.name as user_name, u.email,
            u.email_confirmed_at is not null as "email_confirmed!", o.name as organization_name, k.last_used_at, k.id
        from api_keys k join users u on u.id = k.user_id join organizations o on o.id = k.organization_id
        where k.digest = $1 and k.revoked_at is null and u.suspended_at is null"#,
        digest
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(row.map(|row| {
        let actor = Actor::ApiKey { key: ApiKeyId(row.id) };
        row.known(actor, None)
    }))
}

/// What a sign-in is checked against.
#[derive(Debug)]
pub struct Credentials {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The user.
    pub user_id: UserId,
    /// argon2id in PHC format.
    pub password_hash: String,
    /// May not sign in.
    pub suspended: bool,
}

/// The credentials behind an e-mail address.
pub async fn credentials(db: &mut Identify, email: &Email) -> Result<Option<Credentials>> {
    Ok(sqlx::query_as!(
        Credentials,
        r#"select organization_id as "organization_id: OrganizationId", id as "user_id: UserId", password_hash,
            suspended_at is not null as "suspended!"
        from users where email = $1"#,
        email.as_str()
    )
    .fetch_optional(db.conn())
    .await?)
}

/// A person to be shut out or let in.
#[derive(Debug)]
pub struct Person {
    /// Where they belong.
    pub organization_id: OrganizationId,
    /// Sign-in name.
    pub email: String,
    /// Role on the installation, if any.
    pub platform_role: Option<PlatformRole>,
    /// Are they shut out?
    pub suspended: bool,
}

/// A person of any organization, locked until the transaction ends.
pub async fn lock_person(tx: &mut SystemTx, user: UserId) -> Result<Option<Person>> {
    Ok(sqlx::query_as!(
        Person,
        r#"select organization_id as "organization_id: OrganizationId", email,
            platform_role as "platform_role: PlatformRole", suspended_at is not null as "suspended!"
        from users where id = $1 for update"#,
        user.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Shuts a person out or lets them in again. While they are out, no session or API key of theirs is known.
pub async fn set_suspended(tx: &mut SystemTx, user: UserId, suspended: bool) -> Result<()> {
    sqlx::query!(
        "update users set suspended_at = case when $2 then now() end where id = $1",
        user.0,
        suspended
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends all sessions of a person.
pub async fn revoke_sessions(tx: &mut SystemTx, user: UserId) -> Result<()> {
    sqlx::query!("update sessions set revoked_at = now() where user_id = $1 and revoked_at is null", user.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Adds an API key for the acting person.
pub async fn insert_api_key(
    tx: &mut OrgTx,
    id: ApiKeyId,
    user: UserId,
    name: &str,
    hint: &str,
    digest: &Digest,
) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "insert into api_keys (organization_id, id, user_id, name, hint, digest) values ($1, $2, $3, $4, $5, $6)",
        organization.0,
        id.0,
        user.0,
        name,
        hint,
        digest,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends an API key. Answers its name if it was live.
pub async fn revoke_api_key(tx: &mut OrgTx, id: ApiKeyId) -> Result<Option<String>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_scalar!(
        "update api_keys set revoked_at = now()
        where organization_id = $1 and id = $2 and revoked_at is null returning name",
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Authority over an organization for an operator who looks into it; the visit is to be noted in
/// the organization's trail by the caller. `None` when there is no such organization.
pub async fn visit(
    tx: &mut SystemTx,
    organization: OrganizationId,
    actor: Actor,
) -> Result<Option<OrgScope>> {
    let found = sqlx::query_scalar!("select id from organizations where id = $1", organization.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(found.map(|_| OrgScope::new(organization, actor)))
}

/// Removes sessions that are over, old events, kept answers and finished jobs.
pub async fn housekeep(tx: &mut SystemTx) -> Result<()> {
    sqlx::query!("delete from sessions where expires_at < now() - interval '30 days'")
        .execute(tx.conn())
        .await?;
    sqlx::query!("delete from events where created_at < now() - interval '1 day'").execute(tx.conn()).await?;
    sqlx::query!("delete from idempotency_keys where created_at < now() - interval '24 hours'")
        .execute(tx.conn())
        .await?;
    sqlx::query!("delete from email_confirmations where expires_at < now() - interval '30 days'")
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "delete from jobs where state in ('done', 'cancelled') and finished_at < now() - interval '7 days'"
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
