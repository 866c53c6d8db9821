-- What a meter counted under before its present terms, so that its hours can be counted again. Whoever changes tariff or
-- price version of a meter writes a row here: a trigger does it, so nobody can forget to.
create table meter_terms (
    organization_id uuid not null,
    id bigint generated always as identity primary key,
    meter_id uuid not null,
    -- Spans that began before it, and not before the end of the terms before these, counted under these terms.
    until timestamptz not null,
    tariff text not null check (tariff in ('sold', 'at_cost')),
    price_version_id uuid not null references price_versions
);
call enable_tenancy('meter_terms');
grant select, insert on meter_terms to skypanel_tenant, skypanel_system;
create index meter_terms_of_meter on meter_terms (meter_id, until, id);

-- A run that finds the wallet empty writes the hours of both tariffs and then moves the meter, all at once: the new terms
-- began with the first hour of the new tariff that it wrote, else with the next one due.
create function keep_meter_terms() returns trigger language plpgsql as $$
begin
    insert into public.meter_terms (organization_id, meter_id, until, tariff, price_version_id)
    values (old.organization_id, old.id, coalesce(
        (select min(span_start) from public.charges
            where meter_id = old.id and span_start >= old.paid_until and tariff = new.tariff), new.paid_until),
        old.tariff, old.price_version_id);
    return null;
end $$;
create trigger meter_terms_are_kept after update of tariff, price_version_id on meters for each row
    when (old.tariff <> new.tariff or old.price_version_id <> new.price_version_id)
    execute function keep_meter_terms();

-- What is known of the time before: a meter that was ever suspended belongs to an organization with accruals.
insert into meter_terms (organization_id, meter_id, until, tariff, price_version_id)
select m.organization_id, m.id, h.until, h.tariff, m.price_version_id
from meters m cross join lateral (
    select span_start as until, before as tariff
    from (select span_start, tariff, lag(tariff) over (order by span_start) as before
        from charges where meter_id = m.id
        union all
        select m.paid_until, m.tariff, (select tariff from charges where meter_id = m.id order by span_start desc limit 1)
    ) hours
    where before <> tariff
) h
where m.organization_id in (select organization_id from ledger_transactions where kind = 'accrual')
order by h.until;
