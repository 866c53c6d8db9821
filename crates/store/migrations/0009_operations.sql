-- What operators watch: the wish for an account apart from its health, its budgets, its last
-- comparison, and an index for dead jobs.
--
-- Expand only. `state` stays for older binaries and for the views of what can be ordered; a trigger
-- derives it, and reads it back into the new columns when an older binary writes it.
alter table providers
    add column enabled boolean not null default true,
    add column health text not null default 'ok' check (health in ('ok', 'unauthorized')),
    -- When the vendor last refused a server because the account's own limit is reached.
    add column limit_reached_at timestamptz,
    -- What the last comparison of inventories saw.
    add column reconciled_servers int,
    add column reconciled_differing int;

update providers set enabled = (state <> 'disabled'),
    health = case when state = 'unauthorized' then 'unauthorized' else 'ok' end;

create function derive_provider_state() returns trigger language plpgsql as $$
begin
    if new.state is distinct from old.state and new.enabled = old.enabled and new.health = old.health then
        -- An older binary wrote the state alone.
        if new.state = 'disabled' then
            new.enabled := false;
        elsif old.state = 'disabled' and new.state = 'active' then
            new.enabled := true;
        end if;
        new.health := case when new.state = 'unauthorized' then 'unauthorized' else 'ok' end;
    end if;
    new.state := case
        when new.health = 'unauthorized' then 'unauthorized'
        when new.enabled then 'active'
        else 'disabled' end;
    return new;
end $$;
create trigger providers_derive_state before update of state, enabled, health on providers
    for each row execute function derive_provider_state();

-- The vendor's own count of an account's requests, as workers saw it last.
create table provider_budgets (
    provider_id uuid primary key references providers,
    request_limit bigint not null check (request_limit > 0),
    remaining bigint not null check (remaining >= 0),
    resets_at timestamptz not null,
    noted_at timestamptz not null default now()
);
grant select, insert, update on provider_budgets to skypanel_system;

create index jobs_dead on jobs (kind, finished_at) where state = 'dead';
create index holds_open on holds (created_at) where state = 'open';
