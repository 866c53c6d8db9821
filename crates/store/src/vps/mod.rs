//! VPSs, what is asked of them, and SSH keys.

mod action;
pub mod read;
pub mod ssh_key;

pub use action::{
    OpenAction, action, asked, cancel_open_actions, cut, finish_action, insert_action, open_action, prepare,
};

use chrono::{DateTime, Utc};
use domain::billing::ladder::Kept;
use domain::identity::Actor;
use domain::vps::{Power, Suspension, VpsState, Wanted};
use domain::{ImageId, Money, OrganizationId, PlanId, PriceVersionId, ProviderId, RegionId, VpsId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result, SystemDb, SystemTx};

/// A VPS to order.
#[derive(Debug)]
pub struct NewInstance<'a> {
    /// Its id, and the tag of its server.
    pub id: VpsId,
    /// Name, unique among the organization's living VPSs.
    pub name: &'a str,
    /// What is bought.
    pub plan_id: PlanId,
    /// Where.
    pub region_id: RegionId,
    /// With which operating system.
    pub image_id: ImageId,
    /// At which price.
    pub price_version_id: PriceVersionId,
    /// OpenSSH public keys that may sign in, the console's excluded.
    pub ssh_keys: &'a [String],
    /// cloud-init user data.
    pub user_data: Option<&'a str>,
    /// Public half of the console's key.
    pub console_public_key: &'a str,
    /// Sealed private half.
    pub console_key_sealed: &'a str,
}

/// Writes the intent. A taken name is refused by constraint `vps_instances_name`.
pub async fn insert(tx: &mut OrgTx, vps: NewInstance<'_>) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into vps_instances (organization_id, id, name, state, plan_id, region_id, image_id, price_version_id,
            ssh_keys, user_data, console_public_key, console_key_sealed, created_by)
        values ($1, $2, $3, 'creating', $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        scope.organization_id().0,
        vps.id.0,
        vps.name,
        vps.plan_id.0,
        vps.region_id.0,
        vps.image_id.0,
        vps.price_version_id.0,
        vps.ssh_keys,
        vps.user_data,
        vps.console_public_key,
        vps.console_key_sealed,
        Json(scope.actor()) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A VPS as jobs and use cases need it.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its id.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: VpsState,
    /// What the provider last said.
    pub power: Power,
    /// What the customer wants.
    pub power_wanted: Wanted,
    /// Why it is kept off.
    pub suspended_by: Option<Suspension>,
    /// What was bought.
    pub plan_id: PlanId,
    /// Where.
    pub region_id: RegionId,
    /// With which operating system.
    pub image_id: ImageId,
    /// At which price.
    pub price_version_id: PriceVersionId,
    /// Hourly price it was sold at: its share of the burn.
    pub sell_hour: Money,
    /// Public keys that may sign in.
    pub ssh_keys: Vec<String>,
    /// cloud-init user data.
    pub user_data: Option<String>,
    /// Public half of the console's key.
    pub console_public_key: String,
    /// The account it is placed at.
    pub provider_id: Option<ProviderId>,
    /// The provider's id of the server.
    pub provider_server_id: Option<String>,
    /// When create was last asked of the provider.
    pub create_sent_at: Option<DateTime<Utc>>,
    /// Accounts that had no room.
    pub providers_tried: Vec<Uuid>,
    /// Who ordered it.
    pub created_by: Json<Actor>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// Set once it was confirmed at the provider.
    pub active_at: Option<DateTime<Utc>>,
}

/// A VPS, locked until the transaction ends.
pub async fn lock(tx: &mut OrgTx, id: VpsId) -> Result<Option<Instance>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Instance,
        r#"select v.organization_id as "organization_id: OrganizationId", v.id as "id: VpsId", v.name,
            v.state as "state: VpsState", v.power as "power: Power", v.power_wanted as "power_wanted: Wanted",
            v.suspended_by as "suspended_by: Suspension", v.plan_id as "plan_id: PlanId",
            v.region_id as "region_id: RegionId", v.image_id as "image_id: ImageId",
            v.price_version_id as "price_version_id: PriceVersionId", p.sell_hour_micros as "sell_hour: Money",
            v.ssh_keys, v.user_data, v.console_public_key, v.provider_id as "provider_id: ProviderId",
            v.provider_server_id, v.create_sent_at, v.providers_tried,
            v.created_by as "created_by: Json<Actor>", v.created_at, v.active_at
        from vps_instances v join price_versions p on p.id = v.price_version_id
        where v.organization_id = $1 and v.id = $2
        for update of v"#,
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Puts a VPS into another state. The caller has locked it and checked that the step is allowed.
pub async fn set_state(tx: &mut OrgTx, id: VpsId, state: VpsState) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set state = $3,
            ended_at = case when $3 in ('deleting', 'failed', 'lost') then coalesce(ended_at, now()) else ended_at end,
            deleted_at = case when $3 = 'deleted' then now() end
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        state.as_str(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes why a VPS could not be made, in words for the customer.
pub async fn set_failed(tx: &mut OrgTx, id: VpsId, reason: &str) -> Result<()> {
    set_state(tx, id, VpsState::Failed).await?;
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set failure = $3 where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        reason
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Chooses the account for the next attempt; nothing has been asked of it yet.
pub async fn place(tx: &mut OrgTx, id: VpsId, provider: ProviderId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set provider_id = $3, create_sent_at = null where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        provider.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Gives the account up: it had no room.
pub async fn displace(tx: &mut OrgTx, id: VpsId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set providers_tried = providers_tried || provider_id, provider_id = null,
            create_sent_at = null
        where organization_id = $1 and id = $2 and provider_id is not null",
        organization.0,
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets a server that was accepted and then vanished before it came up.
pub async fn forget_server(tx: &mut OrgTx, id: VpsId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set provider_server_id = null, power = 'unknown', ipv4 = null, ipv6 = null
        where organization_id = $1 and id = $2",
        organization.0,
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that create is about to be asked for (`true`), or that it certainly did not happen.
pub async fn set_create_sent(tx: &mut OrgTx, id: VpsId, sent: bool) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set create_sent_at = case when $3 then clock_timestamp() end
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        sent
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What was seen of a server.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The provider's id.
    pub server: String,
    /// What it does.
    pub power: Power,
    /// First public IPv4 address.
    pub ipv4: Option<String>,
    /// First public IPv6 address.
    pub ipv6: Option<String>,
}

/// Notes what was seen of the VPS's server. Answers whether anything was new.
pub async fn set_seen(tx: &mut OrgTx, id: VpsId, seen: &Seen) -> Result<bool> {
    let organization = tx.organization_id();
    let done = sqlx::query!(
        "update vps_instances set provider_server_id = $3, power = $4, ipv4 = coalesce($5, ipv4),
            ipv6 = coalesce($6, ipv6), missing_passes = 0
        where organization_id = $1 and id = $2
            and (provider_server_id, power, ipv4, ipv6, missing_passes)
                is distinct from ($3, $4, coalesce($5, ipv4), coalesce($6, ipv6), 0::smallint)",
        organization.0,
        id.0,
        seen.server,
        seen.power.as_str(),
        seen.ipv4,
        seen.ipv6,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Confirms the VPS at the provider: hours begin now.
pub async fn set_active(tx: &mut OrgTx, id: VpsId, at: DateTime<Utc>) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set state = 'active', active_at = $3 where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Sets what the customer wants.
pub async fn set_wanted(tx: &mut OrgTx, id: VpsId, wanted: Wanted) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_instances set power_wanted = $3 where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        wanted.as_str()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A VPS whose suspension is to change.
#[derive(Debug, Clone)]
pub struct Suspendable {
    /// Which.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// Its share of the burn.
    pub sell_hour: Money,
    /// Whether it is to be switched on again afterwards.
    pub power_wanted: Wanted,
    /// When it is destroyed unless money comes.
    pub kept_until: Option<DateTime<Utc>>,
    /// So many whole hours before that its people were last told so.
    pub kept_told: Option<i32>,
}

impl Suspendable {
    /// Until when it is kept, once that was announced.
    pub fn kept(&self) -> Option<Kept> {
        Kept::of(self.kept_until, self.kept_told)
    }
}

/// Suspends all active VPSs of an organization that are not suspended yet, for want of money.
pub async fn suspend_unpaid(tx: &mut SystemTx, organization: OrganizationId) -> Result<Vec<Suspendable>> {
    Ok(sqlx::query_as!(
        Suspendable,
        r#"update vps_instances v set suspended_by = 'unpaid', suspended_at = now()
        from price_versions p
        where v.organization_id = $1 and v.state = 'active' and v.suspended_by is null and p.id = v.price_version_id
        returning v.id as "id: VpsId", v.name, p.sell_hour_micros as "sell_hour: Money",
            v.power_wanted as "power_wanted: Wanted", v.kept_until, v.kept_told"#,
        organization.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The VPSs that money would resume, locked.
pub async fn lock_unpaid(tx: &mut OrgTx) -> Result<Vec<Suspendable>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Suspendable,
        r#"select v.id as "id: VpsId", v.name, p.sell_hour_micros as "sell_hour: Money",
            v.power_wanted as "power_wanted: Wanted", v.kept_until, v.kept_told
        from vps_instances v join price_versions p on p.id = v.price_version_id
        where v.organization_id = $1 and v.state = 'active' and v.suspended_by = 'unpaid'
        order by v.id for update of v"#,
        organization.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Lifts the suspension for want of money.
pub async fn lift_unpaid(tx: &mut OrgTx, vps: &[VpsId]) -> Result<()> {
    let organization = tx.organization_id();
    let ids: Vec<Uuid> = vps.iter().map(|v| v.0).collect();
    sqlx::query!(
        "update vps_instances set suspended_by = null, suspended_at = null
        where organization_id = $1 and id = any($2) and suspended_by = 'unpaid'",
        organization.0,
        &ids
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A VPS as the reconciler compares it with an inventory.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Which.
    pub id: VpsId,
    /// Where it is in its life.
    pub state: VpsState,
    /// What the provider last said.
    pub power: Power,
    /// Why it is kept off.
    pub suspended_by: Option<Suspension>,
    /// What the customer wants.
    pub power_wanted: Wanted,
    /// The provider's id, once known.
    pub provider_server_id: Option<String>,
    /// Passes in a row in which it was not in the inventory.
    pub missing_passes: i16,
    /// Known addresses.
    pub ipv4: Option<String>,
    /// Known addresses.
    pub ipv6: Option<String>,
    /// Does somebody work on it now?
    pub busy: bool,
}

/// Everything that is or was placed at an account, deleted VPSs of the last day included, so that
/// their servers are recognized.
pub async fn expected_at(db: &mut impl SystemDb, provider: ProviderId) -> Result<Vec<Expected>> {
    Ok(sqlx::query_as!(
        Expected,
        r#"select v.organization_id as "organization_id: OrganizationId", v.id as "id: VpsId",
            v.state as "state: VpsState", v.power as "power: Power", v.suspended_by as "suspended_by: Suspension",
            v.power_wanted as "power_wanted: Wanted", v.provider_server_id, v.missing_passes, v.ipv4, v.ipv6,
            exists (select from vps_actions a where a.organization_id = v.organization_id and a.vps_id = v.id
                and a.state in ('queued', 'running')) as "busy!"
        from vps_instances v
        where v.provider_id = $1
            and (v.state in ('creating', 'active', 'deleting') or v.ended_at > now() - interval '1 day')"#,
        provider.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// Which of these ids are VPSs of ours, wherever they are placed, with their state.
pub async fn states_of(
    db: &mut impl SystemDb,
    ids: &[VpsId],
) -> Result<Vec<(VpsId, OrganizationId, VpsState)>> {
    let ids: Vec<Uuid> = ids.iter().map(|v| v.0).collect();
    let rows = sqlx::query!(
        r#"select id as "id: VpsId", organization_id as "organization_id: OrganizationId", state as "state: VpsState"
        from vps_instances where id = any($1)"#,
        &ids
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.id, r.organization_id, r.state)).collect())
}

/// Counts another pass in which a server was not in the inventory; the count so far.
pub async fn count_missing(tx: &mut OrgTx, id: VpsId) -> Result<i16> {
    let organization = tx.organization_id();
    Ok(sqlx::query_scalar!(
        "update vps_instances set missing_passes = missing_passes + 1
        where organization_id = $1 and id = $2 returning missing_passes",
        organization.0,
        id.0
    )
    .fetch_one(tx.conn())
    .await?)
}
