-- Roles and the rules of tenancy (ARCHITECTURE.md, "Tenancy").
--
-- The login role owns nothing and has no grants of its own. Inside a transaction it becomes
-- skypanel_tenant (rows of one organization) or skypanel_system (all rows). Neither bypasses row
-- security; the owner does, as owner, because security is not forced: migrations may backfill.
-- Roles belong to the whole cluster, so they are made under a lock.
select pg_advisory_xact_lock(hashtext('skypanel roles'));
do $$
begin
    if not exists (select from pg_roles where rolname = 'skypanel_tenant') then
        create role skypanel_tenant nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'skypanel_system') then
        create role skypanel_system nologin;
    end if;
end $$;

grant usage on schema public to skypanel_tenant, skypanel_system;

-- The organization of the present transaction; null outside one, so that policies fail closed.
create function current_organization() returns uuid language sql stable
    return nullif(current_setting('app.organization_id', true), '')::uuid;

-- Puts a table with an organization_id under row security.
create procedure enable_tenancy(name regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', name);
    execute format('create policy tenant on %s to skypanel_tenant using (organization_id = current_organization())', name);
    execute format('create policy system on %s to skypanel_system using (true)', name);
end $$;
