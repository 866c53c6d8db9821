//! Time that passes for an organization.

use crate::world::World;

/// Moves everything about an organization's hours into the past, as if so many had passed. Under the lock of
/// the wallet, like everything that touches money.
///
/// Some seconds more than whole hours, for the hours charged must not meet each other on their way. Hours stay flat while
/// all of them remain in the month of before: it has cost no more than before, so none of them is one too many. A cap that
/// was reached may not be any more; there, and in another month, the rule is asked.
pub(crate) async fn pass(world: &World, organization: &str, hours: u64) {
    let seconds = hours * 3600 + 7;
    world
        .execute(&format!(
            "do $$ declare
                org uuid := (select organization_id from users where email = '{organization}@example.com');
                by_ interval := {seconds} * interval '1 second';
            begin
                perform from wallets where organization_id = org for update;
                update vps_instances set active_at = active_at - by_, ended_at = ended_at - by_
                    where organization_id = org and active_at is not null;
                update charges set span_start = span_start - by_ where organization_id = org;
                update meter_terms set until = until - by_ where organization_id = org;
                update meters m set started_at = started_at - by_, ended_at = ended_at - by_,
                    paid_until = n.paid_until - by_, month = n.month,
                    flat_until = case when m.flat_micros > 0 and m.month = n.month and n.month_of_next = n.month
                        then m.flat_until - by_ end,
                    month_used_micros = coalesce((
                        select sum(amount_micros) from charges c where c.meter_id = m.id
                            and c.span_start >= n.month::timestamp at time zone 'UTC'), 0)
                    from (select id, paid_until,
                            date_trunc('month', (paid_until - by_ - interval '1 hour') at time zone 'UTC')::date as month,
                            date_trunc('month', (paid_until - by_) at time zone 'UTC')::date as month_of_next
                        from meter_counts) n
                    where m.organization_id = org and n.id = m.id;
                update wallets set charged_until = charged_until - by_ where organization_id = org;
            end $$"
        ))
        .await;
}
