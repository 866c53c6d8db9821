//! The audit trail as pages show it.

use chrono::{DateTime, Utc};
use domain::{ActivityId, OrganizationId, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, Result, SystemRead};

/// An entry. Words are kept as stored, so that entries of another version can still be shown.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: ActivityId,
    /// Name of the organization; `None` for the installation's own entries.
    pub organization: Option<String>,
    /// `user`, `api_key` or `system`.
    pub actor_kind: String,
    /// Name of the person or key, where the reader may know it.
    pub actor_name: Option<String>,
    /// What was done, as stored.
    pub action: String,
    /// What kind of thing it was done to, as stored.
    pub target_kind: Option<String>,
    /// Which one.
    pub target_id: Option<Uuid>,
    /// Facts for the reader.
    pub detail: Value,
    /// The client's address.
    pub address: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Which entries of an organization to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The action, or its first part, such as `vps`.
    pub group: Option<String>,
    /// Done by this person.
    pub user: Option<UserId>,
    /// About this thing.
    pub target: Option<Uuid>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// Leave out the hourly charges, which would hide everything else.
    pub without_charges: bool,
}

/// Up to `limit` entries of the organization before `before`, newest first.
pub async fn list(
    db: &mut OrgRead,
    filter: &Filter,
    before: Option<ActivityId>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Entry,
        r#"select l.id as "id: ActivityId", o.name as "organization?", l.actor_kind,
            coalesce(u.name, k.name) as actor_name, l.action, l.target_kind, l.target_id, l.detail,
            -- Where operators are is not for customers.
            case when l.actor_kind <> 'user' or u.id is not null then l.address end as address, l.created_at
        from activity_logs l
        join organizations o on o.id = l.organization_id
        left join users u
            on l.actor_kind = 'user' and u.organization_id = l.organization_id and u.id = l.actor_id
        left join api_keys k
            on l.actor_kind = 'api_key' and k.organization_id = l.organization_id and k.id = l.actor_id
        where l.organization_id = $1
            and ($2::text is null or l.action = $2 or starts_with(l.action, $2 || '.'))
            and ($3::uuid is null or l.actor_id = $3)
            and ($4::uuid is null or l.target_id = $4)
            and ($5::timestamptz is null or l.created_at >= $5)
            and ($6::timestamptz is null or l.created_at < $6)
            and ($7::uuid is null or l.id < $7)
            and not ($9 and starts_with(l.action, 'billing.'))
        order by l.id desc limit $8"#,
        organization.0,
        filter.group,
        filter.user.map(|u| u.0),
        filter.target,
        filter.from,
        filter.until,
        before.map(|a| a.0),
        limit,
        filter.without_charges
    )
    .fetch_all(db.conn())
    .await?)
}

/// Which entries of all organizations to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyFilter {
    /// Of this organization only; otherwise of all, and the installation's own.
    pub organization: Option<OrganizationId>,
    /// Leave out the hourly charges, which would hide everything else.
    pub without_charges: bool,
}

/// Up to `limit` entries before `before`, newest first, for operators.
pub async fn list_all(
    db: &mut SystemRead,
    filter: AnyFilter,
    before: Option<ActivityId>,
    limit: i64,
) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as!(
        Entry,
        r#"select l.id as "id: ActivityId", o.name as "organization?", l.actor_kind,
            coalesce(u.name, k.name) as actor_name, l.action, l.target_kind, l.target_id, l.detail, l.address,
            l.created_at
        from activity_logs l
        left join organizations o on o.id = l.organization_id
        left join users u on l.actor_kind = 'user' and u.id = l.actor_id
        left join api_keys k on l.actor_kind = 'api_key' and k.id = l.actor_id
        where ($1::uuid is null or l.organization_id = $1) and ($2::uuid is null or l.id < $2)
            and not ($4 and starts_with(l.action, 'billing.'))
        order by l.id desc limit $3"#,
        filter.organization.map(|o| o.0),
        before.map(|a| a.0),
        limit,
        filter.without_charges
    )
    .fetch_all(db.conn())
    .await?)
}
