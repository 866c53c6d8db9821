//! What the business earns: sums over the ledger and the running month's meters, for operators.

use chrono::NaiveDate;
use domain::{Money, OrganizationId};
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead};

/// How the ledger is divided in time (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// The last 31 days.
    Day,
    /// The last 12 months.
    Month,
}

impl Period {
    /// PostgreSQL's word for it.
    const fn unit(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// From the beginning of the first to the beginning of the running one.
    const fn span(self) -> &'static str {
        match self {
            Self::Day => "30 days",
            Self::Month => "11 months",
        }
    }
}

/// What moved in one period, from the movements alone; a count of payments beside it.
#[derive(Debug, Clone, Copy)]
pub struct Sums {
    /// First day of the period.
    pub start: NaiveDate,
    /// Captured at the gateway.
    pub paid_in: Money,
    /// Went back through the gateway: refunds, reversals, chargebacks, less what came back of them.
    pub returned: Money,
    /// Earned by hours.
    pub revenue: Money,
    /// Of it owed, not paid: hours of suspended VPSs.
    pub owed: Money,
    /// Given as credit, less what expired.
    pub credits: Money,
    /// Added to wallets by correction, less what was taken.
    pub adjustments: Money,
    /// Payments that ended as failed.
    pub failed: i64,
}

/// One row for each period, also for those in which nothing moved; newest first.
pub async fn by_period(db: &mut SystemRead, period: Period) -> Result<Vec<Sums>> {
    Ok(sqlx::query_as!(
        Sums,
        r#"with periods as (
            select generate_series(last - ($2::text)::interval, last, ('1 ' || $1)::interval) as start
            from (select date_trunc($1, now() at time zone 'utc') as last) l),
        since as (select min(start) at time zone 'utc' as at from periods),
        moved as (
            select date_trunc($1, t.created_at at time zone 'utc') as start,
                -sum(e.amount_micros) filter (where e.account = 'gateway_clearing' and t.kind = 'top_up') as paid_in,
                sum(e.amount_micros) filter (where e.account = 'chargebacks'
                    or (e.account = 'gateway_clearing' and t.kind <> 'top_up')) as returned,
                sum(e.amount_micros) filter (where e.account = 'revenue') as revenue,
                sum(e.amount_micros) filter (where e.account = 'revenue' and t.kind = 'accrual') as owed,
                -sum(e.amount_micros) filter (where e.account = 'credits_given') as credits,
                -sum(e.amount_micros) filter (where e.account = 'adjustments') as adjustments
            from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
            where t.created_at >= (select at from since) and e.account not in ('wallet', 'held', 'receivable')
            group by 1),
        failures as (
            select date_trunc($1, updated_at at time zone 'utc') as start, count(*) as failed from top_ups
            where state = 'failed' and updated_at >= (select at from since) group by 1)
        select p.start::date as "start!", coalesce(m.paid_in, 0)::bigint as "paid_in!: Money",
            coalesce(m.returned, 0)::bigint as "returned!: Money", coalesce(m.revenue, 0)::bigint as "revenue!: Money",
            coalesce(m.owed, 0)::bigint as "owed!: Money", coalesce(m.credits, 0)::bigint as "credits!: Money",
            coalesce(m.adjustments, 0)::bigint as "adjustments!: Money", coalesce(f.failed, 0) as "failed!"
        from periods p left join moved m on m.start = p.start left join failures f on f.start = p.start
        order by p.start desc"#,
        period.unit(),
        period.span(),
    )
    .fetch_all(db.conn())
    .await?)
}

/// What one organization brought.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Earned by its hours.
    pub revenue: Money,
    /// Captured at the gateway.
    pub paid_in: Money,
}

/// The organizations that brought the most revenue since the beginning of a day, the best first.
pub async fn top_customers(db: &mut SystemRead, since: NaiveDate, limit: i64) -> Result<Vec<Customer>> {
    Ok(sqlx::query_as!(
        Customer,
        r#"select o.id as "id: OrganizationId", o.name, s.revenue as "revenue!: Money", s.paid_in as "paid_in!: Money"
        from (select t.organization_id,
                coalesce(sum(e.amount_micros) filter (where e.account = 'revenue'), 0)::bigint as revenue,
                -coalesce(sum(e.amount_micros) filter (where e.account = 'gateway_clearing' and t.kind = 'top_up'), 0)::bigint
                    as paid_in
            from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
            where t.created_at >= $1::date::timestamp at time zone 'utc' and e.account in ('revenue', 'gateway_clearing')
            group by 1) s
        join organizations o on o.id = s.organization_id
        where s.revenue > 0 or s.paid_in > 0
        order by s.revenue desc, o.id limit $2"#,
        since,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// What a margin is looked at by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The plans.
    Plan,
    /// The customers.
    Organization,
    /// The provider accounts.
    Account,
    /// The VPSs.
    Vps,
}

/// What the hours of the running month brought and what they cost us.
#[derive(Debug, Clone)]
pub struct Margin {
    /// Of what: a plan, an organization, an account or a VPS; `None` when the account is gone, and of resources that
    /// belong to no VPS.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// Whose, where it is a VPS.
    pub organization: Option<String>,
    /// VPSs that had hours. What belongs to a VPS counts with it.
    pub vps: i64,
    /// Hours charged.
    pub hours: i64,
    /// What they were charged at.
    pub revenue: Money,
    /// What they cost us, by the price version each VPS was sold at: hours, at most the month, at least the minimum in
    /// the month in which it began.
    pub cost: Money,
}

/// The margin of the running month (UTC), the worst first. From the meters, so it costs the same on the last day as on
/// the first.
pub async fn margin(db: &mut SystemRead, of: Of, limit: i64) -> Result<Vec<Margin>> {
    let of = match of {
        Of::Plan => "plan",
        Of::Organization => "organization",
        Of::Account => "account",
        Of::Vps => "vps",
    };
    Ok(sqlx::query_as!(
        Margin,
        r#"with month as (
            select start::date as first, start at time zone 'utc' as at
            from (select date_trunc('month', now() at time zone 'utc') as start) s),
        counted as (
            select m.organization_id, m.vps_id as is_vps, coalesce(m.vps_id, r.vps_id) as vps_id, r.id as resource_id,
                r.kind, r.name, m.price_version_id, m.quantity, m.month_used_micros as revenue,
                m.started_at >= month.at as began,
                floor(extract(epoch from m.paid_until - greatest(m.started_at, month.at)) / 3600)::bigint as hours
            from meter_counts m left join resources r on r.organization_id = m.organization_id and r.id = m.resource_id,
                month
            where m.month = month.first),
        spent as (
            select c.*, greatest(least(c.hours * amount_of(p.cost_hour_micros, c.quantity, p.per_units),
                    amount_of(p.cost_month_micros, c.quantity, p.per_units)),
                case when c.began then amount_of(p.cost_minimum_micros, c.quantity, p.per_units) else 0 end) as cost
            from counted c join price_versions p on p.id = c.price_version_id where c.hours > 0)
        select case $1::text when 'plan' then l.id when 'organization' then o.id when 'account' then a.id else v.id end
                as "id?",
            coalesce(min(case $1 when 'plan' then l.name when 'organization' then o.name when 'account' then a.name
                else v.name end), min(case when v.id is null then case $1 when 'vps' then s.name else s.kind end end), '')
                as "name!",
            case $1 when 'vps' then min(o.name) end as organization,
            count(s.is_vps) as "vps!", sum(s.hours)::bigint as "hours!", sum(s.revenue)::bigint as "revenue!: Money",
            sum(s.cost)::bigint as "cost!: Money"
        from spent s join organizations o on o.id = s.organization_id
        left join vps_instances v on v.organization_id = s.organization_id and v.id = s.vps_id
        left join plans l on l.id = v.plan_id left join providers a on a.id = v.provider_id
        group by 1, case when v.id is null and $1 <> 'organization' then
            case $1 when 'vps' then s.resource_id::text else s.kind end end
        order by sum(s.revenue) - sum(s.cost), 1 limit $2"#,
        of,
        limit
    )
    .fetch_all(db.conn())
    .await?)
}
