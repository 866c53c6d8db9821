-- The outbox. A mail is written in the transaction of the change it tells of, and sent by a job.
-- Without an organization it goes to operators.
create table mails (
    organization_id uuid references organizations,
    id uuid primary key,
    kind text not null,
    recipient text not null check (recipient = lower(recipient)),
    -- Sealed: it may hold links that let their reader in. Gone once nobody needs it any more.
    context_sealed text,
    -- As it was sent.
    subject text,
    message_id text not null unique,
    -- One mail per word and organization.
    dedupe text,
    state text not null default 'queued' check (state in ('queued', 'sent', 'failed', 'skipped')),
    -- What the mail host said last.
    last_error text,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    check ((state = 'sent') = (sent_at is not null)),
    check (state not in ('queued', 'failed') or context_sealed is not null)
);
call enable_tenancy('mails');
-- Jobs of an organization write mails; nothing of an organization reads what is in them.
grant select (organization_id, id, kind, state, dedupe), insert on mails to skypanel_tenant;
grant select, insert, update, delete on mails to skypanel_system;
create unique index mails_dedupe on mails (organization_id, dedupe) nulls not distinct where dedupe is not null;
create index mails_newest on mails (id desc);
create index mails_by_state on mails (state, id desc);
create index mails_age on mails (created_at);

-- Alarms that operators were told of and that are still open: each is told once until it closes.
create table told_alarms (
    key text primary key,
    told_at timestamptz not null default now()
);
grant select, insert, delete on told_alarms to skypanel_system;

-- Whether a person reads what is sent to their address.
alter table users add column email_confirmed_at timestamptz;

-- A link that confirms an address: used once, within a day. The mail holds the token, we keep its SHA-256 only.
create table email_confirmations (
    organization_id uuid not null,
    user_id uuid not null,
    digest bytea primary key check (length(digest) = 32),
    expires_at timestamptz not null,
    used_at timestamptz,
    created_at timestamptz not null default now(),
    foreign key (organization_id, user_id) references users (organization_id, id)
);
call enable_tenancy('email_confirmations');
grant select, insert on email_confirmations to skypanel_tenant;
grant select, insert, update (used_at), delete on email_confirmations to skypanel_system;
create index email_confirmations_of_user on email_confirmations (organization_id, user_id);
create index email_confirmations_age on email_confirmations (expires_at);
