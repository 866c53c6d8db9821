//! Each top-up against the movement that booked it.

use super::{Answer, Difference};
use crate::SystemRead;
use crate::handle::sealed::Conn as _;

/// A payment that was booked and is not there, is there and was not booked, or was booked as something else.
pub(super) fn booked_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with booked as (
                select t.organization_id, t.id, t.reference->>'top_up_id' as top_up, t.key, e.amount, e.tax
                from ledger_transactions t
                join (select transaction_id, -sum(amount_micros) filter (where account = 'gateway_clearing') as amount,
                        coalesce(sum(amount_micros) filter (where account = 'tax_payable'), 0) as tax
                    from ledger_entries where account in ('gateway_clearing', 'tax_payable')
                    group by 1) e on e.transaction_id = t.id
                where t.kind = 'top_up'
            ), paired as (
                select coalesce(b.organization_id, u.organization_id) as organization_id, b.id as booked,
                    coalesce(u.id::text, b.top_up) as top_up, u.id is null as unknown,
                    u.state in ('created', 'awaiting_approval', 'pending', 'failed', 'expired') as unpaid,
                    (u.captured_micros, u.tax_micros, 'payment:' || u.capture_ref)
                        is distinct from (b.amount, b.tax, b.key) as otherwise
                from top_ups u full join booked b on b.organization_id = u.organization_id and b.top_up = u.id::text
            )
            select organization_id as "organization_id!: _", case
                when unknown then format('movement %s booked a top-up that is not there', booked)
                when booked is null then format('top-up %s was paid and never booked', top_up)
                when unpaid then format('top-up %s was booked and is not paid', top_up)
                else format('top-up %s is not what was booked', top_up) end as "what!"
            from paired where unknown or (booked is null and not unpaid) or (booked is not null and (unpaid or otherwise))
            order by not unknown limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}

/// Payments in another currency than all others: an installation has one.
pub(super) fn in_another_currency(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with used as (select currency, count(*) as times from top_ups group by 1),
            usual as (select currency from used order by times desc, currency limit 1)
            select t.organization_id as "organization_id!: _",
                format('top-up %s is in %s, all others are in %s', t.id, t.currency, u.currency) as "what!"
            from top_ups t join usual u on u.currency <> t.currency limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}
