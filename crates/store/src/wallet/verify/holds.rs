//! Each hold against the movements that took its money aside and gave it on.

use super::{Answer, Difference};
use crate::SystemRead;
use crate::handle::sealed::Conn as _;

/// A hold without its movements, or the other way round.
pub(super) fn moved_otherwise(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        Ok(sqlx::query_as!(
            Difference,
            r#"with moved as (
                select t.organization_id, t.kind, substr(t.key, strpos(t.key, ':') + 1) as subject, t.created_at as at,
                    e.amount_micros as amount
                from ledger_transactions t join ledger_entries e on e.transaction_id = t.id and e.account = 'held'
                where t.kind in ('hold', 'capture', 'release') and not t.reference ? 'refund_id'
            ), paired as (
                select coalesce(h.organization_id, o.organization_id, c.organization_id) as organization_id, h.id,
                    coalesce(h.subject, o.subject, c.subject) as subject, h.state,
                    (o.amount, o.at, 1) is distinct from (h.amount_micros, h.created_at,
                        num_nonnulls(h.vps_id, h.resource_id, h.resize_id)) as opened_otherwise,
                    case when h.state = 'open' then c.kind is not null
                        else (c.kind, -c.amount, c.at) is distinct from (case h.state when 'captured' then 'capture'
                            else 'release' end, h.amount_micros, h.closed_at) end as closed_otherwise
                from (select *, coalesce(vps_id, resource_id, resize_id)::text as subject from holds) h
                full join (select * from moved where kind = 'hold') o
                    on o.organization_id = h.organization_id and o.subject = h.subject
                full join (select * from moved where kind <> 'hold') c
                    on c.organization_id = coalesce(h.organization_id, o.organization_id)
                    and c.subject = coalesce(h.subject, o.subject)
            )
            select organization_id as "organization_id!: _", case
                when id is null then format('money for %s was held and there is no such hold', subject)
                when opened_otherwise then format('hold %s for %s is not what the ledger held', id, subject)
                else format('hold %s for %s is %s, the ledger says otherwise', id, subject, state) end as "what!"
            from paired where id is null or opened_otherwise or closed_otherwise
            order by id is not null limit 1"#
        )
        .fetch_optional(db.conn())
        .await?)
    })
}
