-- Receipts, credit notes, statements, and the tax on payments. Expand only.

-- Whom an organization's documents are made out to.
create table billing_profiles (
    organization_id uuid primary key references organizations,
    name text not null check (length(name) between 1 and 100),
    address text not null check (length(address) between 1 and 500),
    country text not null check (country ~ '^[A-Z]{2}$'),
    vat_number text check (length(vat_number) between 4 and 20),
    -- Where receipts are sent; without it, to the owner.
    email text check (email = lower(email)),
    updated_at timestamptz not null default now()
);
call enable_tenancy('billing_profiles');
grant select, insert, update on billing_profiles to skypanel_tenant;
grant select on billing_profiles to skypanel_system;

-- A country's rate from a day (UTC) on. Never changed: a new rate is a new row, and the newest of a day counts.
create table tax_rates (
    id uuid primary key,
    country text not null check (country ~ '^[A-Z]{2}$'),
    -- Null: not taxed from that day on.
    basis_points int check (basis_points between 0 and 10000),
    effective_on date not null,
    published_by jsonb not null,
    created_at timestamptz not null default now()
);
create index tax_rates_in_force on tax_rates (country, effective_on desc, id desc);
grant select, insert on tax_rates to skypanel_system;
grant select (id, country, basis_points, effective_on) on tax_rates to skypanel_tenant;

-- How a payment is taxed and whom its receipt is for: frozen when it is asked for. What was credited is the captured
-- amount less the tax.
alter table top_ups
    add column tax_basis_points int not null default 0 check (tax_basis_points between 0 and 10000),
    add column tax_reason text not null default 'off'
        check (tax_reason in ('off', 'standard', 'reverse_charge', 'not_taxed')),
    add column buyer jsonb,
    add column tax_micros bigint not null default 0 check (tax_micros >= 0);

-- The last number of each kind and year. The row is locked from the moment a number is taken until the transaction
-- ends, so a number that is not used was never taken: no gaps.
create table document_series (
    kind text not null,
    year int not null,
    last_number bigint not null,
    last_issued_at timestamptz not null,
    primary key (kind, year)
);

-- Receipts, credit notes and statements. Written once: nobody may change or delete one.
create table documents (
    organization_id uuid not null references organizations,
    id uuid primary key,
    kind text not null check (kind in ('receipt', 'credit_note', 'statement')),
    -- Given by the trigger.
    year int not null,
    number bigint not null check (number > 0),
    -- What it is for: a top-up, what went back, a month. One document for each.
    key text not null check (length(key) between 1 and 255),
    top_up_id uuid,
    -- Of a credit note: what it corrects.
    receipt_id uuid,
    -- Of a statement: its first day.
    month date,
    net_micros bigint,
    tax_micros bigint,
    gross_micros bigint,
    content jsonb not null,
    issued_at timestamptz not null default now(),
    unique (kind, year, number),
    unique (organization_id, kind, key),
    unique (organization_id, id),
    foreign key (organization_id, top_up_id) references top_ups (organization_id, id),
    foreign key (organization_id, receipt_id) references documents (organization_id, id),
    check ((kind = 'credit_note') = (receipt_id is not null)),
    check ((kind = 'statement') = (month is not null)),
    check ((kind = 'statement') = (top_up_id is null)),
    check (kind = 'statement' or (net_micros is not null and tax_micros is not null and gross_micros is not null)),
    check (net_micros >= 0 and tax_micros >= 0 and gross_micros > 0 and net_micros + tax_micros = gross_micros),
    check (extract(day from month) = 1)
);
call enable_tenancy('documents');
grant select, insert on documents to skypanel_tenant, skypanel_system;
create index documents_newest on documents (organization_id, kind, id desc);
create index documents_of_receipt on documents (receipt_id) where receipt_id is not null;
create index documents_issued on documents (issued_at) where kind <> 'statement';

-- Numbers are taken here alone: nobody else can read or write the series, so none is given twice or left out. Dates
-- follow the numbers.
create function number_document() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    new.year := extract(year from new.issued_at at time zone 'utc');
    insert into document_series as s (kind, year, last_number, last_issued_at)
        values (new.kind, new.year, 1, new.issued_at)
    on conflict (kind, year) do update set last_number = s.last_number + 1,
        last_issued_at = greatest(s.last_issued_at, excluded.last_issued_at)
    returning last_number, last_issued_at into new.number, new.issued_at;
    return new;
end $$;
create trigger documents_number before insert on documents for each row execute function number_document();

-- Months whose statements are all issued.
create table statement_months (
    month date primary key check (extract(day from month) = 1),
    completed_at timestamptz not null default now()
);
grant select, insert on statement_months to skypanel_system;
