//! Provider accounts as operators see them. Tokens are never read here.

use chrono::{DateTime, Utc};
use domain::ProviderId;
use domain::provider::{ProviderKind, ProviderState};

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead};

/// An account.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: ProviderId,
    /// The vendor.
    pub kind: ProviderKind,
    /// The operator's name for it.
    pub name: String,
    /// Another address than the vendor's own.
    pub base_url: Option<String>,
    /// Whose account it is at the vendor, once checked.
    pub upstream_label: Option<String>,
    /// How it is doing.
    pub state: ProviderState,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When its catalogue was read.
    pub last_synced_at: Option<DateTime<Utc>>,
    /// When its inventory was compared.
    pub last_reconciled_at: Option<DateTime<Utc>>,
    /// Does the operator want creates in it?
    pub enabled: bool,
    /// Servers that the last comparison saw.
    pub reconciled_servers: Option<i32>,
    /// VPSs that differed then.
    pub reconciled_differing: Option<i32>,
    /// Requests the vendor allows in its present window, as workers saw it last.
    pub request_limit: Option<i64>,
    /// Requests that were left.
    pub remaining: Option<i64>,
    /// When the vendor counts anew.
    pub resets_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Servers of ours in it.
    pub servers: i64,
    /// Sizes in its catalogue.
    pub sizes: i64,
    /// Regions in its catalogue.
    pub regions: i64,
    /// Servers in it that no order explains.
    pub orphans: i64,
}

/// All accounts, or the one with this id, oldest first.
async fn read(db: &mut SystemRead, only: Option<ProviderId>) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select a.id as "id: ProviderId", a.kind as "kind: ProviderKind", a.name, a.base_url, a.upstream_label,
            a.state as "state: ProviderState", a.last_error, a.last_synced_at, a.last_reconciled_at, a.created_at,
            a.enabled, a.reconciled_servers, a.reconciled_differing, b.request_limit as "request_limit?",
            b.remaining as "remaining?", b.resets_at as "resets_at?",
            (select count(*) from vps_instances v where v.provider_id = a.id
                and v.state in ('creating', 'active', 'deleting')) as "servers!",
            (select count(*) from provider_sizes s where s.provider_id = a.id) as "sizes!",
            (select count(*) from provider_regions r where r.provider_id = a.id) as "regions!",
            (select count(*) from orphan_servers o where o.provider_id = a.id) as "orphans!"
        from providers a left join provider_budgets b on b.provider_id = a.id
        where $1::uuid is null or a.id = $1 order by a.id"#,
        only.map(|p| p.0)
    )
    .fetch_all(db.conn())
    .await?)
}

/// All accounts, oldest first.
pub async fn list(db: &mut SystemRead) -> Result<Vec<Listed>> {
    read(db, None).await
}

/// One account.
pub async fn find(db: &mut SystemRead, id: ProviderId) -> Result<Option<Listed>> {
    Ok(read(db, Some(id)).await?.pop())
}

/// A server at the provider that no order explains.
#[derive(Debug, Clone)]
pub struct OrphanServer {
    /// The provider's id.
    pub server_ref: String,
    /// The provider's label.
    pub label: String,
    /// The provider's size.
    pub size: String,
    /// The provider's region.
    pub region: String,
    /// Does it carry a tag of our form?
    pub tagged: bool,
    /// When it was seen first.
    pub first_seen_at: DateTime<Utc>,
}

/// Servers of an account that no order explains, newest first.
pub async fn orphans(db: &mut SystemRead, provider: ProviderId) -> Result<Vec<OrphanServer>> {
    Ok(sqlx::query_as!(
        OrphanServer,
        "select server_ref, label, size, region, tagged, first_seen_at from orphan_servers
        where provider_id = $1 order by first_seen_at desc, server_ref limit 200",
        provider.0
    )
    .fetch_all(db.conn())
    .await?)
}
