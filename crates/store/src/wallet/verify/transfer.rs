//! Charges of transfer against the movements that took their money, and against the rule.

use super::{Answer, Difference};
use crate::SystemRead;
use crate::handle::sealed::Conn as _;

/// A movement of transfer without its charge, or the other way round; both say the same figures, and the movements of a
/// charge come to its amount.
pub(super) fn booked_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with booked as (
                select t.organization_id, t.id, t.kind, t.key, t.reference, t.created_at as at, e.amount_micros as amount
                from ledger_transactions t
                join ledger_entries e on e.transaction_id = t.id and e.account = 'revenue'
                where t.reference ? 'transfer'
            ), noted as (
                select c.*, p.id as part, p.kind, jsonb_build_object('transfer', c.pool, 'month', c.month,
                        'sequence', c.sequence, 'used', c.used_bytes, 'included', c.included_bytes,
                        'price_gb', v.sell_gb_micros, 'before', c.charged_before_micros) as reference
                from transfer_charges c
                left join transfer_prices v on v.id = c.price_id
                cross join lateral (values ('charge', c.transaction_id), ('accrual', c.debt_transaction_id)) p (kind, id)
                where p.id is not null or p.kind = 'charge' and c.debt_transaction_id is null
            ), paired as (
                select coalesce(b.organization_id, n.organization_id) as organization_id, b.id as booked,
                    n.organization_id is not null as noted,
                    format('transfer charge %s of %s in %s', n.sequence, n.pool, n.month) as name,
                    (b.kind, b.reference, b.at, b.key) is distinct from (n.kind, n.reference, n.charged_at,
                        format('%s:transfer:%s:%s:%s', n.kind, n.pool, n.month, n.sequence)) as otherwise,
                    n.amount_micros <> sum(b.amount) over (partition by n.organization_id, n.pool, n.month, n.sequence)
                        as of_another_amount
                from booked b full join noted n on n.organization_id = b.organization_id and n.part = b.id
            )
            select organization_id as "organization_id!: _", case
                when not noted then format('movement %s charged transfer, and there is no such charge', booked)
                when booked is null then format('%s belongs to no movement of the ledger', name)
                when otherwise then format('%s is not what the ledger says', name)
                else format('the movements of %s do not come to its amount', name) end as "what!"
            from paired where not noted or booked is null or otherwise or of_another_amount
            -- Who misses something is told before who has too much.
            order by noted, booked is null limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}

/// Charges of each pool and month against each other and the rule: numbered from 1 on, each with what was charged before,
/// of a count that never falls, at the price in force when the month began.
pub(super) fn counted_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with charged as (
                select c.*, row_number() over charges as number, lag(used_bytes) over charges as used_before,
                    coalesce(sum(amount_micros) over (charges rows between unbounded preceding and 1 preceding), 0)
                        as before,
                    ceil(p.sell_gb_micros::numeric * greatest(used_bytes - included_bytes, 0) / 1000000000) as all_of_it,
                    p.id is distinct from (select id from transfer_prices f where f.pool = c.pool
                        and f.effective_at <= c.month::timestamp at time zone 'utc'
                        order by effective_at desc, id desc limit 1) as at_another_price
                from transfer_charges c left join transfer_prices p on p.id = c.price_id
                window charges as (partition by c.organization_id, c.pool, c.month order by c.sequence)
            ), told as (
                select organization_id, format('transfer charge %s of %s in %s', sequence, pool, month) as name, case
                    when number <> sequence then 'follows one that is missing'
                    when charged_before_micros <> before then format('says that %s micros were charged before, it was %s',
                        charged_before_micros, before)
                    when used_bytes < used_before then 'is of fewer bytes than the one before'
                    when at_another_price then 'is not at the price that was in force'
                    when amount_micros <> all_of_it - before then
                        format('is of %s micros, the rule says %s', amount_micros, all_of_it - before) end as what
                from charged
            )
            select organization_id as "organization_id!: _", format('%s %s', name, what) as "what!"
            from told where what is not null limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}
