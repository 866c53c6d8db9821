-- What becomes of organizations whose money runs out: notices before, a date after, and what an operator agreed
-- with one of them.

-- Terms other than the installation's. Written by operators alone.
create table wallet_terms (
    organization_id uuid primary key references organizations,
    -- Hours that the wallet cannot pay are owed, up to this debt, before anything is suspended.
    credit_limit_micros bigint not null default 0 check (credit_limit_micros >= 0),
    -- How long unpaid VPSs are kept; null as the installation says.
    retention_hours int check (retention_hours between 1 and 8760),
    -- Unpaid VPSs stay for ever.
    never_destroyed boolean not null default false
);
call enable_tenancy('wallet_terms');
grant select on wallet_terms to skypanel_tenant;
grant select, insert, update on wallet_terms to skypanel_system;

-- The lowest threshold of the runway, in hours, that people were told of and that is not left upwards since.
alter table wallets add column runway_told smallint check (runway_told > 0);

-- When an unpaid VPS is destroyed, and how many whole hours before that its people were last told so. Both or none.
alter table vps_instances
    add column kept_until timestamptz,
    add column kept_told int check (kept_told >= 0),
    add constraint vps_instances_kept check ((kept_until is null) = (kept_told is null));
create index vps_instances_unpaid on vps_instances (organization_id) where suspended_by = 'unpaid' and state = 'active';

-- A suspension begins and ends without a date, whoever writes it.
create function forget_retention() returns trigger language plpgsql as $$
begin
    new.kept_until := null;
    new.kept_told := null;
    return new;
end $$;
create trigger vps_instances_forget_retention before update of suspended_by on vps_instances
    for each row when (new.suspended_by is distinct from old.suspended_by) execute function forget_retention();

-- When a recurring job that has to know about pauses last came to its end.
alter table recurring_jobs add column ran_at timestamptz;
