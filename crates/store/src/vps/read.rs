//! VPSs and SSH keys as pages show them.

use chrono::{DateTime, Utc};
use domain::vps::{ActionKind, ActionState, Power, Status, Suspension, VpsState};
use domain::{Money, OrganizationId, SshKeyId, VpsActionId, VpsId};

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, Result, SystemRead};

/// Which VPSs of an organization to list.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Part of the name, or an address.
    pub search: &'a str,
    /// Those that are over, too?
    pub with_ended: bool,
}

/// A VPS in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: VpsState,
    /// What it was last seen doing.
    pub power: Power,
    /// Why it is kept off.
    pub suspended_by: Option<Suspension>,
    /// What is being done to it.
    pub action: Option<ActionKind>,
    /// First IPv4 address.
    pub ipv4: Option<String>,
    /// First IPv6 address.
    pub ipv6: Option<String>,
    /// Name of the plan.
    pub plan: String,
    /// Name of the region.
    pub region: String,
    /// Price per hour.
    pub sell_hour: Money,
    /// What it cost since the beginning of the month (UTC).
    pub month_spent: Money,
}

impl Listed {
    /// The one word for it.
    pub fn status(&self) -> Status {
        Status::of(self.state, self.power, self.suspended_by, self.action)
    }
}

/// Up to `limit` VPSs after `before`, newest first.
pub async fn list(
    db: &mut OrgRead,
    filter: &Filter<'_>,
    before: Option<VpsId>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Listed,
        r#"select v.id as "id: VpsId", v.name, v.state as "state: VpsState", v.power as "power: Power",
            v.suspended_by as "suspended_by: Suspension", a.kind as "action?: ActionKind", v.ipv4, v.ipv6,
            p.name as plan, r.name as region, c.sell_hour_micros as "sell_hour: Money",
            case when m.month = date_trunc('month', now() at time zone 'utc')::date then m.month_used_micros else 0 end
                as "month_spent!: Money"
        from vps_instances v
        join plans p on p.id = v.plan_id
        join regions r on r.id = v.region_id
        join price_versions c on c.id = v.price_version_id
        left join vps_actions a on a.vps_id = v.id and a.state in ('queued', 'running')
        left join meter_counts m on m.vps_id = v.id
        where v.organization_id = $1
            and ($2 or v.state in ('creating', 'active', 'deleting', 'lost')
                or (v.state = 'failed' and v.created_at > now() - interval '1 day'))
            and ($3 = '' or strpos(lower(v.name), lower($3)) > 0 or v.ipv4 = $3 or v.ipv6 = lower($3))
            and ($4::uuid is null or v.id < $4)
        order by v.id desc limit $5"#,
        organization.0,
        filter.with_ended,
        filter.search,
        before.map(|v| v.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// How many VPSs the organization ever ordered.
pub async fn count_ever(db: &mut OrgRead) -> Result<i64> {
    let organization = db.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from vps_instances where organization_id = $1"#,
        organization.0
    )
    .fetch_one(db.conn())
    .await?)
}

/// The newest VPSs by id and name, those that are over included: to choose from.
pub async fn names(db: &mut OrgRead, limit: i64) -> Result<Vec<(VpsId, String)>> {
    let organization = db.organization_id();
    let rows = sqlx::query!(
        r#"select id as "id: VpsId", name from vps_instances where organization_id = $1 order by id desc limit $2"#,
        organization.0,
        limit
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.id, r.name)).collect())
}

/// Everything a customer may know of a VPS.
#[derive(Debug, Clone)]
pub struct Detail {
    /// Its id.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: VpsState,
    /// What it was last seen doing.
    pub power: Power,
    /// Why it is kept off.
    pub suspended_by: Option<Suspension>,
    /// What is being done to it.
    pub action: Option<ActionKind>,
    /// Since when.
    pub action_since: Option<DateTime<Utc>>,
    /// First IPv4 address.
    pub ipv4: Option<String>,
    /// First IPv6 address.
    pub ipv6: Option<String>,
    /// Name of the plan.
    pub plan: String,
    /// Virtual CPUs.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
    /// Included traffic in GB a month.
    pub transfer_gb: i32,
    /// Name of the image.
    pub image: String,
    /// Name of the region.
    pub region: String,
    /// ISO 3166-1 alpha-2 code of the region's country.
    pub country: String,
    /// Price per hour.
    pub sell_hour: Money,
    /// Monthly cap.
    pub sell_month: Money,
    /// When the other price that is announced for it begins.
    pub next_at: Option<DateTime<Utc>>,
    /// Per hour from then on.
    pub next_hour: Option<Money>,
    /// Monthly cap from then on.
    pub next_month: Option<Money>,
    /// What it cost in all.
    pub spent: Money,
    /// What it cost since the beginning of the month (UTC).
    pub month_spent: Money,
    /// Hours charged since the beginning of the month (UTC).
    pub month_hours: i64,
    /// Until when it is paid.
    pub paid_until: Option<DateTime<Utc>>,
    /// When it is destroyed unless it is paid, once that was announced.
    pub kept_until: Option<DateTime<Utc>>,
    /// Why it could not be made, in words for the customer.
    pub failure: Option<String>,
    /// What went wrong with the last thing asked of it, if that was the last thing.
    pub action_failure: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
}

impl Detail {
    /// The one word for it.
    pub fn status(&self) -> Status {
        Status::of(self.state, self.power, self.suspended_by, self.action)
    }
}

/// One VPS.
pub async fn find(db: &mut OrgRead, id: VpsId) -> Result<Option<Detail>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Detail,
        r#"select v.id as "id: VpsId", v.name, v.state as "state: VpsState", v.power as "power: Power",
            v.suspended_by as "suspended_by: Suspension", a.kind as "action?: ActionKind",
            a.created_at as "action_since?", v.ipv4, v.ipv6, p.name as plan, p.vcpus, p.memory_mib, p.disk_gib,
            p.transfer_gb, i.name as image, r.name as region, r.country, c.sell_hour_micros as "sell_hour: Money",
            c.sell_month_micros as "sell_month: Money", n.moves_at as "next_at?", t.sell_hour_micros as "next_hour?: Money",
            t.sell_month_micros as "next_month?: Money", s.spent as "spent!: Money",
            s.month_spent as "month_spent!: Money", s.month_hours as "month_hours!", m.paid_until as "paid_until?",
            case when v.state = 'active' then v.kept_until end as kept_until, v.failure, l.failure as "action_failure?", v.created_at
        from vps_instances v
        join plans p on p.id = v.plan_id
        join images i on i.id = v.image_id
        join regions r on r.id = v.region_id
        join price_versions c on c.id = v.price_version_id
        left join vps_price_moves n on n.organization_id = v.organization_id and n.vps_id = v.id and n.state = 'announced'
        left join price_versions t on t.id = n.to_version_id
        left join vps_actions a on a.vps_id = v.id and a.state in ('queued', 'running')
        left join meter_counts m on m.vps_id = v.id
        left join lateral (
            select last.failure from vps_actions last
            where last.organization_id = v.organization_id and last.vps_id = v.id order by last.id desc limit 1
        ) l on true
        cross join lateral (
            select coalesce(sum(h.amount_micros), 0)::bigint as spent,
                coalesce(sum(h.amount_micros) filter (where h.span_start >= this.month), 0)::bigint as month_spent,
                count(*) filter (where h.span_start >= this.month and h.is_hour) as month_hours
            from charged h, (select date_trunc('month', now(), 'utc') as month) this
            where h.organization_id = v.organization_id and h.meter_id = m.id
        ) s
        where v.organization_id = $1 and v.id = $2"#,
        organization.0,
        id.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// A public key in the list.
#[derive(Debug, Clone)]
pub struct SshKey {
    /// Its id.
    pub id: SshKeyId,
    /// Its name.
    pub name: String,
    /// Algorithm and key on one line.
    pub public_key: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// The organization's SSH keys, newest first.
pub async fn ssh_keys(db: &mut OrgRead) -> Result<Vec<SshKey>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        SshKey,
        r#"select id as "id: SshKeyId", name, public_key, fingerprint, created_at from ssh_keys
        where organization_id = $1 order by id desc limit 500"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// Which VPSs of all organizations to list.
#[derive(Debug, Clone, Default)]
pub struct AnyFilter<'a> {
    /// Part of the name of VPS or organization, or an address.
    pub search: &'a str,
    /// In this state only.
    pub state: Option<VpsState>,
    /// Of this organization only.
    pub organization: Option<OrganizationId>,
}

/// A VPS as operators see it.
#[derive(Debug, Clone)]
pub struct AnyListed {
    /// Its id.
    pub id: VpsId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// Whose.
    pub organization: String,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: VpsState,
    /// What it was last seen doing.
    pub power: Power,
    /// Why it is kept off.
    pub suspended_by: Option<Suspension>,
    /// What is being done to it.
    pub action: Option<ActionKind>,
    /// First IPv4 address.
    pub ipv4: Option<String>,
    /// Name of the plan.
    pub plan: String,
    /// Name of the region.
    pub region: String,
    /// Name of the account it is placed at.
    pub account: Option<String>,
    /// The provider's id of the server.
    pub server: Option<String>,
    /// Price per hour.
    pub sell_hour: Money,
    /// What an hour costs us.
    pub cost_hour: Money,
    /// Why it could not be made.
    pub failure: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
}

impl AnyListed {
    /// The one word for it.
    pub fn status(&self) -> Status {
        Status::of(self.state, self.power, self.suspended_by, self.action)
    }
}

/// Up to `limit` VPSs of all organizations after `before`, newest first.
pub async fn list_all(
    db: &mut SystemRead,
    filter: &AnyFilter<'_>,
    before: Option<VpsId>,
    limit: i64,
) -> Result<Vec<AnyListed>> {
    Ok(sqlx::query_as!(
        AnyListed,
        r#"select v.id as "id: VpsId", v.organization_id as "organization_id: OrganizationId",
            o.name as organization, v.name, v.state as "state: VpsState", v.power as "power: Power",
            v.suspended_by as "suspended_by: Suspension", a.kind as "action?: ActionKind", v.ipv4, p.name as plan,
            r.name as region, x.name as "account?", v.provider_server_id as server,
            c.sell_hour_micros as "sell_hour: Money", c.cost_hour_micros as "cost_hour: Money", v.failure, v.created_at
        from vps_instances v
        join organizations o on o.id = v.organization_id
        join plans p on p.id = v.plan_id
        join regions r on r.id = v.region_id
        join price_versions c on c.id = v.price_version_id
        left join providers x on x.id = v.provider_id
        left join vps_actions a on a.vps_id = v.id and a.state in ('queued', 'running')
        where ($1::uuid is null or v.organization_id = $1)
            and ($2::text is null or v.state = $2)
            and ($3 = '' or strpos(lower(v.name), lower($3)) > 0 or strpos(lower(o.name), lower($3)) > 0
                or v.ipv4 = $3 or v.ipv6 = lower($3))
            and ($4::uuid is null or v.id < $4)
        order by v.id desc limit $5"#,
        filter.organization.map(|o| o.0),
        filter.state.map(VpsState::as_str),
        filter.search,
        before.map(|v| v.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// How many VPSs of all organizations are in each state.
pub async fn count_by_state(db: &mut SystemRead) -> Result<Vec<(VpsState, i64)>> {
    let rows = sqlx::query!(
        r#"select state as "state: VpsState", count(*) as "count!" from vps_instances group by state order by 2 desc"#
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.state, r.count)).collect())
}

/// Up to `limit` of the organization's SSH keys added before `before`, newest first; or one.
pub async fn ssh_key_page(
    db: &mut OrgRead,
    only: Option<SshKeyId>,
    before: Option<SshKeyId>,
    limit: i64,
) -> Result<Vec<SshKey>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        SshKey,
        r#"select id as "id: SshKeyId", name, public_key, fingerprint, created_at from ssh_keys
        where organization_id = $1 and ($2::uuid is null or id = $2) and ($3::uuid is null or id < $3)
        order by id desc limit $4"#,
        organization.0,
        only.map(|k| k.0),
        before.map(|k| k.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// A VPS as programs see it: plan, region and image by their slugs.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its id.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: VpsState,
    /// What it was last seen doing.
    pub power: Power,
    /// Why it is kept off.
    pub suspended_by: Option<Suspension>,
    /// What is being done to it.
    pub action: Option<ActionKind>,
    /// First IPv4 address.
    pub ipv4: Option<String>,
    /// First IPv6 address.
    pub ipv6: Option<String>,
    /// Slug of the plan.
    pub plan: String,
    /// Slug of the region.
    pub region: String,
    /// Slug of the image.
    pub image: String,
    /// Price per hour.
    pub sell_hour: Money,
    /// Monthly cap.
    pub sell_month: Money,
    /// When the other price that is announced for it begins.
    pub next_at: Option<DateTime<Utc>>,
    /// Per hour from then on.
    pub next_hour: Option<Money>,
    /// Monthly cap from then on.
    pub next_month: Option<Money>,
    /// What it cost since the beginning of the month (UTC).
    pub month_spent: Money,
    /// Until when it is paid.
    pub paid_until: Option<DateTime<Utc>>,
    /// When it is destroyed unless it is paid, once that was announced.
    pub kept_until: Option<DateTime<Utc>>,
    /// Why it could not be made, in words for the customer.
    pub failure: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it was ready.
    pub active_at: Option<DateTime<Utc>>,
    /// When it was gone.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl Record {
    /// The one word for it.
    pub fn status(&self) -> Status {
        Status::of(self.state, self.power, self.suspended_by, self.action)
    }
}

/// Which VPSs of an organization to read.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// This one.
    One(VpsId),
    /// All that are shown with this word.
    With(Status),
    /// All that are not deleted.
    Living,
}

/// Up to `limit` VPSs ordered before `before`, newest first.
pub async fn records(
    db: &mut OrgRead,
    wanted: Wanted,
    before: Option<VpsId>,
    limit: i64,
) -> Result<Vec<Record>> {
    let organization = db.organization_id();
    let (one, facts) = match wanted {
        Wanted::One(id) => (Some(id.0), None),
        Wanted::With(status) => (None, Some(facts_shown_as(status))),
        Wanted::Living => (None, None),
    };
    Ok(sqlx::query_as!(
        Record,
        r#"select v.id as "id: VpsId", v.name, v.state as "state: VpsState", v.power as "power: Power",
            v.suspended_by as "suspended_by: Suspension", a.kind as "action?: ActionKind", v.ipv4, v.ipv6,
            p.slug as plan, r.slug as region, i.slug as image, c.sell_hour_micros as "sell_hour: Money",
            c.sell_month_micros as "sell_month: Money", n.moves_at as "next_at?", t.sell_hour_micros as "next_hour?: Money",
            t.sell_month_micros as "next_month?: Money",
            case when m.month = date_trunc('month', now() at time zone 'utc')::date then m.month_used_micros else 0 end
                as "month_spent!: Money",
            m.paid_until as "paid_until?", case when v.state = 'active' then v.kept_until end as kept_until, v.failure,
            v.created_at, v.active_at, v.deleted_at
        from vps_instances v
        join plans p on p.id = v.plan_id
        join regions r on r.id = v.region_id
        join images i on i.id = v.image_id
        join price_versions c on c.id = v.price_version_id
        left join vps_price_moves n on n.organization_id = v.organization_id and n.vps_id = v.id and n.state = 'announced'
        left join price_versions t on t.id = n.to_version_id
        left join vps_actions a on a.vps_id = v.id and a.state in ('queued', 'running')
        left join meter_counts m on m.vps_id = v.id
        where v.organization_id = $1
            and case
                when $2::uuid is not null then v.id = $2
                when $3::text[] is not null
                    then concat_ws('/', v.state, v.power, coalesce(v.suspended_by, '-'), coalesce(a.kind, '-')) = any($3)
                else v.state <> 'deleted'
            end
            and ($4::uuid is null or v.id < $4)
        order by v.id desc limit $5"#,
        organization.0,
        one,
        facts.as_deref(),
        before.map(|v| v.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// Every combination of state, power, suspension and open action that is shown with this word, as
/// SQL joins them: the rule stays in [`Status::of`] alone.
fn facts_shown_as(status: Status) -> Vec<String> {
    fn or_none<T: Copy>(all: &[T]) -> impl Iterator<Item = Option<T>> + Clone + '_ {
        all.iter().copied().map(Some).chain([None])
    }
    let mut facts = Vec::new();
    for (&state, &power) in VpsState::ALL.iter().flat_map(|s| Power::ALL.iter().map(move |p| (s, p))) {
        for suspended in or_none(Suspension::ALL) {
            for action in or_none(ActionKind::ALL) {
                if Status::of(state, power, suspended, action) == status {
                    let (suspended, action) =
                        (suspended.map_or("-", Suspension::as_str), action.map_or("-", ActionKind::as_str));
                    facts.push(format!("{state}/{power}/{suspended}/{action}"));
                }
            }
        }
    }
    facts
}

/// Something that was asked of a VPS.
#[derive(Debug, Clone)]
pub struct ActionRecord {
    /// Its id.
    pub id: VpsActionId,
    /// What.
    pub kind: ActionKind,
    /// How far it is.
    pub state: ActionState,
    /// What went wrong, in words for the customer.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Up to `limit` things that were asked of a VPS before `before`, newest first; or one.
pub async fn actions(
    db: &mut OrgRead,
    vps: VpsId,
    only: Option<VpsActionId>,
    before: Option<VpsActionId>,
    limit: i64,
) -> Result<Vec<ActionRecord>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        ActionRecord,
        r#"select id as "id: VpsActionId", kind as "kind: ActionKind", state as "state: ActionState", failure,
            created_at, finished_at
        from vps_actions
        where organization_id = $1 and vps_id = $2 and ($3::uuid is null or id = $3) and ($4::uuid is null or id < $4)
        order by id desc limit $5"#,
        organization.0,
        vps.0,
        only.map(|a| a.0),
        before.map(|a| a.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_facts_is_shown_with_exactly_one_word() {
        let mut all: Vec<String> = Status::ALL.iter().copied().flat_map(facts_shown_as).collect();
        let combinations = VpsState::ALL.len()
            * Power::ALL.len()
            * (Suspension::ALL.len() + 1)
            * (ActionKind::ALL.len() + 1);
        assert_eq!(all.len(), combinations);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), combinations);
        assert!(facts_shown_as(Status::Rebooting).contains(&"active/running/-/reboot".to_owned()));
    }
}
