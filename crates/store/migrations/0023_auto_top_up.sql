-- Automatic top-ups: a payer agrees once, and the panel asks for money when the wallet falls below a threshold. Expand only.

-- What was agreed. One of an organization counts at a time; those that are over stay.
create table auto_top_ups (
    organization_id uuid not null references wallets,
    id uuid primary key,
    state text not null check (state in ('preparing', 'awaiting_approval', 'on', 'off')),
    -- Money is asked for below so many hours of everything that runs, or below so much.
    threshold_hours int check (threshold_hours between 1 and 720),
    threshold_micros bigint check (threshold_micros > 0),
    -- How much each time, and how much at most in one month (UTC).
    amount_micros bigint not null check (amount_micros > 0),
    ceiling_micros bigint not null,
    -- The gateway's question to the payer, and where it is answered.
    setup_ref text unique,
    approve_url text,
    -- The leave to charge, sealed, until the gateway has forgotten it; and its SHA-256, by which it is found.
    token_sealed text,
    token_digest bytea unique check (length(token_digest) = 32),
    -- A payment was declined: not before then is the next one tried, and that is the last one.
    retry_at timestamptz,
    -- First day of the month in which people were last told that no more is asked for.
    ceiling_told date,
    off_reason text check (off_reason in
        ('customer', 'not_started', 'not_approved', 'declined', 'revoked', 'details_needed')),
    requested_by jsonb not null,
    created_at timestamptz not null default now(),
    looked_at timestamptz not null default now(),
    on_at timestamptz,
    off_at timestamptz,
    unique (organization_id, id),
    check ((threshold_hours is null) <> (threshold_micros is null)),
    check (ceiling_micros >= amount_micros),
    check ((token_sealed is null) = (token_digest is null)),
    check (state <> 'on' or token_sealed is not null),
    check (state in ('on', 'off') or token_sealed is null),
    check ((state = 'off') = (off_reason is not null)),
    check ((state = 'off') = (off_at is not null))
);
call enable_tenancy('auto_top_ups');
grant select, insert, update on auto_top_ups to skypanel_tenant, skypanel_system;
create unique index auto_top_ups_one on auto_top_ups (organization_id) where state <> 'off';
create index auto_top_ups_newest on auto_top_ups (organization_id, id desc);
create index auto_top_ups_unattended on auto_top_ups (looked_at)
    where state in ('preparing', 'awaiting_approval') or (state = 'off' and token_sealed is not null);

-- The agreement that asked for a payment, and since when the gateway may have been asked to charge.
alter table top_ups
    add column auto_top_up_id uuid,
    add column charge_sent_at timestamptz,
    add constraint top_ups_auto_top_up foreign key (organization_id, auto_top_up_id)
        references auto_top_ups (organization_id, id);
-- Never two at once.
create unique index top_ups_one_automatic on top_ups (organization_id)
    where auto_top_up_id is not null and state in ('created', 'awaiting_approval', 'pending');
create index top_ups_automatic on top_ups (organization_id, created_at) where auto_top_up_id is not null;

-- How things stand for each organization whose agreement is in force. Everything that decides about an automatic
-- top-up is here, and nowhere else.
create view auto_top_up_standings with (security_invoker = true) as
select a.organization_id, a.id, a.amount_micros, a.ceiling_micros, f.is_below, p.is_unfinished, p.taken_micros,
    p.taken_micros + a.amount_micros <= a.ceiling_micros as has_room,
    f.is_below and not p.is_unfinished and not p.is_recent and (a.retry_at is null or a.retry_at <= now()) as is_due,
    a.ceiling_told is not distinct from m.month as is_told
from auto_top_ups a
join wallets w on w.organization_id = a.organization_id
left join wallet_terms t on t.organization_id = a.organization_id
cross join lateral (select date_trunc('month', now() at time zone 'utc')::date as month) m
-- What would run if it were paid counts, too: a suspended VPS is what the money is for.
cross join lateral (select coalesce(sum(v.sell_hour_micros), 0)::bigint as burn from (
    select p.sell_hour_micros from vps_instances v join price_versions p on p.id = v.price_version_id
    where v.organization_id = a.organization_id and v.state = 'active' and v.suspended_by = 'unpaid') v) u
cross join lateral (select w.available_micros + greatest(coalesce(t.credit_limit_micros, 0) - w.receivable_micros, 0)
    < coalesce(a.threshold_micros, a.threshold_hours * (w.burn_micros + u.burn)) as is_below) f
cross join lateral (select
    coalesce(sum(coalesce(captured_micros, amount_micros)) filter (where state not in ('failed', 'expired')
        and created_at >= m.month::timestamp at time zone 'utc'), 0)::bigint as taken_micros,
    coalesce(bool_or(state in ('created', 'awaiting_approval', 'pending')), false) as is_unfinished,
    -- One payment brings what one payment brings: the next one waits for an hour.
    coalesce(bool_or(created_at > now() - interval '1 hour'), false) as is_recent
    from top_ups where organization_id = a.organization_id and auto_top_up_id is not null
        and (created_at >= least(m.month::timestamp at time zone 'utc', now() - interval '1 hour')
            or state in ('created', 'awaiting_approval', 'pending'))) p
where a.state = 'on';
grant select on auto_top_up_standings to skypanel_tenant, skypanel_system;
