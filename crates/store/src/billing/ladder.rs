//! Organizations whose money runs out: whom to tell, what to warn of, what to destroy.

use chrono::{DateTime, Utc};
use domain::billing::ladder::{Funds, Kept, NOTICES, WARNINGS};
use domain::{Money, OrganizationId, VpsId};
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemDb, SystemRead, SystemTx, WriteDb};

/// How the recurring job is called.
pub const JOB: &str = "billing.ladder";

fn uuids(organizations: &[OrganizationId]) -> Vec<Uuid> {
    organizations.iter().map(|o| o.0).collect()
}

fn hours(of: [i64; 3]) -> Vec<i32> {
    of.into_iter().map(|hours| i32::try_from(hours).unwrap_or(i32::MAX)).collect()
}

/// When the job last ran.
pub async fn last_run(db: &mut impl SystemDb) -> Result<Option<DateTime<Utc>>> {
    let found = sqlx::query_scalar!("select ran_at from recurring_jobs where kind = $1", JOB);
    Ok(found.fetch_optional(db.conn()).await?.flatten())
}

/// The same, locked: runs at once take turns here.
pub async fn lock_last_run(tx: &mut SystemTx) -> Result<Option<DateTime<Utc>>> {
    let found = sqlx::query_scalar!("select ran_at from recurring_jobs where kind = $1 for update", JOB);
    Ok(found.fetch_optional(tx.conn()).await?.flatten())
}

/// Notes that the job runs.
pub async fn set_last_run(tx: &mut SystemTx, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into recurring_jobs as r (kind, last_slot, ran_at) values ($1, 0, $2)
        on conflict (kind) do update set ran_at = greatest(r.ran_at, $2)",
        JOB,
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps every unpaid VPS at least until then. Answers which organizations have one that would have gone sooner.
pub async fn put_off(tx: &mut SystemTx, until: DateTime<Utc>) -> Result<Vec<OrganizationId>> {
    Ok(sqlx::query_scalar!(
        r#"with moved as (
            update vps_instances set kept_until = $1 where id in (
                select id from vps_instances
                where state = 'active' and suspended_by = 'unpaid' and kept_until < $1 order by id for update)
            returning organization_id
        )
        select distinct organization_id as "id!: OrganizationId" from moved order by 1"#,
        until
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A wallet whose runway crossed a threshold, up or down.
#[derive(Debug, Clone)]
pub struct Crossing {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The threshold that was told of last.
    pub told: Option<i16>,
    /// The most urgent one that holds now.
    pub holds: Option<i32>,
}

impl Crossing {
    /// The threshold to tell people of; `None` when things got better.
    pub fn news(&self) -> Option<i64> {
        self.holds.filter(|&holds| self.told.is_none_or(|told| holds < told.into())).map(i64::from)
    }
}

/// Notes at which threshold each wallet stands, and answers up to `limit` of those where that is another one than
/// before, in id order. A wallet that somebody else has locked is left for the next time, and so is one that burns
/// nothing because all it has is unpaid: its runway did not rise.
pub async fn cross(tx: &mut SystemTx, limit: i64) -> Result<Vec<Crossing>> {
    let crossings = sqlx::query_as!(
        Crossing,
        r#"select w.organization_id as "organization_id: OrganizationId", w.runway_told as told, h.holds
        from wallets w
        left join wallet_terms t on t.organization_id = w.organization_id
        cross join lateral (
            select min(n) as holds from unnest($1::int[]) n
            where w.burn_micros > 0 and w.available_micros
                + greatest(coalesce(t.credit_limit_micros, 0) - w.receivable_micros, 0) < n * w.burn_micros
        ) h
        where (w.burn_micros > 0 or w.runway_told is not null) and h.holds is distinct from w.runway_told
            and (w.burn_micros > 0 or not exists (select from sold_hourly s
                where s.organization_id = w.organization_id and s.state = 'active' and s.unpaid))
        order by w.organization_id limit $2 for update of w skip locked"#,
        &hours(NOTICES),
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    let ids: Vec<Uuid> = crossings.iter().map(|c| c.organization_id.0).collect();
    let told: Vec<Option<i32>> = crossings.iter().map(|c| c.holds).collect();
    sqlx::query!(
        "update wallets w set runway_told = n.told from unnest($1::uuid[], $2::int[]) as n (id, told)
        where w.organization_id = n.id",
        &ids,
        &told as &[Option<i32>],
    )
    .execute(tx.conn())
    .await?;
    Ok(crossings)
}

/// Organizations with unpaid VPSs for which a step may be due at `now`, in id order. `lead` is how much before their
/// time warnings go out.
pub async fn due_organizations(
    db: &mut SystemRead,
    now: DateTime<Utc>,
    lead: chrono::Duration,
) -> Result<Vec<OrganizationId>> {
    Ok(sqlx::query_scalar!(
        r#"select distinct v.organization_id as "id: OrganizationId"
        from vps_instances v left join wallet_terms t on t.organization_id = v.organization_id
        where v.state = 'active' and v.suspended_by = 'unpaid' and not coalesce(t.never_destroyed, false)
            and (v.kept_until is null or v.kept_until - $2::bigint * interval '1 second'
                - (select coalesce(max(n), 0) from unnest($3::int[]) n where n < v.kept_told) * interval '1 hour' <= $1)
        order by 1"#,
        now,
        lead.num_seconds(),
        &hours(WARNINGS)
    )
    .fetch_all(db.conn())
    .await?)
}

/// An unpaid VPS.
#[derive(Debug, Clone)]
pub struct Unpaid {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Which.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// Since when it is suspended.
    pub suspended_at: DateTime<Utc>,
    /// When it is destroyed, once that was announced.
    pub kept_until: Option<DateTime<Utc>>,
    /// So many whole hours before that its people were last told.
    pub kept_told: Option<i32>,
    /// How long its organization's unpaid VPSs are kept, if not as the installation says.
    pub retention_hours: Option<i32>,
}

impl Unpaid {
    /// Until when it is kept, once that was announced.
    pub fn kept(&self) -> Option<Kept> {
        Kept::of(self.kept_until, self.kept_told)
    }
}

/// The unpaid VPSs of these organizations that are to be destroyed some day, locked, by organization and name. Those
/// that somebody else has locked are left out.
pub async fn lock_unpaid(tx: &mut SystemTx, organizations: &[OrganizationId]) -> Result<Vec<Unpaid>> {
    Ok(sqlx::query_as!(
        Unpaid,
        r#"select v.organization_id as "organization_id: OrganizationId", v.id as "id: VpsId", v.name,
            v.suspended_at as "suspended_at!", v.kept_until, v.kept_told, t.retention_hours
        from vps_instances v left join wallet_terms t on t.organization_id = v.organization_id
        where v.organization_id = any($1) and v.state = 'active' and v.suspended_by = 'unpaid'
            and not coalesce(t.never_destroyed, false)
        order by v.organization_id, lower(v.name) for update of v skip locked"#,
        &uuids(organizations)
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Sets until when VPSs are kept, and what their people were told of it.
pub async fn set_kept(tx: &mut SystemTx, vps: &[(VpsId, Kept)]) -> Result<()> {
    let ids: Vec<Uuid> = vps.iter().map(|(id, _)| id.0).collect();
    let until: Vec<DateTime<Utc>> = vps.iter().map(|(_, kept)| kept.until).collect();
    let told: Vec<i32> = vps.iter().map(|(_, kept)| i32::try_from(kept.told).unwrap_or(i32::MAX)).collect();
    sqlx::query!(
        "update vps_instances v set kept_until = n.until, kept_told = n.told
        from unnest($1::uuid[], $2::timestamptz[], $3::int[]) as n (id, until, told) where v.id = n.id",
        &ids,
        &until,
        &told
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Since when the last warning of each of these organizations is with the mail host; `now` where one waits still. A
/// mail that has waited for a day is not waited for any more.
pub async fn warned_at(
    tx: &mut SystemTx,
    organizations: &[OrganizationId],
    kinds: &[&str],
    now: DateTime<Utc>,
) -> Result<Vec<(OrganizationId, DateTime<Utc>)>> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let rows = sqlx::query!(
        r#"select organization_id as "id!: OrganizationId",
            max(case when state = 'queued' then $3 else sent_at end) as "at!"
        from mails
        where organization_id = any($1) and kind = any($2) and state in ('queued', 'sent')
            and created_at > $3::timestamptz - interval '1 day'
        group by organization_id"#,
        &uuids(organizations),
        &kinds,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.id, r.at)).collect())
}

/// What an organization is told with a notice or a warning.
#[derive(Debug, Clone)]
pub struct Account {
    /// Which.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Money that can be spent.
    pub available: Money,
    /// What it owes.
    pub receivable: Money,
    /// How much it may owe.
    pub credit_limit: Money,
    /// What costs it now, per hour.
    pub burn: Money,
    /// What is unpaid would cost, per hour.
    pub unpaid: Money,
}

impl Account {
    /// What decides whether it can go on.
    pub fn funds(&self) -> Funds {
        Funds { available: self.available, receivable: self.receivable, credit_limit: self.credit_limit }
    }
}

/// The accounts of these organizations, in id order.
pub async fn accounts(tx: &mut impl WriteDb, organizations: &[OrganizationId]) -> Result<Vec<Account>> {
    Ok(sqlx::query_as!(
        Account,
        r#"select w.organization_id as "organization_id: OrganizationId", o.name,
            w.available_micros as "available: Money", w.receivable_micros as "receivable: Money",
            coalesce(t.credit_limit_micros, 0) as "credit_limit!: Money", w.burn_micros as "burn: Money",
            coalesce((select sum(amount_of(p.sell_hour_micros, s.quantity, p.per_units))
                from sold_hourly s join price_versions p on p.id = s.price_version_id
                where s.organization_id = w.organization_id and s.state = 'active' and s.unpaid), 0)::bigint
                as "unpaid!: Money"
        from wallets w
        join organizations o on o.id = w.organization_id
        left join wallet_terms t on t.organization_id = w.organization_id
        where w.organization_id = any($1) order by w.organization_id"#,
        &uuids(organizations)
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Unpaid VPSs of one organization that have one date, as operators see them.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Whose.
    pub organization: String,
    /// Since when the first of them is suspended.
    pub since: DateTime<Utc>,
    /// How many they are.
    pub vps: i64,
    /// What they cost us per hour.
    pub cost_hour: Money,
    /// What the organization owes.
    pub receivable: Money,
    /// When they are destroyed; `None` before that was announced, or when they never are.
    pub kept_until: Option<DateTime<Utc>>,
    /// So many whole hours before that their people were last told.
    pub kept_told: Option<i32>,
    /// Do they stay for ever?
    pub never_destroyed: bool,
}

impl Exposure {
    /// Until when they are kept, once that was announced.
    pub fn kept(&self) -> Option<Kept> {
        Kept::of(self.kept_until, self.kept_told)
    }
}

/// Everything that is suspended unpaid, by organization and date, longest suspended first.
pub async fn exposure(db: &mut SystemRead) -> Result<Vec<Exposure>> {
    Ok(sqlx::query_as!(
        Exposure,
        r#"select v.organization_id as "organization_id: OrganizationId", o.name as organization,
            min(v.suspended_at) as "since!", count(*) as "vps!",
            sum(p.cost_hour_micros)::bigint as "cost_hour!: Money", w.receivable_micros as "receivable: Money",
            v.kept_until, v.kept_told, coalesce(t.never_destroyed, false) as "never_destroyed!"
        from vps_instances v
        join price_versions p on p.id = v.price_version_id
        join organizations o on o.id = v.organization_id
        join wallets w on w.organization_id = v.organization_id
        left join wallet_terms t on t.organization_id = v.organization_id
        where v.state = 'active' and v.suspended_by = 'unpaid'
        group by v.organization_id, o.name, w.receivable_micros, v.kept_until, v.kept_told, t.never_destroyed
        order by min(v.suspended_at), v.organization_id"#
    )
    .fetch_all(db.conn())
    .await?)
}
