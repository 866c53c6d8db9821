-- What is sold by the hour besides a VPS: its backups, snapshots, volumes, addresses
-- (docs/adr/0019-meters-beyond-the-vps.md). This release counts, holds, charges and explains them; the one that sells
-- them comes after it.

-- A price is of a kind. Only the price of a VPS has a plan in `plan_id`, so whoever asks for prices of a plan is answered
-- those of VPSs; the price of backups says in `backs_up_plan_id` of which plan the VPS is. What is sold by quantity says
-- for how many units its amounts are.
alter table price_versions
    alter column plan_id drop not null,
    add column kind text not null default 'vps' check (kind in ('vps', 'backups', 'snapshot', 'volume', 'address')),
    add column backs_up_plan_id uuid references plans,
    add column per_units bigint not null default 1 check (per_units > 0),
    add check ((kind = 'vps') = (plan_id is not null)),
    add check ((kind = 'backups') = (backs_up_plan_id is not null)),
    add check (kind in ('snapshot', 'volume') or per_units = 1),
    add unique (id, kind);
grant select (kind, backs_up_plan_id, per_units) on price_versions to skypanel_tenant;
create index price_versions_of_kind on price_versions (kind, region_id, backs_up_plan_id, effective_at desc, id desc)
    where kind <> 'vps';

create or replace view current_prices as
    select distinct on (plan_id, region_id)
        id, plan_id, region_id, sell_hour_micros, sell_month_micros, sell_minimum_micros, effective_at
    from price_versions v
    where kind = 'vps' and effective_at <= now()
        and not exists (select from price_withdrawals w where w.price_version_id = v.id)
    order by plan_id, region_id, effective_at desc, id desc;
create or replace view next_prices as
    select distinct on (plan_id, region_id)
        id, plan_id, region_id, sell_hour_micros, sell_month_micros, sell_minimum_micros, effective_at
    from price_versions v
    where kind = 'vps' and effective_at > now()
        and not exists (select from price_withdrawals w where w.price_version_id = v.id)
    order by plan_id, region_id, effective_at, id desc;

-- The price in force of everything else.
create view current_resource_prices as
    select distinct on (kind, region_id, backs_up_plan_id)
        id, kind, region_id, backs_up_plan_id, per_units, sell_hour_micros, sell_month_micros, sell_minimum_micros,
        effective_at
    from price_versions v
    where kind <> 'vps' and effective_at <= now()
        and not exists (select from price_withdrawals w where w.price_version_id = v.id)
    order by kind, region_id, backs_up_plan_id, effective_at desc, id desc;
grant select on current_resource_prices to skypanel_tenant, skypanel_system;

create table resources (
    organization_id uuid not null references organizations,
    id uuid primary key,
    kind text not null check (kind in ('backups', 'snapshot', 'volume', 'address')),
    name text not null check (length(name) between 1 and 63),
    -- The VPS whose end is its end, too; what stands alone has none.
    vps_id uuid,
    region_id uuid not null references regions,
    -- GiB of a snapshot or a volume.
    quantity bigint not null check (quantity > 0),
    price_version_id uuid not null,
    state text not null default 'creating'
        check (state in ('creating', 'active', 'deleting', 'deleted', 'failed', 'lost')),
    -- Since when its hours are not paid and count at cost.
    unpaid_at timestamptz,
    created_by jsonb not null,
    created_at timestamptz not null default now(),
    active_at timestamptz,
    ended_at timestamptz,
    unique (organization_id, id),
    foreign key (organization_id, vps_id) references vps_instances (organization_id, id),
    foreign key (price_version_id, kind) references price_versions (id, kind),
    check (kind <> 'backups' or vps_id is not null),
    check (kind in ('snapshot', 'volume') or quantity = 1),
    check (state <> 'active' or active_at is not null),
    check ((state in ('creating', 'active')) = (ended_at is null))
);
call enable_tenancy('resources');
grant select, insert, update on resources to skypanel_tenant, skypanel_system;
create index resources_newest on resources (organization_id, id desc);
create index resources_of_vps on resources (organization_id, vps_id) where vps_id is not null;
create index resources_unpaid on resources (organization_id) where unpaid_at is not null;
create unique index resources_one_backups on resources (vps_id) where kind = 'backups' and state in ('creating', 'active');

-- Meters and holds are of a VPS or of a resource.
alter table holds
    alter column vps_id drop not null,
    add column resource_id uuid,
    add foreign key (organization_id, resource_id) references resources (organization_id, id),
    add check (num_nonnulls(vps_id, resource_id) = 1);
create unique index holds_one_open_of_resource on holds (resource_id) where state = 'open';
alter table meters
    alter column vps_id drop not null,
    add column resource_id uuid,
    add column quantity bigint not null default 1 check (quantity > 0),
    add foreign key (organization_id, resource_id) references resources (organization_id, id),
    add check (num_nonnulls(vps_id, resource_id) = 1),
    add check (resource_id is not null or quantity = 1);
create unique index meters_of_resource on meters (resource_id);

create or replace view meter_counts with (security_invoker = true) as
    select m.organization_id, m.id, m.vps_id, m.price_version_id, m.started_at, m.ended_at, m.tariff, m.settled, m.month,
        m.cap_month, m.cap_micros, m.flat_micros, m.flat_until, p.paid_until,
        m.month_used_micros + (date_part('epoch', p.paid_until - m.paid_until) / 3600)::bigint * m.flat_micros
            as month_used_micros,
        m.resource_id, m.quantity
    from meters m
    join wallets w on w.organization_id = m.organization_id
    cross join lateral (select case when m.tariff = 'sold' and m.ended_at is null
        then paid_with_flat_hours(m.paid_until, m.flat_until, w.charged_until) else m.paid_until end as paid_until) p;

-- What so many units cost, of which `per_units` cost this much: rounded up, as `domain::catalog::UnitPrice::of` does.
create function amount_of(micros bigint, quantity bigint, per_units bigint) returns bigint
language sql immutable parallel safe as $$
    select case when quantity = per_units then micros
        else div(micros::numeric * quantity + per_units - 1, per_units)::bigint end
$$;

-- Everything that is sold by the hour, whatever its kind. Each half is one table and nothing else: only so does PostgreSQL
-- look one row up by its id instead of reading all of them.
create view sold_hourly with (security_invoker = true) as
    select organization_id, id, 'vps' as kind, name, state, suspended_by is not distinct from 'unpaid' as unpaid,
        price_version_id, 1::bigint as quantity, active_at, ended_at, kept_until
    from vps_instances
    union all
    select organization_id, id, kind, name, state, unpaid_at is not null, price_version_id, quantity, active_at, ended_at,
        null::timestamptz
    from resources;
grant select on sold_hourly to skypanel_tenant, skypanel_system;
