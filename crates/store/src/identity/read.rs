//! People, sessions, API keys and organizations as pages show them.

use chrono::{DateTime, Utc};
use domain::billing::ladder::Funds;
use domain::identity::{PlatformRole, Role};
use domain::{ApiKeyId, Money, OrganizationId, SessionId, UserId};

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, Result, SystemRead};

/// A person of the organization.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// Display name.
    pub name: String,
}

/// Everybody in the organization, by name.
pub async fn people(db: &mut OrgRead) -> Result<Vec<Person>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Person,
        r#"select id as "id: UserId", name from users where organization_id = $1 order by name, id limit 500"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// An API key that is live.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// Who made it; it may do what they may.
    pub owner: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The organization's live API keys, newest first.
pub async fn api_keys(db: &mut OrgRead) -> Result<Vec<ApiKey>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        ApiKey,
        r#"select k.id as "id: ApiKeyId", k.name, k.hint, u.name as owner, k.created_at, k.last_used_at
        from api_keys k join users u on u.organization_id = k.organization_id and u.id = k.user_id
        where k.organization_id = $1 and k.revoked_at is null
        order by k.id desc limit 200"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// A browser session that is open.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Where it was begun.
    pub address: Option<String>,
    /// What the browser called itself.
    pub user_agent: Option<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub last_used_at: DateTime<Utc>,
}

/// A person's open sessions, newest first.
pub async fn sessions(db: &mut OrgRead, user: UserId) -> Result<Vec<Session>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Session,
        r#"select id as "id: SessionId", address, user_agent, created_at, last_used_at
        from sessions
        where organization_id = $1 and user_id = $2 and revoked_at is null and expires_at > now()
            and last_used_at > now() - interval '7 days'
        order by id desc limit 100"#,
        organization.0,
        user.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// An organization as operators see it.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Sign-in name of its oldest owner.
    pub owner: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Money that can be spent.
    pub available: Money,
    /// Money reserved for open orders.
    pub held: Money,
    /// What it owes.
    pub receivable: Money,
    /// How much it may owe before anything is suspended.
    pub credit_limit: Money,
    /// What it runs costs per hour.
    pub burn: Money,
    /// VPSs that are not over.
    pub vps_count: i64,
}

impl Organization {
    /// What decides whether it can go on.
    pub fn funds(&self) -> Funds {
        Funds { available: self.available, receivable: self.receivable, credit_limit: self.credit_limit }
    }
}

/// Up to `limit` organizations after `before` (newest first) whose name, or a person's e-mail
/// address, contains `search`.
pub async fn organizations(
    db: &mut SystemRead,
    search: &str,
    before: Option<OrganizationId>,
    limit: i64,
) -> Result<Vec<Organization>> {
    Ok(sqlx::query_as!(
        Organization,
        r#"select o.id as "id: OrganizationId", o.name,
            (select u.email from users u where u.organization_id = o.id and u.role = 'owner' order by u.id limit 1)
                as owner,
            o.created_at, w.available_micros as "available: Money", w.held_micros as "held: Money",
            w.receivable_micros as "receivable: Money", coalesce(t.credit_limit_micros, 0) as "credit_limit!: Money",
            w.burn_micros as "burn: Money",
            (select count(*) from vps_instances v where v.organization_id = o.id
                and v.state in ('creating', 'active', 'deleting', 'lost')) as "vps_count!"
        from organizations o join wallets w on w.organization_id = o.id
        left join wallet_terms t on t.organization_id = o.id
        where ($1 = '' or strpos(lower(o.name), lower($1)) > 0
                or exists (select from users u where u.organization_id = o.id and strpos(u.email, lower($1)) > 0))
            and ($2::uuid is null or o.id < $2)
        order by o.id desc limit $3"#,
        search,
        before.map(|o| o.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// One organization.
pub async fn organization(db: &mut SystemRead, id: OrganizationId) -> Result<Option<Organization>> {
    Ok(sqlx::query_as!(
        Organization,
        r#"select o.id as "id: OrganizationId", o.name,
            (select u.email from users u where u.organization_id = o.id and u.role = 'owner' order by u.id limit 1)
                as owner,
            o.created_at, w.available_micros as "available: Money", w.held_micros as "held: Money",
            w.receivable_micros as "receivable: Money", coalesce(t.credit_limit_micros, 0) as "credit_limit!: Money",
            w.burn_micros as "burn: Money",
            (select count(*) from vps_instances v where v.organization_id = o.id
                and v.state in ('creating', 'active', 'deleting', 'lost')) as "vps_count!"
        from organizations o join wallets w on w.organization_id = o.id
        left join wallet_terms t on t.organization_id = o.id
        where o.id = $1"#,
        id.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// A person as operators see them.
#[derive(Debug, Clone)]
pub struct Member {
    /// Their id.
    pub id: UserId,
    /// Display name.
    pub name: String,
    /// Sign-in name.
    pub email: String,
    /// Role in the organization.
    pub role: Role,
    /// Role on the installation.
    pub platform_role: Option<PlatformRole>,
    /// Shut out by an operator?
    pub suspended: bool,
}

/// Everybody in an organization, oldest first.
pub async fn members(db: &mut SystemRead, organization: OrganizationId) -> Result<Vec<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"select id as "id: UserId", name, email, role as "role: Role",
            platform_role as "platform_role: PlatformRole", suspended_at is not null as "suspended!"
        from users where organization_id = $1 order by id limit 500"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// How many organizations there are, and how many of them run something.
pub async fn count_organizations(db: &mut SystemRead) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"select count(*) as "total!", count(*) filter (where burn_micros > 0) as "paying!" from wallets"#
    )
    .fetch_one(db.conn())
    .await?;
    Ok((row.total, row.paying))
}

/// Up to `limit` of the organization's live API keys made before `before`, newest first; or one.
pub async fn api_key_page(
    db: &mut OrgRead,
    only: Option<ApiKeyId>,
    before: Option<ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKey>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        ApiKey,
        r#"select k.id as "id: ApiKeyId", k.name, k.hint, u.name as owner, k.created_at, k.last_used_at
        from api_keys k join users u on u.organization_id = k.organization_id and u.id = k.user_id
        where k.organization_id = $1 and k.revoked_at is null
            and ($2::uuid is null or k.id = $2) and ($3::uuid is null or k.id < $3)
        order by k.id desc limit $4"#,
        organization.0,
        only.map(|k| k.0),
        before.map(|k| k.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}
