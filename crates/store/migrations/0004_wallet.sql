-- One row per organization, locked first by every transaction that touches its money.
create table wallets (
    organization_id uuid primary key references organizations,
    available_micros bigint not null default 0 check (available_micros >= 0),
    held_micros bigint not null default 0 check (held_micros >= 0),
    -- What the organization owes us.
    receivable_micros bigint not null default 0 check (receivable_micros >= 0),
    -- Sum of the hourly prices of everything that draws on the wallet or is ordered to.
    burn_micros bigint not null default 0 check (burn_micros >= 0),
    -- The last ledger transaction: a cut-off or swapped ledger no longer ends in this hash.
    sequence bigint not null default 0 check (sequence >= 0),
    head_hash bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000'
        check (length(head_hash) = 32)
);
call enable_tenancy('wallets');
grant select, update on wallets to skypanel_tenant;
grant select, insert, update on wallets to skypanel_system;

create table ledger_transactions (
    organization_id uuid not null references wallets,
    id uuid primary key,
    sequence bigint not null check (sequence > 0),
    kind text not null
        check (kind in ('top_up', 'hold', 'release', 'capture', 'charge', 'accrual', 'settlement')),
    key text not null,
    actor jsonb not null,
    reference jsonb not null,
    previous_hash bytea not null check (length(previous_hash) = 32),
    hash bytea not null check (length(hash) = 32),
    created_at timestamptz not null,
    unique (organization_id, id),
    unique (organization_id, sequence),
    unique (organization_id, key)
);
call enable_tenancy('ledger_transactions');

create table ledger_entries (
    organization_id uuid not null,
    transaction_id uuid not null,
    line smallint not null,
    account text not null check (account in ('wallet', 'held', 'receivable', 'gateway_clearing', 'revenue',
        'credits_given', 'tax_payable', 'chargebacks', 'adjustments')),
    amount_micros bigint not null check (amount_micros <> 0),
    primary key (transaction_id, line),
    foreign key (organization_id, transaction_id) references ledger_transactions (organization_id, id)
);
call enable_tenancy('ledger_entries');
create index ledger_entries_of_organization on ledger_entries (organization_id, account);

-- Written once: nobody may change or delete a movement.
grant select, insert on ledger_transactions, ledger_entries to skypanel_tenant, skypanel_system;

create function check_ledger_balance() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    if (select coalesce(sum(amount_micros), 1) from ledger_entries where transaction_id = new.id) <> 0 then
        raise exception 'ledger transaction % does not balance', new.id using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger ledger_transaction_balances after insert on ledger_transactions
    deferrable initially deferred for each row execute function check_ledger_balance();

-- Entries are added with their transaction, never to an older one.
create function check_ledger_entry() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    if exists (select from new_entries e join ledger_transactions t on t.id = e.transaction_id
               where t.xmin <> pg_current_xact_id()::xid) then
        raise exception 'ledger entries cannot be added later' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger ledger_entry_is_new after insert on ledger_entries
    referencing new table as new_entries for each statement execute function check_ledger_entry();

create table top_ups (
    organization_id uuid not null references wallets,
    id uuid primary key,
    amount_micros bigint not null check (amount_micros > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    state text not null check (state in ('created', 'awaiting_approval', 'pending', 'completed', 'failed', 'expired')),
    order_ref text unique,
    approve_url text,
    capture_ref text unique,
    captured_micros bigint check (captured_micros >= 0),
    failure text,
    requested_by jsonb not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (state <> 'completed' or (capture_ref is not null and captured_micros is not null)),
    unique (organization_id, id)
);
call enable_tenancy('top_ups');
grant select, insert, update on top_ups to skypanel_tenant, skypanel_system;
create index top_ups_newest on top_ups (organization_id, id desc);
create index top_ups_open on top_ups (state, created_at) where state in ('created', 'awaiting_approval', 'pending');
