-- The job queue. A job is enqueued in the transaction of the change that asks for it.
create table jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    payload jsonb not null,
    organization_id uuid references organizations,
    actor jsonb not null,
    -- Jobs of one key run one at a time, oldest first.
    key text,
    -- At most one live job per dedupe word. A job asked for again while it runs, runs once more.
    dedupe text,
    asked_again boolean not null default false,
    priority smallint not null default 100,
    state text not null default 'ready' check (state in ('ready', 'running', 'done', 'dead', 'cancelled')),
    run_at timestamptz not null default now(),
    -- Attempts that failed; waiting for the outside world is not a failure.
    attempts int not null default 0,
    max_attempts int not null default 12,
    -- Counts every claim: only the holder of the present claim may finish the job.
    claim bigint not null default 0,
    worker uuid,
    lease_until timestamptz,
    last_error text,
    created_at timestamptz not null default now(),
    finished_at timestamptz
);
alter table jobs enable row level security;
create policy tenant on jobs to skypanel_tenant using (organization_id = current_organization());
create policy system on jobs to skypanel_system using (true);
-- A claimed job of an organization is finished in the transaction of its effect.
grant select, insert, update on jobs to skypanel_tenant;
grant select, insert, update, delete on jobs to skypanel_system;
create index jobs_ready on jobs (priority, run_at, id) where state = 'ready';
create index jobs_ready_of_key on jobs (key, id) where state = 'ready' and key is not null;
create unique index jobs_one_running_per_key on jobs (key) where state = 'running' and key is not null;
create unique index jobs_dedupe on jobs (dedupe) where dedupe is not null and state in ('ready', 'running');
create index jobs_lease on jobs (lease_until) where state = 'running';
create index jobs_finished on jobs (finished_at) where state in ('done', 'cancelled');
create function wake_workers() returns trigger language plpgsql as $$
begin
    perform pg_notify('jobs', '');
    return null;
end $$;
create trigger jobs_wake after insert on jobs for each statement execute function wake_workers();

-- The last slot of time each recurring job was enqueued for, over all processes.
create table recurring_jobs (
    kind text primary key,
    last_slot bigint not null
);
grant select, insert, update on recurring_jobs to skypanel_system;

-- What open pages are told. Ordered by (xid, id): a row is delivered once every transaction with a
-- smaller or equal number is over, so that nothing can turn up before it any more.
create table events (
    id bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    organization_id uuid references organizations,
    topic text not null check (topic in ('vps', 'wallet', 'top_up', 'ssh_key', 'provider', 'catalog')),
    subject uuid,
    created_at timestamptz not null default now()
);
alter table events enable row level security;
create policy tenant on events to skypanel_tenant using (organization_id = current_organization());
create policy system on events to skypanel_system using (true);
grant select, insert on events to skypanel_tenant;
grant select, insert, delete on events to skypanel_system;
create index events_of_organization on events (organization_id, xid, id);
create index events_in_order on events (xid, id);
create index events_age on events (created_at);
create function announce_event() returns trigger language plpgsql as $$
begin
    perform pg_notify('events', coalesce(new.organization_id::text, ''));
    return null;
end $$;
create trigger events_announce after insert on events for each row execute function announce_event();

-- The audit trail. Written with the change it describes, never changed.
create table activity_logs (
    organization_id uuid references organizations,
    id uuid primary key,
    actor_kind text not null check (actor_kind in ('user', 'api_key', 'system')),
    actor_id uuid,
    action text not null,
    target_kind text,
    target_id uuid,
    detail jsonb not null,
    address text,
    created_at timestamptz not null default now(),
    check ((actor_kind = 'system') = (actor_id is null)),
    check ((target_kind is null) = (target_id is null))
);
alter table activity_logs enable row level security;
create policy tenant on activity_logs to skypanel_tenant using (organization_id = current_organization());
create policy system on activity_logs to skypanel_system using (true);
grant select, insert on activity_logs to skypanel_tenant, skypanel_system;
create index activity_logs_newest on activity_logs (organization_id, id desc);
create index activity_logs_of_target on activity_logs (organization_id, target_id, id desc);
create index activity_logs_of_action on activity_logs (organization_id, action, id desc);
create index activity_logs_of_actor on activity_logs (organization_id, actor_id, id desc);
create index activity_logs_platform on activity_logs (id desc);
