-- Prices over time: published ahead and withdrawn until then; VPSs moved to another price on a day their owners were
-- told (docs/adr/0016-prices-over-time.md).

-- A price is never backdated.
alter table price_versions
    add check (effective_at >= created_at),
    add unique (id, effective_at),
    add unique (id, plan_id, region_id);

-- A price taken back before it was in force. Nobody may change price_versions: the withdrawal is a row of its own, once
-- by its key, and too late is refused.
create table price_withdrawals (
    price_version_id uuid primary key,
    effective_at timestamptz not null,
    withdrawn_by jsonb not null,
    withdrawn_at timestamptz not null default now(),
    foreign key (price_version_id, effective_at) references price_versions (id, effective_at),
    check (withdrawn_at < effective_at)
);
grant select, insert on price_withdrawals to skypanel_system;

create or replace view current_prices as
    select distinct on (plan_id, region_id)
        id, plan_id, region_id, sell_hour_micros, sell_month_micros, sell_minimum_micros, effective_at
    from price_versions v
    where effective_at <= now() and not exists (select from price_withdrawals w where w.price_version_id = v.id)
    order by plan_id, region_id, effective_at desc, id desc;

-- The next price of every plan in every region, where one is announced.
create view next_prices as
    select distinct on (plan_id, region_id)
        id, plan_id, region_id, sell_hour_micros, sell_month_micros, sell_minimum_micros, effective_at
    from price_versions v
    where effective_at > now() and not exists (select from price_withdrawals w where w.price_version_id = v.id)
    order by plan_id, region_id, effective_at, id desc;
grant select on next_prices to skypanel_tenant, skypanel_system;

-- The operator moves VPSs of a plan in a region to another price, at a time their owners are told before.
create table price_moves (
    id uuid primary key,
    plan_id uuid not null references plans,
    region_id uuid not null references regions,
    price_version_id uuid not null,
    -- Hours that begin from then on cost the new price.
    moves_at timestamptz not null,
    created_by jsonb not null,
    created_at timestamptz not null default now(),
    cancelled_at timestamptz,
    cancelled_by jsonb,
    check (moves_at >= created_at),
    check (cancelled_at < moves_at),
    check ((cancelled_at is null) = (cancelled_by is null)),
    unique (id, price_version_id, moves_at),
    foreign key (price_version_id, plan_id, region_id) references price_versions (id, plan_id, region_id)
);
grant select, insert, update (cancelled_at, cancelled_by) on price_moves to skypanel_system;
create index price_moves_of_plan on price_moves (plan_id, id desc);

-- Each VPS of a move, as it was when the move was announced: who orders later is not moved.
create table vps_price_moves (
    organization_id uuid not null,
    move_id uuid not null,
    vps_id uuid not null,
    from_version_id uuid not null references price_versions,
    to_version_id uuid not null,
    moves_at timestamptz not null,
    -- 'over': the VPS ended before.
    state text not null default 'announced' check (state in ('announced', 'moved', 'cancelled', 'over')),
    -- Beginning of the first hour at the new price: all before it cost the old one.
    first_span_at timestamptz,
    -- What its people were told last.
    told text check (told in ('announced', 'reminded', 'cancelled')),
    told_at timestamptz,
    primary key (move_id, vps_id),
    foreign key (organization_id, vps_id) references vps_instances (organization_id, id),
    foreign key (move_id, to_version_id, moves_at) references price_moves (id, price_version_id, moves_at),
    check ((state = 'moved') = (first_span_at is not null)),
    check ((told is null) = (told_at is null))
);
call enable_tenancy('vps_price_moves');
grant select on vps_price_moves to skypanel_tenant;
grant select, insert, update (state, first_span_at, told, told_at) on vps_price_moves to skypanel_system;
-- Nobody is told of two moves of one VPS at a time.
create unique index vps_price_moves_one_open on vps_price_moves (vps_id) where state = 'announced';
create index vps_price_moves_due on vps_price_moves (moves_at) where state = 'announced';
create index vps_price_moves_of_organization on vps_price_moves (organization_id) where state = 'announced';
create index vps_price_moves_of_vps on vps_price_moves (organization_id, vps_id);
create index vps_price_moves_untold on vps_price_moves (move_id) where told is null;
create index vps_price_moves_uncancelled on vps_price_moves (move_id)
    where state = 'cancelled' and told in ('announced', 'reminded');

-- VPSs that keep a price below what their server costs now at its account.
create view below_cost_vps with (security_invoker = true) as
    select distinct v.id, v.plan_id, v.region_id
    from vps_instances v
    join price_versions c on c.id = v.price_version_id
    join plan_sizes z on z.plan_id = v.plan_id and z.provider_id = v.provider_id
    join provider_regions r on r.provider_id = v.provider_id and r.region_id = v.region_id
    join provider_prices x on x.provider_id = z.provider_id and x.size_ref = z.size_ref and x.region_ref = r.ref
    where v.state = 'active'
        and (c.sell_hour_micros < x.cost_hour_micros or c.sell_month_micros < x.cost_month_micros);
grant select on below_cost_vps to skypanel_system;

-- In this month hours were charged at an earlier price with this cap: the month may cost that much still.
alter table meters
    add column cap_month date,
    add column cap_micros bigint check (cap_micros >= 0),
    add check ((cap_month is null) = (cap_micros is null));

-- What moving VPSs to a price means for each organization that has some: all of it, or those in `chosen` when it is not
-- null. `ahead` are the hours until then. A month is 730 hours.
create function price_move_effects(target uuid, chosen uuid[], ahead bigint) returns table (
    organization_id uuid, vps bigint, old_hour bigint, new_hour bigint, old_month bigint, new_month bigint,
    runway_before bigint, runway_after bigint, left_then bigint
) language sql stable as $$
    select a.organization_id, a.vps, a.old_hour, a.new_hour, a.old_month, a.new_month,
        case when w.burn_micros > 0 then w.available_micros / w.burn_micros end,
        case when w.burn_micros + a.burn_change > 0 then w.available_micros / (w.burn_micros + a.burn_change) end,
        (w.available_micros - w.receivable_micros - w.burn_micros::numeric * ahead)::bigint
    from (
        select v.organization_id, count(*) as vps,
            sum(f.sell_hour_micros)::bigint as old_hour, sum(t.sell_hour_micros)::bigint as new_hour,
            sum(least(730 * f.sell_hour_micros, f.sell_month_micros))::bigint as old_month,
            sum(least(730 * t.sell_hour_micros, t.sell_month_micros))::bigint as new_month,
            coalesce(sum(t.sell_hour_micros - f.sell_hour_micros)
                filter (where v.suspended_by is distinct from 'unpaid'), 0)::bigint as burn_change
        from price_versions t
        join vps_instances v on v.plan_id = t.plan_id and v.region_id = t.region_id
        join price_versions f on f.id = v.price_version_id
        where t.id = target and v.state in ('creating', 'active') and v.price_version_id <> t.id
            and (chosen is null or v.organization_id = any(chosen))
        group by v.organization_id
    ) a
    join wallets w on w.organization_id = a.organization_id
$$;
