-- Transfer above what is included (docs/adr/0019-meters-beyond-the-vps.md). Expand only.

-- Regions whose transfer is counted together.
alter table regions add column transfer_pool text not null default 'standard'
    check (transfer_pool ~ '^[a-z0-9-]{1,40}$');

-- What a gigabyte (10^9 bytes) above what is included costs. A month (UTC) costs what was in force when it began. Never
-- changed: a new price is a new row.
create table transfer_prices (
    id uuid primary key,
    pool text not null check (pool ~ '^[a-z0-9-]{1,40}$'),
    cost_gb_micros bigint not null check (cost_gb_micros > 0),
    sell_gb_micros bigint not null,
    effective_at timestamptz not null,
    published_by jsonb not null,
    created_at timestamptz not null default now(),
    check (sell_gb_micros >= cost_gb_micros),
    check (effective_at >= created_at)
);
create index transfer_prices_in_force on transfer_prices (pool, effective_at desc, id desc);
grant select, insert on transfer_prices to skypanel_system;
-- Customers' transactions see what they pay, and nothing of cost.
grant select (id, pool, sell_gb_micros, effective_at) on transfer_prices to skypanel_tenant;

-- Bytes out of a VPS in a month, as they were last read. They only grow.
create table transfer_readings (
    organization_id uuid not null,
    vps_id uuid not null,
    -- Its first day.
    month date not null check (date_part('day', month) = 1),
    bytes_out bigint not null check (bytes_out >= 0),
    read_at timestamptz not null,
    primary key (vps_id, month),
    foreign key (organization_id, vps_id) references vps_instances (organization_id, id)
);
call enable_tenancy('transfer_readings');
grant select on transfer_readings to skypanel_tenant;
grant select, insert, update (bytes_out, read_at) on transfer_readings to skypanel_system;
create index transfer_readings_of_month on transfer_readings (month, organization_id);

-- What was charged of a pool and month, with the figures it came from: the primary key refuses to charge it twice. Without
-- foreign keys, as charges are; `ledger verify` checks what keys would.
create table transfer_charges (
    organization_id uuid not null,
    pool text not null,
    month date not null check (date_part('day', month) = 1),
    sequence int not null check (sequence > 0),
    used_bytes bigint not null,
    included_bytes bigint not null check (included_bytes >= 0),
    price_id uuid not null,
    charged_before_micros bigint not null check (charged_before_micros >= 0),
    amount_micros bigint not null check (amount_micros > 0),
    -- The movement that took what the wallet had, and the one that added the rest to the debt.
    transaction_id uuid,
    debt_transaction_id uuid,
    charged_at timestamptz not null,
    primary key (organization_id, pool, month, sequence),
    check (used_bytes > included_bytes),
    check ((sequence = 1) = (charged_before_micros = 0)),
    check (num_nulls(transaction_id, debt_transaction_id) < 2)
);
call enable_tenancy('transfer_charges');
grant select on transfer_charges to skypanel_tenant;
grant select, insert on transfer_charges to skypanel_system;
