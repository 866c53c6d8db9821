-- Nearly every hour costs what the hour before cost, and yet each moved its meter. Such hours need no count at each meter:
-- the wallet says up to which hour they are charged, and a meter counts from its row on (docs/adr/0018-flat-hours.md).

-- Beginning of the last hour that was charged as a flat one: every flat hour of the organization that begins at or before
-- it is charged. Null: none was. This release reads it, the next one writes it.
alter table wallets add column charged_until timestamptz;

-- Until when a meter is paid, with the flat hours since `written`, which its row says.
create function paid_with_flat_hours(written timestamptz, flat_until timestamptz, charged_until timestamptz)
returns timestamptz language sql stable parallel safe as $$
    select case when charged_until >= written and flat_until > written then
        date_bin('1 hour', least(charged_until, flat_until - interval '1 microsecond'), written) + interval '1 hour'
    else written end
$$;

-- Meters as they stand. Whoever reads how far one has come reads it here.
create view meter_counts with (security_invoker = true) as
    select m.organization_id, m.id, m.vps_id, m.price_version_id, m.started_at, m.ended_at, m.tariff, m.settled, m.month,
        m.cap_month, m.cap_micros, m.flat_micros, m.flat_until, p.paid_until,
        m.month_used_micros + (date_part('epoch', p.paid_until - m.paid_until) / 3600)::bigint * m.flat_micros
            as month_used_micros
    from meters m
    join wallets w on w.organization_id = m.organization_id
    cross join lateral (select case when m.tariff = 'sold' and m.ended_at is null
        then paid_with_flat_hours(m.paid_until, m.flat_until, w.charged_until) else m.paid_until end as paid_until) p;
grant select on meter_counts to skypanel_tenant, skypanel_system;

-- A meter that goes on under other terms, or ends, is written down as it stands; its next hour is asked of the rule.
-- Everybody who does that holds the wallet, and flat hours are charged by who holds it.
create function write_down_count() returns trigger language plpgsql as $$
declare
    stands record;
begin
    perform from public.wallets where organization_id = old.organization_id for update;
    select paid_until, month_used_micros into strict stands from public.meter_counts where id = old.id;
    if new.paid_until < stands.paid_until then
        new.paid_until := stands.paid_until;
        new.month_used_micros := stands.month_used_micros;
    end if;
    new.settled := coalesce(new.paid_until >= new.ended_at, false);
    new.flat_until := null;
    return new;
end $$;
create trigger meters_write_down_count before update of tariff, ended_at, price_version_id on meters for each row
    when (old.flat_until is not null and (old.tariff <> new.tariff or old.price_version_id <> new.price_version_id
        or old.ended_at is distinct from new.ended_at))
    execute function write_down_count();

-- Of a meter that changes its tariff in a run which wrote hours of both, the new terms began with the first hour of the new
-- tariff; of every other with the next hour due.
create or replace function keep_meter_terms() returns trigger language plpgsql as $$
begin
    insert into public.meter_terms (organization_id, meter_id, until, tariff, price_version_id)
    values (old.organization_id, old.id, coalesce(
        (select min(span_start) from public.charges where old.tariff <> new.tariff
            and meter_id = old.id and span_start >= old.paid_until and tariff = new.tariff), new.paid_until),
        old.tariff, old.price_version_id);
    return null;
end $$;
