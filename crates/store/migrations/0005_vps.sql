create table ssh_keys (
    organization_id uuid not null references organizations,
    id uuid primary key,
    name text not null check (length(name) between 1 and 100),
    public_key text not null,
    fingerprint text not null,
    created_at timestamptz not null default now(),
    unique (organization_id, fingerprint),
    unique (organization_id, id)
);
call enable_tenancy('ssh_keys');
grant select, insert, delete on ssh_keys to skypanel_tenant;
grant select on ssh_keys to skypanel_system;

create table vps_instances (
    organization_id uuid not null references organizations,
    id uuid primary key,
    name text not null check (length(name) between 1 and 63),
    state text not null check (state in ('creating', 'active', 'deleting', 'deleted', 'failed', 'lost')),
    -- What the provider last said, what the customer wants, and what overrides the wish.
    power text not null default 'unknown'
        check (power in ('unknown', 'running', 'stopped', 'starting', 'stopping', 'rebooting', 'busy')),
    power_wanted text not null default 'on' check (power_wanted in ('on', 'off')),
    suspended_by text check (suspended_by in ('unpaid', 'operator')),
    suspended_at timestamptz,
    plan_id uuid not null references plans,
    region_id uuid not null references regions,
    image_id uuid not null references images,
    price_version_id uuid not null references price_versions,
    ssh_keys text[] not null,
    user_data text,
    console_public_key text not null,
    console_key_sealed text not null,
    -- The account it is placed at, and the provider's own id of the server.
    provider_id uuid references providers,
    provider_server_id text,
    -- When create was last asked of the provider: until two minutes later an unseen server may
    -- still turn up.
    create_sent_at timestamptz,
    -- Accounts that had no room, in the order tried.
    providers_tried uuid[] not null default '{}',
    missing_passes smallint not null default 0,
    ipv4 text,
    ipv6 text,
    failure text,
    created_by jsonb not null,
    created_at timestamptz not null default now(),
    active_at timestamptz,
    ended_at timestamptz,
    deleted_at timestamptz,
    unique (organization_id, id),
    unique (provider_id, provider_server_id),
    check (state <> 'active' or (provider_server_id is not null and active_at is not null))
);
call enable_tenancy('vps_instances');
grant select, insert, update on vps_instances to skypanel_tenant, skypanel_system;
create index vps_instances_newest on vps_instances (organization_id, id desc);
create index vps_instances_of_provider on vps_instances (provider_id, state);
create index vps_instances_of_plan on vps_instances (plan_id) where state in ('creating', 'active');
create unique index vps_instances_name on vps_instances (organization_id, lower(name))
    where state in ('creating', 'active', 'deleting');

create table vps_actions (
    organization_id uuid not null,
    id uuid primary key,
    vps_id uuid not null,
    kind text not null check (kind in ('create', 'start', 'stop', 'reboot', 'suspend', 'resume', 'delete')),
    state text not null check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- The newest operation known at the provider before ours was asked for.
    marker text,
    -- When the provider accepted, or when the answer was lost.
    asked_at timestamptz,
    -- Has the power been cut after the guest ignored the request?
    cut boolean not null default false,
    failure text,
    actor jsonb not null,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    foreign key (organization_id, vps_id) references vps_instances (organization_id, id)
);
call enable_tenancy('vps_actions');
grant select, insert, update on vps_actions to skypanel_tenant, skypanel_system;
create unique index vps_actions_one_open on vps_actions (vps_id) where state in ('queued', 'running');
create index vps_actions_of_vps on vps_actions (organization_id, vps_id, id desc);

-- Servers at a provider that no order of ours explains: for the operator to look at.
create table orphan_servers (
    provider_id uuid not null references providers,
    server_ref text not null,
    label text not null,
    size text not null,
    region text not null,
    tagged boolean not null,
    first_seen_at timestamptz not null default now(),
    primary key (provider_id, server_ref)
);
grant select, insert, update, delete on orphan_servers to skypanel_system;
