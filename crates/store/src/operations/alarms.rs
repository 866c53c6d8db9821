//! Everything an operator should look at, in one statement.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::operations::AlarmCode;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead};

/// An open alarm. It closes by itself when its cause is gone.
#[derive(Debug, Clone)]
pub struct Open {
    /// What it is about.
    pub code: AlarmCode,
    /// The provider account or the plan, where it concerns one.
    pub subject: Option<Uuid>,
    /// Name of the account, kind of the jobs, or names of some plans.
    pub name: Option<String>,
    /// How many things it concerns.
    pub count: i64,
    /// Since when it is so, if known.
    pub since: Option<DateTime<Utc>>,
    /// What was seen, for example the last error.
    pub detail: Option<String>,
}

/// From when on something late is an alarm.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For hours to be charged and due jobs to begin.
    pub work: Duration,
    /// For an account's inventory to be compared.
    pub reconcile: Duration,
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// All open alarms, those about money first.
pub async fn open(db: &mut SystemRead, patience: Patience) -> Result<Vec<Open>> {
    Ok(sqlx::query_as!(
        Open,
        r#"with late as (
            select now() - $1 * interval '1 millisecond' as work, now() - $2 * interval '1 millisecond' as reconcile
        ), present as (
            -- What a plan costs now in a region, at the dearest of its accounts.
            select z.plan_id, r.region_id, max(x.cost_hour_micros) as hour, max(x.cost_month_micros) as month
            from plan_sizes z
            join provider_prices x on x.provider_id = z.provider_id and x.size_ref = z.size_ref
            join provider_regions r on r.provider_id = x.provider_id and r.ref = x.region_ref
            group by z.plan_id, r.region_id
        ), priced as (
            select p.id, p.name, v.sell_hour_micros < t.hour or v.sell_month_micros < t.month as below,
                v.cost_hour_micros <> t.hour or v.cost_month_micros <> t.month as changed
            from plans p
            join current_prices c on c.plan_id = p.id
            join price_versions v on v.id = c.id
            join present t on t.plan_id = p.id and t.region_id = c.region_id
            where p.active
        )
        select code as "code!: AlarmCode", subject, name, count as "count!", since, detail from (
            select 1 as place, 'billing_lag' as code, null::uuid as subject, null::text as name, count(*) as count,
                min(m.paid_until) as since, null::text as detail
            from meter_counts m, late where not m.settled and m.paid_until < late.work
            having count(*) > 0
            union all
            select 2, 'hold_without_job', null, null, count(*), min(h.created_at), null
            from holds h, late
            where h.state = 'open' and h.created_at < late.work
                and not exists (select from jobs j where j.key = h.vps_id::text and j.state = 'ready'
                    and j.kind in ('vps.create', 'vps.delete', 'job.discard'))
                and not exists (select from jobs j where j.key = h.vps_id::text and j.state = 'running'
                    and j.kind in ('vps.create', 'vps.delete', 'job.discard'))
            having count(*) > 0
            union all
            select 2, 'payment_difference', null, null, count(*), min(first_seen_at), min(what)
            from payment_differences where seen > 1 having count(*) > 0
            union all
            select 2, 'dispute_open', null, null, count(*), min(opened_at), null
            from disputes where state = 'open' having count(*) > 0
            union all
            select 3, 'plan_below_cost', null, array_to_string((array_agg(distinct name))[1:3], ', '),
                count(distinct id), null, null
            from priced where below having count(*) > 0
            union all
            select 4, 'account_unauthorized', id, name, 1, null, last_error from providers where health = 'unauthorized'
            union all
            select 5, 'dead_jobs', null, kind, count(*), min(finished_at),
                (array_agg(last_error order by finished_at desc))[1]
            from jobs where state = 'dead' group by kind
            union all
            select 6, 'queue_lag', null, null, count(*), min(j.run_at), null
            from jobs j, late
            where j.state = 'ready' and j.run_at < late.work
                and (j.key is null or not exists (select from jobs o where o.key = j.key
                    and (o.state = 'running' or (o.state = 'ready' and o.id < j.id))))
            having count(*) > 0
            union all
            select 7, 'reconcile_failing', id, name, 1, coalesce(last_reconciled_at, created_at), last_error
            from providers, late
            where health = 'ok' and coalesce(last_reconciled_at, created_at) < late.reconcile
            union all
            select 8, 'account_error', id, name, 1, null, last_error
            from providers, late
            where health = 'ok' and last_error is not null and limit_reached_at is null
                and coalesce(last_reconciled_at, created_at) >= late.reconcile
            union all
            select 9, 'account_limit', id, name, 1, limit_reached_at, last_error
            from providers where limit_reached_at is not null
            union all
            select 10, 'quota_low', a.id, a.name, b.remaining, b.noted_at,
                format('%s of %s requests are left.', b.remaining, b.request_limit)
            from provider_budgets b join providers a on a.id = b.provider_id
            where b.resets_at > now() and b.remaining * 10 < b.request_limit
            union all
            select 11, 'kept_price_below_cost', p.id, p.name, count(*), null, null
            from below_cost_vps b join plans p on p.id = b.plan_id group by p.id
            union all
            select 12, 'cost_changed', null, array_to_string((array_agg(distinct name))[1:3], ', '),
                count(distinct id), null, null
            from priced where changed and not below having count(*) > 0
            union all
            select 13, 'webhook_refused', null, null, count(*), min(received_at), max(detail)
            from payment_events where state = 'refused' and received_at > now() - interval '1 day'
            having count(*) > 0
            union all
            select 14, 'orphans', a.id, a.name, count(*), min(o.first_seen_at), null
            from orphan_servers o join providers a on a.id = o.provider_id group by a.id
        ) as alarms order by place, name, subject"#,
        milliseconds(patience.work) as _,
        milliseconds(patience.reconcile) as _,
    )
    .fetch_all(db.conn())
    .await?)
}
