//! Meters against VPSs and resources, charges against meters, and both against what the ledger earned.

use super::{Answer, Difference};
use crate::SystemRead;
use crate::handle::sealed::Conn as _;

/// Charges against the movements that paid them, bill by bill: what one run charged an organization, from the wallet and
/// on the debt, is one bill. Orders deleted before they were active are charged without a meter, and transfer has no hours.
pub(super) fn paid_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with earned as (
                select t.organization_id, t.id, t.kind, substr(t.key, strpos(t.key, ':') + 1) as bill,
                    coalesce(t.reference->>'vps_id', t.reference->>'resource_id')::uuid as subject, e.amount_micros as amount
                from ledger_transactions t
                join ledger_entries e on e.transaction_id = t.id and e.account = 'revenue'
                where t.kind in ('charge', 'accrual', 'capture') and not t.reference ? 'transfer'
            ), spent as (
                select organization_id, transaction_id, sum(amount_micros)::bigint as amount,
                    bool_or(tariff = 'at_cost') as at_cost
                from charged where transaction_id is not null group by 1, 2
            ), paired as (
                select coalesce(s.organization_id, t.organization_id) as organization_id, t.id, t.kind, t.bill,
                    coalesce(t.amount, 0) as earned, coalesce(s.amount, 0) as charged,
                    s.at_cost and t.kind <> 'accrual' as paid_at_cost,
                    t.kind = 'capture' and s.transaction_id is null
                        and not exists (select from meters m where t.subject in (m.vps_id, m.resource_id)) as early
                from earned t full join spent s
                    on s.transaction_id = t.id and s.organization_id = t.organization_id
            ), bills as (
                select organization_id, bool_or(id is null) as stray, bool_or(paid_at_cost) as paid_at_cost,
                    sum(earned)::bigint as earned, sum(charged)::bigint as charged
                from paired where not early group by organization_id, kind = 'capture', bill
            )
            select organization_id as "organization_id!: _", case
                when stray then 'a charge belongs to no movement of the ledger'
                when earned <> charged then
                    format('charges of one bill sum to %s micros, the ledger earned %s', charged, earned)
                else 'an hour at cost was taken from the wallet' end as "what!"
            from bills where stray or paid_at_cost or earned <> charged
            order by stray limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}

/// Meters against the VPSs and resources whose hours they count, and against those hours: one charge for each between start and cursor,
/// none outside, and what they cost in the month of the last one.
pub(super) fn counted_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with counted as (
                select m.organization_id, m.id, coalesce(m.vps_id, m.resource_id) as subject,
                    m.vps_id is not null and m.resource_id is not null as two, m.price_version_id, m.quantity, m.started_at, m.ended_at, m.month, m.settled,
                    count(*) filter (where c.is_hour) as charges,
                    count(*) filter (where c.is_hour and c.span_start >= m.started_at
                        and date_bin('1 hour', c.span_start, m.started_at) = c.span_start) as hours,
                    max(c.span_start) as last,
                    coalesce(sum(c.amount_micros) filter (where c.span_start >= m.month::timestamp at time zone
                        interval '0'), 0) as used,
                    min(c.organization_id::text) filter (where m.id is null) as stray
                from meters m full join charged c on c.meter_id = m.id and c.organization_id = m.organization_id
                group by m.id
            ), told as (
                select coalesce(n.organization_id, n.stray::uuid, s.organization_id) as organization_id,
                    -- Who misses something is told before who has too much.
                    case when coalesce(n.id::text, n.stray) is null then 0 when s.id is not null then 1 else 2 end
                        as concerns,
                    case
                    when n.stray is not null then 'a charge belongs to no meter'
                    when n.id is null then format('%s %s was active and has no meter', s.word, s.id)
                    when n.two then format('meter %s counts the hours of two', n.id)
                    when s.id is null then format('meter %s counts the hours of nothing that was active', n.id)
                    when n.hours <> n.charges or n.last >= k.paid_until
                        or k.paid_until <> n.started_at + n.hours * interval '1 hour' then
                        format('meter %s has %s charged hours, and not each between its start and %s', n.id, n.charges,
                            k.paid_until)
                    when n.started_at <> s.active_at then format('meter %s did not begin with its %s', n.id, s.word)
                    when n.ended_at is distinct from s.ended_at then format('meter %s did not end with its %s', n.id, s.word)
                    when n.price_version_id <> s.price_version_id then
                        format('meter %s counts at another price than its %s is sold at', n.id, s.word)
                    when n.quantity <> s.quantity then format('meter %s counts another quantity than its %s has', n.id, s.word)
                    when n.settled <> coalesce(k.paid_until >= n.ended_at, false) then
                        format('meter %s is %s, its hours say otherwise', n.id,
                            case when n.settled then 'settled' else 'open' end)
                    when n.month <> date_trunc('month', coalesce(n.last, n.started_at) at time zone interval '0') then
                        format('meter %s counts another month than its last hour is in', n.id)
                    when n.used <> k.month_used_micros then
                        format('meter %s has used %s micros of its month, its charges say %s', n.id,
                            k.month_used_micros, n.used)
                    end as what
                from counted n left join meter_counts k on k.id = n.id
                full join (select *, case kind when 'vps' then 'VPS' else kind end as word
                    from sold_hourly where active_at is not null) s
                    on s.id = n.subject and s.organization_id = n.organization_id
            )
            select organization_id as "organization_id!: _", what as "what!" from told where what is not null
            order by concerns limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}

/// Up to which hour flat hours are charged, against those hours: one of them begins then.
pub(super) fn charged_until_no_hour(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"select w.organization_id as "organization_id: _",
                format('the wallet says that hours are charged up to %s, and none begins then', w.charged_until) as "what!"
            from wallets w where w.charged_until is not null and not exists (select from charges c
                where c.organization_id = w.organization_id and c.span_start = w.charged_until)
            limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}

/// Terms of meters against each other: the first are those of a sale, none are followed by the same.
pub(super) fn terms_differ(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with terms as (
                select organization_id, meter_id, until, id, tariff, price_version_id, quantity, resize_id from meter_terms
                union all
                select organization_id, id, 'infinity', null, tariff, price_version_id, quantity, resize_id from meters
                where tariff <> 'sold' or id in (select meter_id from meter_terms)
            ), followed as (
                select organization_id, meter_id, tariff, price_version_id, quantity, resize_id,
                    lag(tariff) over w as tariff_before, lag(price_version_id) over w as price_before,
                    lag(quantity) over w as quantity_before, lag(resize_id) over w as resize_before
                from terms window w as (partition by meter_id order by until, id nulls last)
            )
            select coalesce(m.organization_id, f.organization_id) as "organization_id!: _",
                format('the terms of meter %s do not follow each other', meter_id) as "what!"
            from followed f left join meters m on m.id = f.meter_id
            where m.id is null or m.organization_id <> f.organization_id or case
                when tariff_before is null then f.tariff <> 'sold' or f.resize_id is not null
                when f.resize_id is distinct from resize_before then f.resize_id is null or f.tariff <> tariff_before
                else (f.tariff, f.price_version_id) = (tariff_before, price_before) or f.quantity <> quantity_before end
            order by m.id is null limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}

/// Charges against the terms in force when their hours began: their tariff, and the price of the hour within the month's
/// cap. Looks closely at meters of which not every hour is simply sold at its price.
pub(super) fn charged_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with looked_at as (
                select meter_id as id from meter_terms
                union
                select m.id from (select meter_id, min(amount_micros) as least, max(amount_micros) as most,
                        bool_or(tariff <> 'sold') as at_cost from charges group by 1) c
                join meters m on m.id = c.meter_id join price_versions p on p.id = m.price_version_id
                where c.at_cost or c.least <> c.most or c.least <> amount_of(p.sell_hour_micros, m.quantity, p.per_units)
            ), hours as (
                select c.organization_id, c.meter_id, c.span_start, c.amount_micros, c.tariff,
                    c.span_start = m.started_at as first, coalesce(t.tariff, m.tariff) as in_force, m.price_version_id, m.quantity,
                    -- At another price version the cap is another, too: such meters are for `ledger recompute`.
                    exists (select from meter_terms o where o.meter_id = m.id
                        and (o.price_version_id, o.quantity) <> (m.price_version_id, m.quantity)) as moved,
                    coalesce(sum(c.amount_micros) over (partition by c.meter_id, date_trunc('month', c.span_start, 'utc')
                        order by c.span_start rows between unbounded preceding and 1 preceding), 0) as used
                from looked_at l join meters m on m.id = l.id join charges c on c.meter_id = m.id
                left join lateral (select tariff from meter_terms where meter_id = m.id and until > c.span_start
                    order by until, id limit 1) t on true
            )
            select h.organization_id as "organization_id!: _",
                format('the hour at %s of meter %s was charged %s micros (%s), not by the terms in force', h.span_start,
                    h.meter_id, h.amount_micros, h.tariff) as "what!"
            from hours h join (select q.id, n.quantity, amount_of(q.cost_hour_micros, n.quantity, q.per_units) as cost_hour_micros,
                    amount_of(q.sell_hour_micros, n.quantity, q.per_units) as sell_hour_micros,
                    amount_of(q.sell_month_micros, n.quantity, q.per_units) as sell_month_micros,
                    amount_of(q.sell_minimum_micros, n.quantity, q.per_units) as sell_minimum_micros
                from price_versions q join (select distinct price_version_id, quantity from hours) n on n.price_version_id = q.id
            ) p on p.id = h.price_version_id and p.quantity = h.quantity
            where h.tariff <> h.in_force or (not h.moved and h.amount_micros <> least(
                case when h.in_force = 'at_cost' then p.cost_hour_micros
                    when h.first then least(greatest(p.sell_hour_micros, p.sell_minimum_micros), p.sell_month_micros)
                    else p.sell_hour_micros end, greatest(p.sell_month_micros - h.used, 0)))
            limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}

/// What resizes added to hours, against the resizes, the movements that paid it, and the hours: a capture for each, in the
/// hour that ran when it was done. Terms that began with a resize are what it was to become.
pub(super) fn raised_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with captured as (
                select organization_id, id, created_at, (reference->>'resize_id')::uuid as resize_id
                from ledger_transactions where kind = 'capture' and reference ? 'resize_id'
            ), raised as (
                select coalesce(h.organization_id, c.organization_id) as organization_id,
                    coalesce(h.resize_id, c.resize_id) as id, h.transaction_id is distinct from c.id
                        or coalesce(r.vps_id, r.resource_id) is distinct from coalesce(m.vps_id, m.resource_id)
                        or r.ended_at is distinct from c.created_at
                        or a.span_start is null or a.span_start > r.ended_at
                        or a.span_start + interval '1 hour' <= r.ended_at as otherwise
                from raised_hours h
                full join captured c on c.resize_id = h.resize_id and c.organization_id = h.organization_id
                left join resizes r on r.id = h.resize_id and r.state = 'done' and r.organization_id = h.organization_id
                left join meters m on m.id = h.meter_id and m.organization_id = h.organization_id
                left join charges a on a.meter_id = h.meter_id and a.span_start = h.span_start
            ), begun as (
                select distinct on (resize_id) resize_id, meter_id, price_version_id, quantity from (
                    select resize_id, meter_id, until, id, price_version_id, quantity from meter_terms
                    union all
                    select resize_id, id, 'infinity', null, price_version_id, quantity from meters) t
                where resize_id is not null order by resize_id, until, id nulls last
            )
            select organization_id as "organization_id!: _", what as "what!" from (
                select organization_id, format('what resize %s added to an hour is not what the ledger captured', id) as what
                from raised where otherwise
                union all
                select coalesce(r.organization_id, m.organization_id),
                    format('resize %s is done and no meter goes on as it says', coalesce(r.id, b.resize_id))
                from (select * from resizes where state = 'done') r full join begun b on b.resize_id = r.id
                left join meters m on m.id = b.meter_id
                where (coalesce(m.vps_id, m.resource_id), b.price_version_id, b.quantity) is distinct from
                    (coalesce(r.vps_id, r.resource_id), r.price_version_id, r.quantity)
            ) differences limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}
