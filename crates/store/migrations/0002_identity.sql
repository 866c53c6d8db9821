create table organizations (
    id uuid primary key,
    name text not null check (length(name) between 1 and 100),
    created_at timestamptz not null default now()
);
alter table organizations enable row level security;
create policy tenant on organizations to skypanel_tenant using (id = current_organization());
create policy system on organizations to skypanel_system using (true);
grant select on organizations to skypanel_tenant;
grant select, insert, update on organizations to skypanel_system;
create index organizations_newest on organizations (created_at desc, id desc);

create table users (
    organization_id uuid not null references organizations,
    id uuid primary key,
    email text not null unique check (email = lower(email)),
    name text not null check (length(name) between 1 and 100),
    password_hash text not null,
    role text not null check (role in ('owner', 'member')),
    platform_role text check (platform_role in ('operator')),
    suspended_at timestamptz,
    created_at timestamptz not null default now(),
    unique (organization_id, id)
);
call enable_tenancy('users');
grant select on users to skypanel_tenant;
grant select, insert, update on users to skypanel_system;

-- A session is a row: the browser holds a random token, we keep its SHA-256 only.
create table sessions (
    organization_id uuid not null,
    id uuid primary key,
    user_id uuid not null,
    digest bytea not null unique check (length(digest) = 32),
    address text,
    user_agent text,
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    foreign key (organization_id, user_id) references users (organization_id, id)
);
call enable_tenancy('sessions');
grant select, update (revoked_at) on sessions to skypanel_tenant;
grant select, insert, update, delete on sessions to skypanel_system;
create index sessions_of_user on sessions (organization_id, user_id, id desc);
create index sessions_expiry on sessions (expires_at);

create table api_keys (
    organization_id uuid not null,
    id uuid primary key,
    user_id uuid not null,
    name text not null check (length(name) between 1 and 100),
    hint text not null,
    digest bytea not null unique check (length(digest) = 32),
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at timestamptz,
    foreign key (organization_id, user_id) references users (organization_id, id)
);
call enable_tenancy('api_keys');
grant select, insert, update (revoked_at) on api_keys to skypanel_tenant;
grant select, update on api_keys to skypanel_system;
create index api_keys_of_organization on api_keys (organization_id, id desc);

-- One bucket of the shared rate limiter (GCRA): the time at which it is empty again.
create table rate_buckets (
    key text primary key,
    empty_at timestamptz not null
);
grant select, insert, update, delete on rate_buckets to skypanel_system;

-- What a request with an Idempotency-Key did, and what was answered.
create table idempotency_keys (
    organization_id uuid not null references organizations,
    key text not null check (length(key) between 1 and 255),
    request_digest bytea not null check (length(request_digest) = 32),
    effect jsonb not null,
    status smallint,
    body jsonb,
    created_at timestamptz not null default now(),
    primary key (organization_id, key)
);
call enable_tenancy('idempotency_keys');
grant select, insert, update (status, body), delete on idempotency_keys to skypanel_tenant;
grant select, delete on idempotency_keys to skypanel_system;
create index idempotency_keys_age on idempotency_keys (created_at);
