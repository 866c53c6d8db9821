-- What the payment gateway tells unasked. Kept as it came until a job has looked at the signature: anybody can send
-- something here, so the number of those that wait is bounded, and nothing is believed of them.
create table payment_events (
    id uuid primary key,
    -- The gateway's id of the event, as the message has it.
    event_ref text not null,
    -- Of all that came: the same message again is the same row.
    digest bytea not null check (length(digest) = 32),
    headers jsonb,
    body bytea,
    state text not null default 'received' check (state in ('received', 'done', 'ignored', 'refused')),
    -- The gateway's word for what happened, once the message is known to be genuine.
    kind text,
    -- Why it was refused or ignored.
    detail text,
    received_at timestamptz not null default now(),
    checked_at timestamptz,
    -- What was looked at is not kept: it may name the payer.
    check ((state = 'received') = (body is not null and headers is not null)),
    check ((state = 'received') = (checked_at is null)),
    unique (event_ref, digest)
);
-- A forged message cannot take the place of a genuine one.
create unique index payment_events_genuine on payment_events (event_ref) where state in ('done', 'ignored');
create index payment_events_waiting on payment_events (id) where state = 'received';
create index payment_events_checked on payment_events (state, checked_at);
grant select, insert, update, delete on payment_events to skypanel_system;

-- A payment that its payer disputes. What the wallet has of it is held until it is decided.
create table disputes (
    organization_id uuid not null,
    id uuid primary key,
    top_up_id uuid not null,
    dispute_ref text not null,
    state text not null check (state in ('open', 'won', 'lost')),
    stage text not null,
    reason text not null,
    disputed_micros bigint not null check (disputed_micros > 0),
    frozen_micros bigint not null default 0 check (frozen_micros between 0 and disputed_micros),
    -- What the gateway had taken for it and gave back.
    returned_micros bigint not null default 0 check (returned_micros >= 0),
    -- How often it was decided.
    decisions int not null default 0,
    opened_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    -- By the gateway's clock: what went back in between, went back because of it.
    began_at timestamptz not null,
    decided_at timestamptz,
    check (state = 'open' or frozen_micros = 0),
    check ((state = 'open') or decided_at is not null),
    unique (organization_id, id),
    unique (dispute_ref, top_up_id),
    foreign key (organization_id, top_up_id) references top_ups (organization_id, id)
);
call enable_tenancy('disputes');
grant select, insert, update on disputes to skypanel_tenant, skypanel_system;
create index disputes_newest on disputes (organization_id, id desc);
create index disputes_of_top_up on disputes (organization_id, top_up_id);
create index disputes_open on disputes (opened_at) where state = 'open';

-- Money that goes back to the payer, whoever sends it back.
create table refunds (
    organization_id uuid not null,
    id uuid primary key,
    top_up_id uuid not null,
    kind text not null check (kind in ('refund', 'reversal')),
    state text not null check (state in ('requested', 'pending', 'completed', 'failed')),
    amount_micros bigint not null check (amount_micros > 0),
    -- Reserved for it in the wallet.
    held_micros bigint not null default 0 check (held_micros between 0 and amount_micros),
    -- The gateway's id. Not there before it is asked, nor for a lost dispute whose payment back was not heard of.
    refund_ref text unique,
    -- By the gateway's clock.
    returned_at timestamptz,
    dispute_id uuid,
    reason text,
    failure text,
    requested_by jsonb not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (held_micros = 0 or state in ('requested', 'pending')),
    unique (organization_id, id),
    foreign key (organization_id, top_up_id) references top_ups (organization_id, id),
    foreign key (organization_id, dispute_id) references disputes (organization_id, id)
);
call enable_tenancy('refunds');
grant select, insert, update on refunds to skypanel_tenant, skypanel_system;
create index refunds_newest on refunds (organization_id, id desc);
create index refunds_open on refunds (updated_at) where state in ('requested', 'pending');
create index refunds_of_top_up on refunds (organization_id, top_up_id);

-- Where the gateway's books and ours differ, as the last comparison saw it.
create table payment_differences (
    -- What it is about, such as capture:1AB.
    key text primary key,
    what text not null,
    -- Comparisons that saw it. What a job can settle is gone at the next one.
    seen int not null default 1,
    first_seen_at timestamptz not null default now()
);
grant select, insert, update, delete on payment_differences to skypanel_system;
