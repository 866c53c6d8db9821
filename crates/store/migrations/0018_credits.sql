-- Money that is given and not paid: by code, by an operator, and by correction.

-- An offer: what whoever knows a code of it is given. A promotion has one code for everybody, vouchers have one each.
create table campaigns (
    id uuid primary key,
    name text not null check (length(name) between 1 and 100),
    kind text not null check (kind in ('promotion', 'voucher')),
    -- The code of a promotion; those of vouchers are kept as digests alone.
    code text check (code ~ '^[A-Z0-9]{6,40}$'),
    amount_micros bigint not null check (amount_micros > 0),
    valid_from timestamptz not null,
    valid_until timestamptz,
    -- What is left of a credit ends so many days after it was given.
    expires_days integer check (expires_days between 1 and 3650),
    redemptions_max integer check (redemptions_max > 0),
    redemptions integer not null default 0 check (redemptions >= 0),
    -- For organizations made since valid_from alone.
    new_only boolean not null default false,
    disabled_at timestamptz,
    created_at timestamptz not null default now(),
    constraint campaigns_last check (valid_until > valid_from),
    check ((kind = 'promotion') = (code is not null)),
    constraint campaigns_not_exhausted check (redemptions <= redemptions_max)
);
create unique index campaigns_code on campaigns (code);
-- Customers redeem in transactions of their own organization, and read neither codes nor our words for an offer.
grant select (id, kind, amount_micros, valid_from, valid_until, expires_days, redemptions_max, redemptions, new_only,
    disabled_at), update (redemptions) on campaigns to skypanel_tenant;
grant select, insert, update on campaigns to skypanel_system;

create table campaign_codes (
    -- SHA-256 of the code.
    digest bytea primary key check (length(digest) = 32),
    campaign_id uuid not null references campaigns
);
create index campaign_codes_of_campaign on campaign_codes (campaign_id);
grant select on campaign_codes to skypanel_tenant;
grant select, insert on campaign_codes to skypanel_system;

create table credits (
    organization_id uuid not null references wallets,
    id uuid primary key,
    source text not null check (source in ('promotion', 'voucher', 'goodwill')),
    campaign_id uuid references campaigns,
    code_digest bytea references campaign_codes,
    amount_micros bigint not null check (amount_micros > 0),
    -- What an operator gave it for; its people can read it.
    reason text check (length(reason) between 1 and 100),
    given_by jsonb not null,
    expires_at timestamptz,
    -- People were told that it ends soon, or had nothing left to be told of.
    warned_at timestamptz,
    -- What was left at its end and taken; ended_at says that nothing more can come back.
    ended_micros bigint not null default 0 check (ended_micros >= 0),
    ended_at timestamptz,
    created_at timestamptz not null,
    unique (organization_id, id),
    check ((source = 'goodwill') = (campaign_id is null)),
    check ((campaign_id is null) = (code_digest is null)),
    check ((source = 'goodwill') = (reason is not null)),
    check (ended_micros <= amount_micros)
);
call enable_tenancy('credits');
grant select, insert, update (warned_at, ended_micros, ended_at) on credits to skypanel_tenant, skypanel_system;
create unique index credits_promotion_once on credits (organization_id, campaign_id) where source = 'promotion';
create unique index credits_voucher_once on credits (code_digest) where source = 'voucher';
create index credits_newest on credits (organization_id, id desc);
create index credits_ending on credits (expires_at) where expires_at is not null and ended_at is null;

-- Corrections. Above a limit another operator than the one who asks decides.
create table adjustments (
    organization_id uuid not null references wallets,
    id uuid primary key,
    amount_micros bigint not null check (amount_micros <> 0),
    reason text not null check (length(reason) between 1 and 100),
    state text not null check (state in ('applied', 'pending', 'approved', 'rejected', 'expired')),
    -- Operators, who belong to another organization.
    requested_by uuid not null,
    decided_by uuid,
    created_at timestamptz not null default now(),
    decided_at timestamptz,
    unique (organization_id, id),
    check ((state in ('approved', 'rejected')) = (decided_by is not null)),
    check ((state = 'pending') = (decided_at is null)),
    constraint adjustments_second_operator check (decided_by <> requested_by)
);
call enable_tenancy('adjustments');
grant select, insert, update on adjustments to skypanel_tenant, skypanel_system;
create index adjustments_newest on adjustments (organization_id, id desc);
create index adjustments_pending on adjustments (created_at) where state = 'pending';
