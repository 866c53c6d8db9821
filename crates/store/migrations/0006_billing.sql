-- Money reserved for an order until its outcome is known.
create table holds (
    organization_id uuid not null references wallets,
    id uuid primary key,
    vps_id uuid not null,
    amount_micros bigint not null check (amount_micros > 0),
    state text not null default 'open' check (state in ('open', 'captured', 'released')),
    created_at timestamptz not null default now(),
    closed_at timestamptz,
    check ((state = 'open') = (closed_at is null)),
    foreign key (organization_id, vps_id) references vps_instances (organization_id, id)
);
call enable_tenancy('holds');
grant select, insert, update on holds to skypanel_tenant, skypanel_system;
create unique index holds_one_open on holds (vps_id) where state = 'open';

-- The running count of hours of one VPS: everything before paid_until is paid.
create table meters (
    organization_id uuid not null references wallets,
    id uuid primary key,
    vps_id uuid not null unique,
    price_version_id uuid not null references price_versions,
    started_at timestamptz not null,
    ended_at timestamptz,
    paid_until timestamptz not null,
    -- First day of the month month_used_micros belongs to.
    month date not null,
    month_used_micros bigint not null check (month_used_micros >= 0),
    -- 'sold' draws on the wallet, 'at_cost' (suspended, unpaid) adds to the debt.
    tariff text not null default 'sold' check (tariff in ('sold', 'at_cost')),
    settled boolean not null default false,
    check (extract(day from month) = 1),
    foreign key (organization_id, vps_id) references vps_instances (organization_id, id)
);
call enable_tenancy('meters');
grant select, insert, update on meters to skypanel_tenant, skypanel_system;
create index meters_due on meters (paid_until) where not settled;
create index meters_of_organization on meters (organization_id) where not settled;
create index meters_of_month on meters (organization_id, month);

-- One row per hour: the primary key refuses to charge an hour twice. Without foreign keys, as a
-- bulk table; `ledger verify` checks what keys would.
create table charges (
    organization_id uuid not null,
    meter_id uuid not null,
    span_start timestamptz not null,
    amount_micros bigint not null check (amount_micros >= 0),
    tariff text not null check (tariff in ('sold', 'at_cost')),
    transaction_id uuid,
    primary key (meter_id, span_start),
    check ((amount_micros = 0) = (transaction_id is null))
);
call enable_tenancy('charges');
grant select, insert on charges to skypanel_tenant, skypanel_system;
create index charges_of_transaction on charges (transaction_id);
