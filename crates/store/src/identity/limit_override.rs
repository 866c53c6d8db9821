//! Other request limits than the installation's, until a time.

use chrono::{DateTime, Utc};
use domain::identity::{BadQuota, Quota};
use domain::{ApiKeyId, LimitOverrideId, OrganizationId, UserId};

use crate::handle::sealed::Conn as _;
use crate::{Result, Store, SystemPurpose, SystemRead, SystemTx};

/// Whom a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitSubject {
    /// All requests of the organization together.
    Organization,
    /// One of its people, in the browser.
    User(UserId),
    /// One of its API keys.
    ApiKey(ApiKeyId),
}

impl LimitSubject {
    fn of(user: Option<UserId>, key: Option<ApiKeyId>) -> Self {
        match (user, key) {
            (Some(user), _) => Self::User(user),
            (None, Some(key)) => Self::ApiKey(key),
            (None, None) => Self::Organization,
        }
    }

    fn columns(self) -> (Option<uuid::Uuid>, Option<uuid::Uuid>) {
        match self {
            Self::Organization => (None, None),
            Self::User(user) => (Some(user.0), None),
            Self::ApiKey(key) => (None, Some(key.0)),
        }
    }
}

/// A limit in force.
#[derive(Debug, Clone)]
pub struct LimitOverride {
    /// Its id.
    pub id: LimitOverrideId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// Whom in it.
    pub subject: LimitSubject,
    /// Name of the person or key.
    pub subject_name: Option<String>,
    /// The limit.
    pub quota: Quota,
    /// What for.
    pub reason: String,
    /// From then on the installation's limit holds again.
    pub expires_at: DateTime<Utc>,
}

struct Row {
    id: LimitOverrideId,
    organization_id: OrganizationId,
    user_id: Option<UserId>,
    api_key_id: Option<ApiKeyId>,
    subject_name: Option<String>,
    requests: i32,
    seconds: i32,
    reason: String,
    expires_at: DateTime<Utc>,
}

impl TryFrom<Row> for LimitOverride {
    type Error = BadQuota;

    fn try_from(row: Row) -> std::result::Result<Self, BadQuota> {
        let number = |stored: i32| u32::try_from(stored).map_err(|_| BadQuota);
        Ok(Self {
            id: row.id,
            organization_id: row.organization_id,
            subject: LimitSubject::of(row.user_id, row.api_key_id),
            subject_name: row.subject_name,
            quota: Quota::new(number(row.requests)?, number(row.seconds)?)?,
            reason: row.reason,
            expires_at: row.expires_at,
        })
    }
}

/// A limit to put in force.
#[derive(Debug)]
pub struct NewLimitOverride<'a> {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Whom in it; people and keys of another organization are refused by a foreign key.
    pub subject: LimitSubject,
    /// The limit.
    pub quota: Quota,
    /// What for, 1 to 100 characters.
    pub reason: &'a str,
    /// For how many days.
    pub days: i32,
}

/// Puts a limit in force, in place of the one there was for the same subject. Answers its id and end.
pub async fn set_limit(
    tx: &mut SystemTx,
    new: NewLimitOverride<'_>,
) -> Result<(LimitOverrideId, DateTime<Utc>)> {
    let (user, key) = new.subject.columns();
    let row = sqlx::query!(
        r#"insert into limit_overrides
            (organization_id, id, user_id, api_key_id, requests, seconds, reason, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8))
        on conflict (organization_id, user_id, api_key_id) do update
        set requests = excluded.requests, seconds = excluded.seconds, reason = excluded.reason,
            created_at = now(), expires_at = excluded.expires_at
        returning id as "id: LimitOverrideId", expires_at"#,
        new.organization_id.0,
        LimitOverrideId::new().0,
        user,
        key,
        i32::try_from(new.quota.requests()).unwrap_or(i32::MAX),
        i32::try_from(new.quota.seconds()).unwrap_or(i32::MAX),
        new.reason,
        new.days,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.id, row.expires_at))
}

/// Takes a limit of an organization back. Answers whom it was for, if it was there.
pub async fn remove_limit(
    tx: &mut SystemTx,
    organization: OrganizationId,
    id: LimitOverrideId,
) -> Result<Option<LimitSubject>> {
    let row = sqlx::query!(
        r#"delete from limit_overrides where organization_id = $1 and id = $2
        returning user_id as "user_id: UserId", api_key_id as "api_key_id: ApiKeyId""#,
        organization.0,
        id.0,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| LimitSubject::of(row.user_id, row.api_key_id)))
}

/// Forgets limits that are over.
pub async fn remove_expired_limits(tx: &mut SystemTx) -> Result<()> {
    sqlx::query!("delete from limit_overrides where expires_at <= now()").execute(tx.conn()).await?;
    Ok(())
}

/// An organization's limits in force, newest first.
pub async fn limits_of(db: &mut SystemRead, organization: OrganizationId) -> Result<Vec<LimitOverride>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select l.id as "id: LimitOverrideId", l.organization_id as "organization_id: OrganizationId",
            l.user_id as "user_id: UserId", l.api_key_id as "api_key_id: ApiKeyId",
            coalesce(u.name, k.name) as subject_name, l.requests, l.seconds, l.reason, l.expires_at
        from limit_overrides l left join users u on u.id = l.user_id left join api_keys k on k.id = l.api_key_id
        where l.organization_id = $1 and l.expires_at > now() order by l.id desc limit 200"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().filter_map(|row| row.try_into().ok()).collect())
}

/// All limits in force, as every process keeps them at hand.
pub async fn limits_in_force(store: &Store) -> Result<Vec<LimitOverride>> {
    let mut db = store.system_read(SystemPurpose::Limits).await?;
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: LimitOverrideId", organization_id as "organization_id: OrganizationId",
            user_id as "user_id: UserId", api_key_id as "api_key_id: ApiKeyId", null::text as subject_name,
            requests, seconds, reason, expires_at
        from limit_overrides where expires_at > now() order by id limit 10000"#,
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().filter_map(|row| row.try_into().ok()).collect())
}

/// Whom in an organization a limit can be for: its people, then its live keys, with their names.
pub async fn limit_subjects(
    db: &mut SystemRead,
    organization: OrganizationId,
) -> Result<Vec<(LimitSubject, String)>> {
    let rows = sqlx::query!(
        r#"select id as "user_id?: UserId", null::uuid as "api_key_id?: ApiKeyId", name as "name!" from users
        where organization_id = $1
        union all
        select null, id, name from api_keys where organization_id = $1 and revoked_at is null
        order by 1, 2 limit 500"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (LimitSubject::of(row.user_id, row.api_key_id), row.name)).collect())
}
