//! Provider accounts and their inventories.

pub mod budget;
pub mod read;

use domain::ProviderId;
use domain::provider::{Health, ProviderKind, ProviderState};
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemDb, SystemTx};

/// An account as jobs need it. The token is sealed; only the vault opens it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: ProviderId,
    /// The vendor.
    pub kind: ProviderKind,
    /// The operator's name for it.
    pub name: String,
    /// Another address than the vendor's own.
    pub base_url: Option<String>,
    /// Sealed API token.
    pub token_sealed: String,
    /// Sealed API token that is to replace it, once it is checked.
    pub token_next_sealed: Option<String>,
    /// The vendor's id of the account, once checked.
    pub upstream_account: Option<String>,
    /// How it is doing.
    pub state: ProviderState,
}

/// Adds an account. A taken name is refused by constraint `providers_name_key`.
pub async fn insert(
    tx: &mut SystemTx,
    id: ProviderId,
    kind: ProviderKind,
    name: &str,
    base_url: Option<&str>,
    token_sealed: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into providers (id, kind, name, base_url, token_sealed) values ($1, $2, $3, $4, $5)",
        id.0,
        kind.as_str(),
        name,
        base_url,
        token_sealed
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One account.
pub async fn find(db: &mut impl SystemDb, id: ProviderId) -> Result<Option<Account>> {
    Ok(sqlx::query_as!(
        Account,
        r#"select id as "id: ProviderId", kind as "kind: ProviderKind", name, base_url, token_sealed,
            token_next_sealed, upstream_account,
            state as "state: ProviderState"
        from providers where id = $1"#,
        id.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// All accounts, oldest first.
pub async fn all(db: &mut impl SystemDb) -> Result<Vec<Account>> {
    Ok(sqlx::query_as!(
        Account,
        r#"select id as "id: ProviderId", kind as "kind: ProviderKind", name, base_url, token_sealed,
            token_next_sealed, upstream_account,
            state as "state: ProviderState"
        from providers order by id"#
    )
    .fetch_all(db.conn())
    .await?)
}

/// Keeps a new token beside the present one, until a job has checked it.
pub async fn set_next_token(tx: &mut SystemTx, id: ProviderId, token_sealed: &str) -> Result<()> {
    sqlx::query!("update providers set token_next_sealed = $2 where id = $1", id.0, token_sealed)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The new token is in order, or not: it replaces the present one, or is thrown away. Not if yet
/// another one has come meanwhile.
pub async fn settle_next_token(
    tx: &mut SystemTx,
    id: ProviderId,
    token_sealed: &str,
    in_order: bool,
) -> Result<()> {
    sqlx::query!(
        "update providers set token_sealed = case when $3 then token_next_sealed else token_sealed end,
            token_next_sealed = null
        where id = $1 and token_next_sealed = $2",
        id.0,
        token_sealed,
        in_order
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Sets how the account is doing. Answers whether that is new.
pub async fn set_health(tx: &mut SystemTx, id: ProviderId, health: Health) -> Result<bool> {
    let done = sqlx::query!(
        "update providers set health = $2 where id = $1 and health <> $2",
        id.0,
        health.as_str()
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets whether the operator wants creates at the account. Answers whether that is new.
pub async fn set_enabled(tx: &mut SystemTx, id: ProviderId, enabled: bool) -> Result<bool> {
    let done =
        sqlx::query!("update providers set enabled = $2 where id = $1 and enabled <> $2", id.0, enabled)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that the vendor refuses more servers because the account's limit is reached. A check of the
/// token ends it.
pub async fn set_limit_reached(tx: &mut SystemTx, id: ProviderId) -> Result<()> {
    sqlx::query!(
        "update providers set limit_reached_at = now() where id = $1 and limit_reached_at is null",
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes whose token it is. The upstream account is set once and never changes.
pub async fn set_upstream(tx: &mut SystemTx, id: ProviderId, account: &str, label: &str) -> Result<()> {
    sqlx::query!(
        "update providers set upstream_account = coalesce(upstream_account, $2), upstream_label = $3, last_error = null,
            limit_reached_at = null
        where id = $1",
        id.0,
        account,
        label
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes what went wrong last, for the operator.
pub async fn set_error(tx: &mut SystemTx, id: ProviderId, error: Option<&str>) -> Result<()> {
    sqlx::query!("update providers set last_error = $2 where id = $1", id.0, error)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes that the catalogue was read.
pub async fn set_synced(tx: &mut SystemTx, id: ProviderId) -> Result<()> {
    sqlx::query!("update providers set last_synced_at = now() where id = $1", id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes that the inventory was compared: servers in it, and VPSs that differed.
pub async fn set_reconciled(
    tx: &mut SystemTx,
    id: ProviderId,
    servers: usize,
    differing: usize,
) -> Result<()> {
    let count = |n| i32::try_from(n).unwrap_or(i32::MAX);
    sqlx::query!(
        "update providers set last_reconciled_at = now(), reconciled_servers = $2, reconciled_differing = $3,
            last_error = case when limit_reached_at is not null then last_error end
        where id = $1",
        id.0,
        count(servers),
        count(differing),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A server that no order explains.
#[derive(Debug, Clone)]
pub struct Orphan {
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
}

/// Replaces the list of unexplained servers of an account; answers how many are new.
pub async fn replace_orphans(tx: &mut SystemTx, provider: ProviderId, orphans: &[Orphan]) -> Result<i64> {
    let column = |f: fn(&Orphan) -> &String| orphans.iter().map(|o| f(o).clone()).collect::<Vec<String>>();
    let refs = column(|o| &o.server_ref);
    let tagged: Vec<bool> = orphans.iter().map(|o| o.tagged).collect();
    sqlx::query!(
        "delete from orphan_servers where provider_id = $1 and not server_ref = any($2)",
        provider.0,
        &refs
    )
    .execute(tx.conn())
    .await?;
    let added = sqlx::query!(
        "insert into orphan_servers (provider_id, server_ref, label, size, region, tagged)
        select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
        on conflict do nothing",
        provider.0,
        &refs,
        &column(|o| &o.label),
        &column(|o| &o.size),
        &column(|o| &o.region),
        &tagged,
    )
    .execute(tx.conn())
    .await?;
    Ok(i64::try_from(added.rows_affected()).unwrap_or(i64::MAX))
}

/// Is any server of ours at the account?
pub async fn has_servers(db: &mut impl SystemDb, provider: ProviderId) -> Result<bool> {
    let provider: Uuid = provider.0;
    Ok(sqlx::query_scalar!(
        r#"select exists (select from vps_instances where provider_id = $1
            and state in ('creating', 'active', 'deleting')) as "any!""#,
        provider
    )
    .fetch_one(db.conn())
    .await?)
}
