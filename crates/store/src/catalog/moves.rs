//! Moves of VPSs to another price: announced, told, cancelled. A billing run carries them out (`billing::moves`).

use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::{Money, OrganizationId, PlanId, PriceMoveId, PriceVersionId, RegionId, VpsId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb as _, OrgRead, Result, SystemRead, SystemTx};

/// A move to announce.
#[derive(Debug, Clone, Copy)]
pub struct NewMove<'a> {
    /// Its id.
    pub id: PriceMoveId,
    /// To which price, and so of which plan in which region.
    pub version: PriceVersionId,
    /// From when on; `None` is now.
    pub moves_at: Option<DateTime<Utc>>,
    /// Of these organizations; `None` is all.
    pub organizations: Option<&'a [OrganizationId]>,
}

/// What an announced move is about.
#[derive(Debug, Clone, Copy)]
pub struct Announced {
    /// VPSs.
    pub vps: i64,
    /// Organizations.
    pub organizations: i64,
    /// Does the price of any of them rise, by the hour or by the month?
    pub rises: bool,
}

/// Writes a move down with every VPS it is about: all that keep another price now. One that is announced to move already
/// is refused by constraint `vps_price_moves_one_open`.
pub async fn announce(tx: &mut SystemTx, new: NewMove<'_>, by: Actor) -> Result<Announced> {
    let chosen = uuids(new.organizations);
    sqlx::query!(
        "insert into price_moves (id, plan_id, region_id, price_version_id, moves_at, created_by)
        select $1, plan_id, region_id, id, coalesce($3, now()), $4 from price_versions where id = $2",
        new.id.0,
        new.version.0,
        new.moves_at,
        Json(by) as _,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into vps_price_moves (organization_id, move_id, vps_id, from_version_id, to_version_id, moves_at)
        select v.organization_id, m.id, v.id, v.price_version_id, m.price_version_id, m.moves_at
        from price_moves m
        join vps_instances v on v.plan_id = m.plan_id and v.region_id = m.region_id
        where m.id = $1 and v.state in ('creating', 'active') and v.price_version_id <> m.price_version_id
            and ($2::uuid[] is null or v.organization_id = any($2))",
        new.id.0,
        chosen.as_deref(),
    )
    .execute(tx.conn())
    .await?;
    Ok(sqlx::query_as!(
        Announced,
        r#"select count(*) as "vps!", count(distinct r.organization_id) as "organizations!",
            coalesce(bool_or(t.sell_hour_micros > f.sell_hour_micros or t.sell_month_micros > f.sell_month_micros),
                false) as "rises!"
        from vps_price_moves r
        join price_versions f on f.id = r.from_version_id
        join price_versions t on t.id = r.to_version_id
        where r.move_id = $1"#,
        new.id.0
    )
    .fetch_one(tx.conn())
    .await?)
}

fn uuids(ids: Option<&[OrganizationId]>) -> Option<Vec<Uuid>> {
    ids.map(|ids| ids.iter().map(|id| id.0).collect())
}

/// A move, locked.
#[derive(Debug, Clone, Copy)]
pub struct Locked {
    /// Of which plan.
    pub plan_id: PlanId,
    /// From when on.
    pub moves_at: DateTime<Utc>,
    /// Was it cancelled?
    pub cancelled: bool,
}

/// Locks a move.
pub async fn lock(tx: &mut SystemTx, id: PriceMoveId) -> Result<Option<Locked>> {
    Ok(sqlx::query_as!(
        Locked,
        r#"select plan_id as "plan_id: PlanId", moves_at, cancelled_at is not null as "cancelled!"
        from price_moves where id = $1 for update"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Cancels a move that is locked. Answers the VPSs that keep their price.
pub async fn cancel(tx: &mut SystemTx, id: PriceMoveId, by: Actor) -> Result<Vec<(OrganizationId, VpsId)>> {
    sqlx::query!(
        "update price_moves set cancelled_at = now(), cancelled_by = $2 where id = $1",
        id.0,
        Json(by) as _
    )
    .execute(tx.conn())
    .await?;
    let rows = sqlx::query!(
        r#"update vps_price_moves set state = 'cancelled' where move_id = $1 and state = 'announced'
        returning organization_id as "organization_id: OrganizationId", vps_id as "vps_id: VpsId""#,
        id.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.organization_id, r.vps_id)).collect())
}

/// Does a move that is not over go to one of the prices that were published together with this one?
pub async fn is_target(tx: &mut SystemTx, version: PriceVersionId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
            select from price_versions one
            join price_versions v on v.plan_id = one.plan_id and v.created_at = one.created_at
                and v.effective_at = one.effective_at
            join price_moves m on m.price_version_id = v.id and m.cancelled_at is null
            where one.id = $1) as "target!""#,
        version.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A move as operators see it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: PriceMoveId,
    /// Name of the region.
    pub region: String,
    /// Per hour from then on.
    pub hour: Money,
    /// Monthly cap from then on.
    pub month: Money,
    /// From when on.
    pub moves_at: DateTime<Utc>,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
    /// When it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// VPSs it is about.
    pub vps: i64,
    /// Their organizations.
    pub organizations: i64,
    /// VPSs whose people were told.
    pub told: i64,
    /// VPSs that are moved.
    pub moved: i64,
    /// VPSs that are still to be moved.
    pub open: i64,
    /// Has its time come?
    pub due: bool,
}

/// The newest moves of a plan.
pub async fn list(db: &mut SystemRead, plan: PlanId, limit: i64) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select m.id as "id: PriceMoveId", g.name as region, t.sell_hour_micros as "hour: Money",
            t.sell_month_micros as "month: Money", m.moves_at, m.created_at, m.cancelled_at, m.moves_at <= now() as "due!",
            c.vps as "vps!", c.organizations as "organizations!", c.told as "told!", c.moved as "moved!", c.open as "open!"
        from price_moves m
        join regions g on g.id = m.region_id
        join price_versions t on t.id = m.price_version_id
        cross join lateral (
            select count(*) as vps, count(distinct organization_id) as organizations, count(told) as told,
                count(*) filter (where state = 'moved') as moved, count(*) filter (where state = 'announced') as open
            from vps_price_moves r where r.move_id = m.id
        ) c
        where m.plan_id = $1
        order by m.id desc limit $2"#,
        plan.0,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// A price that VPSs of a plan keep, or could be moved to.
#[derive(Debug, Clone)]
pub struct KeptPrice {
    /// The price.
    pub id: PriceVersionId,
    /// The region.
    pub region_id: RegionId,
    /// Name of the region.
    pub region: String,
    /// Per hour.
    pub hour: Money,
    /// Monthly cap.
    pub month: Money,
    /// From when on it is, or was, in force.
    pub effective_at: DateTime<Utc>,
    /// VPSs that have it.
    pub vps: i64,
    /// Of them, those whose server costs more now.
    pub below_cost: i64,
    /// Are orders taken at it?
    pub in_force: bool,
    /// Is it still to come?
    pub scheduled: bool,
}

/// The prices of a plan that are in force or to come, and the older ones that some VPSs keep; by region and time.
pub async fn kept_prices(db: &mut SystemRead, plan: PlanId) -> Result<Vec<KeptPrice>> {
    Ok(sqlx::query_as!(
        KeptPrice,
        r#"select c.id as "id: PriceVersionId", c.region_id as "region_id: RegionId", g.name as region,
            c.sell_hour_micros as "hour: Money", c.sell_month_micros as "month: Money", c.effective_at,
            v.vps as "vps!", v.below_cost as "below_cost!", p.id is not null as "in_force!",
            c.effective_at > now() as "scheduled!"
        from price_versions c
        join regions g on g.id = c.region_id
        left join current_prices p on p.id = c.id
        cross join lateral (
            select count(*) as vps, count(*) filter (where exists (
                select from below_cost_vps b where b.id = i.id)) as below_cost
            from vps_instances i
            where i.plan_id = c.plan_id and i.price_version_id = c.id and i.state in ('creating', 'active')
        ) v
        where c.plan_id = $1 and (v.vps > 0 or p.id is not null or c.effective_at > now())
            and not exists (select from price_withdrawals w where w.price_version_id = c.id)
        order by g.name, g.id, c.effective_at, c.id"#,
        plan.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// What a move means for one organization.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Which.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization: String,
    /// VPSs that would be moved.
    pub vps: i64,
    /// What they cost per hour now.
    pub old_hour: Money,
    /// What they would cost per hour.
    pub new_hour: Money,
    /// What they cost in a month of 730 hours now.
    pub old_month: Money,
    /// What they would cost in such a month.
    pub new_month: Money,
    /// Whole hours that the wallet lasts now; `None` when nothing burns.
    pub runway_before: Option<i64>,
    /// Whole hours it would last at the new price.
    pub runway_after: Option<i64>,
    /// What is left of it at that time, after debts and at the present burn.
    pub left_then: Money,
}

/// What a move means for up to `limit` organizations after `after`, by id.
pub async fn effects(
    db: &mut SystemRead,
    version: PriceVersionId,
    organizations: Option<&[OrganizationId]>,
    hours_ahead: i64,
    after: Option<OrganizationId>,
    limit: i64,
) -> Result<Vec<Effect>> {
    let chosen = uuids(organizations);
    Ok(sqlx::query_as!(
        Effect,
        r#"select e.organization_id as "organization_id!: OrganizationId", o.name as organization, e.vps as "vps!",
            e.old_hour as "old_hour!: Money", e.new_hour as "new_hour!: Money", e.old_month as "old_month!: Money",
            e.new_month as "new_month!: Money", e.runway_before, e.runway_after, e.left_then as "left_then!: Money"
        from price_move_effects($1, $2, $3) e join organizations o on o.id = e.organization_id
        where $4::uuid is null or e.organization_id > $4
        order by e.organization_id limit $5"#,
        version.0,
        chosen.as_deref(),
        hours_ahead,
        after.map(|o| o.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// What a move means for everybody together.
#[derive(Debug, Clone, Copy)]
pub struct Effects {
    /// Organizations.
    pub organizations: i64,
    /// VPSs.
    pub vps: i64,
    /// What they cost per hour now.
    pub old_hour: Money,
    /// What they would cost per hour.
    pub new_hour: Money,
    /// What they bring in a month of 730 hours now.
    pub old_month: Money,
    /// What they would bring in such a month.
    pub new_month: Money,
    /// Organizations whose wallet lasts 72 hours now and would not any more.
    pub below_72: i64,
    /// The same for 24 hours.
    pub below_24: i64,
    /// The same for one hour.
    pub below_1: i64,
    /// Organizations whose wallet is empty by then at the present burn.
    pub below_zero: i64,
}

/// The sums over all organizations.
pub async fn total_effects(
    db: &mut SystemRead,
    version: PriceVersionId,
    organizations: Option<&[OrganizationId]>,
    hours_ahead: i64,
) -> Result<Effects> {
    let chosen = uuids(organizations);
    Ok(sqlx::query_as!(
        Effects,
        r#"select count(*) as "organizations!", coalesce(sum(vps), 0)::bigint as "vps!",
            coalesce(sum(old_hour), 0)::bigint as "old_hour!: Money",
            coalesce(sum(new_hour), 0)::bigint as "new_hour!: Money",
            coalesce(sum(old_month), 0)::bigint as "old_month!: Money",
            coalesce(sum(new_month), 0)::bigint as "new_month!: Money",
            count(*) filter (where runway_after < 72 and coalesce(runway_before, 72) >= 72) as "below_72!",
            count(*) filter (where runway_after < 24 and coalesce(runway_before, 24) >= 24) as "below_24!",
            count(*) filter (where runway_after < 1 and coalesce(runway_before, 1) >= 1) as "below_1!",
            count(*) filter (where left_then < 0) as "below_zero!"
        from price_move_effects($1, $2, $3)"#,
        version.0,
        chosen.as_deref(),
        hours_ahead,
    )
    .fetch_one(db.conn())
    .await?)
}

/// A price change that the organization's people are to know of.
#[derive(Debug, Clone)]
pub struct Change {
    /// Name of the plan.
    pub plan: String,
    /// Name of the region.
    pub region: String,
    /// VPSs it is about.
    pub vps: i64,
    /// From when on.
    pub moves_at: DateTime<Utc>,
    /// Per hour from then on.
    pub hour: Money,
    /// Monthly cap from then on.
    pub month: Money,
}

/// Price changes that are announced to the organization, the next first.
pub async fn announced(db: &mut OrgRead) -> Result<Vec<Change>> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Change,
        r#"select p.name as plan, g.name as region, count(*) as "vps!", r.moves_at, t.sell_hour_micros as "hour: Money",
            t.sell_month_micros as "month: Money"
        from vps_price_moves r
        join price_versions t on t.id = r.to_version_id
        join plans p on p.id = t.plan_id
        join regions g on g.id = t.region_id
        where r.organization_id = $1 and r.state = 'announced'
        group by r.move_id, p.name, g.name, r.moves_at, t.sell_hour_micros, t.sell_month_micros
        order by r.moves_at, r.move_id"#,
        organization.0
    )
    .fetch_all(db.conn())
    .await?)
}

/// A VPS whose people are to be told something of a move.
#[derive(Debug, Clone)]
pub struct ToTell {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The move.
    pub move_id: PriceMoveId,
    /// What they are told: `announced`, `reminded` or `cancelled`.
    pub told: String,
    /// Which VPS.
    pub vps_id: VpsId,
    /// Its name.
    pub name: String,
    /// Name of its plan.
    pub plan: String,
    /// Name of its region.
    pub region: String,
    /// From when on.
    pub moves_at: DateTime<Utc>,
    /// Was it announced for at once?
    pub at_once: bool,
    /// Per hour before.
    pub from_hour: Money,
    /// Monthly cap before.
    pub from_month: Money,
    /// Per hour from then on.
    pub to_hour: Money,
    /// Monthly cap from then on.
    pub to_month: Money,
}

/// A move about which somebody is to be told something, locked; `None` when there is none, or others are at them.
pub async fn lock_untold(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    remind_days: i32,
) -> Result<Option<PriceMoveId>> {
    Ok(sqlx::query_scalar!(
        r#"select m.id as "id: PriceMoveId" from price_moves m
        where exists (select from vps_price_moves r where r.move_id = m.id and r.told is null
                and r.state in ('announced', 'moved'))
            or exists (select from vps_price_moves r where r.move_id = m.id and r.state = 'cancelled'
                and r.told in ('announced', 'reminded'))
            or m.moves_at > $1 and m.moves_at - make_interval(days => $2) <= $1
                and exists (select from vps_price_moves r where r.move_id = m.id and r.state = 'announced'
                    and r.told = 'announced' and r.told_at < m.moves_at - make_interval(days => $2))
        order by m.id limit 1 for update skip locked"#,
        now,
        remind_days,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Notes that the people of up to `limit` organizations are told of a move that is locked; what they are to be told.
pub async fn tell(
    tx: &mut SystemTx,
    id: PriceMoveId,
    now: DateTime<Utc>,
    remind_days: i32,
    limit: i64,
) -> Result<Vec<ToTell>> {
    Ok(sqlx::query_as!(
        ToTell,
        r#"with untold as (
            select r.organization_id, r.vps_id, case
                when r.state = 'cancelled' and r.told in ('announced', 'reminded') then 'cancelled'
                when r.told is null and r.state in ('announced', 'moved') then 'announced'
                when r.state = 'announced' and r.told = 'announced' and r.moves_at > $2
                    and r.moves_at - make_interval(days => $3) <= $2
                    and r.told_at < r.moves_at - make_interval(days => $3) then 'reminded'
                end as told
            from vps_price_moves r where r.move_id = $1
        ), batch as (
            select distinct organization_id from untold where told is not null order by 1 limit $4
        ), locked as (
            select r.organization_id, r.vps_id, u.told
            from vps_price_moves r
            join untold u on u.vps_id = r.vps_id and u.told is not null
            join batch on batch.organization_id = r.organization_id
            where r.move_id = $1 order by r.organization_id, r.vps_id for update of r
        ), told as (
            update vps_price_moves r set told = l.told, told_at = now()
            from locked l where r.move_id = $1 and r.vps_id = l.vps_id
            returning r.organization_id, r.vps_id, r.from_version_id, r.told
        )
        select r.organization_id as "organization_id: OrganizationId", m.id as "move_id: PriceMoveId", r.told as "told!",
            r.vps_id as "vps_id: VpsId", v.name, p.name as plan, g.name as region, m.moves_at,
            m.moves_at <= m.created_at as "at_once!", f.sell_hour_micros as "from_hour: Money",
            f.sell_month_micros as "from_month: Money", t.sell_hour_micros as "to_hour: Money",
            t.sell_month_micros as "to_month: Money"
        from told r
        join price_moves m on m.id = $1
        join vps_instances v on v.organization_id = r.organization_id and v.id = r.vps_id
        join plans p on p.id = m.plan_id
        join regions g on g.id = m.region_id
        join price_versions f on f.id = r.from_version_id
        join price_versions t on t.id = m.price_version_id
        order by r.organization_id, r.told, f.sell_hour_micros, f.id, v.name, v.id"#,
        id.0,
        now,
        remind_days,
        limit
    )
    .fetch_all(tx.conn())
    .await?)
}
