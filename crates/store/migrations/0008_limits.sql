-- Other request limits than the installation's, for an organization, one of its people (user_id) or
-- one of its keys (api_key_id), until a time.
alter table api_keys add constraint api_keys_of_one_organization unique (organization_id, id);

create table limit_overrides (
    organization_id uuid not null references organizations,
    id uuid primary key,
    user_id uuid,
    api_key_id uuid,
    requests int not null check (requests >= 1),
    seconds int not null check (seconds between 1 and 86400),
    reason text not null check (length(reason) between 1 and 100),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    check (user_id is null or api_key_id is null),
    foreign key (organization_id, user_id) references users (organization_id, id),
    foreign key (organization_id, api_key_id) references api_keys (organization_id, id),
    unique nulls not distinct (organization_id, user_id, api_key_id)
);
call enable_tenancy('limit_overrides');
grant select on limit_overrides to skypanel_tenant;
grant select, insert, update, delete on limit_overrides to skypanel_system;
create index limit_overrides_of_organization on limit_overrides (organization_id, id desc);
create index limit_overrides_expiry on limit_overrides (expires_at);

-- Buckets that are empty again are removed every minute, so their number is bounded by the rate of
-- requests and not by the number of addresses an attacker has.
create index rate_buckets_drained on rate_buckets (empty_at);
