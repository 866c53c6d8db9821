-- One account of one vendor. Customers' transactions cannot read this table.
create table providers (
    id uuid primary key,
    kind text not null check (kind in ('linode', 'digitalocean')),
    name text not null unique check (length(name) between 1 and 100),
    base_url text,
    token_sealed text not null,
    -- A new token, not used before it has proved to be of the same account.
    token_next_sealed text,
    upstream_account text,
    upstream_label text,
    state text not null default 'active' check (state in ('active', 'disabled', 'unauthorized')),
    last_synced_at timestamptz,
    last_reconciled_at timestamptz,
    last_error text,
    created_at timestamptz not null default now()
);
grant select, insert, update on providers to skypanel_system;

-- Regions and images as customers see them, under names that no vendor uses.
create table regions (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    country text not null check (country ~ '^[A-Z]{2}$')
);
create table images (
    id uuid primary key,
    slug text not null unique,
    family text not null,
    version text not null,
    name text not null
);
create table plans (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    vcpus int not null check (vcpus > 0),
    memory_mib int not null check (memory_mib > 0),
    disk_gib int not null check (disk_gib > 0),
    transfer_gb int not null check (transfer_gb >= 0),
    dedicated boolean not null,
    active boolean not null default true,
    created_at timestamptz not null default now()
);
grant select on regions, images, plans to skypanel_tenant;
grant select, insert, update on regions, images, plans to skypanel_system;

-- What each account offers, as its last catalogue said.
create table provider_regions (
    provider_id uuid not null references providers,
    ref text not null,
    region_id uuid not null references regions,
    available boolean not null,
    primary key (provider_id, ref)
);
create table provider_sizes (
    provider_id uuid not null references providers,
    ref text not null,
    vcpus int not null,
    memory_mib int not null,
    disk_gib int not null,
    transfer_gb int not null,
    dedicated boolean not null,
    primary key (provider_id, ref)
);
create table provider_prices (
    provider_id uuid not null,
    size_ref text not null,
    region_ref text not null,
    cost_hour_micros bigint not null check (cost_hour_micros > 0),
    cost_month_micros bigint not null check (cost_month_micros > 0),
    cost_minimum_micros bigint not null check (cost_minimum_micros >= 0),
    available boolean not null,
    primary key (provider_id, size_ref, region_ref),
    foreign key (provider_id, size_ref) references provider_sizes,
    foreign key (provider_id, region_ref) references provider_regions
);
create table provider_images (
    provider_id uuid not null references providers,
    ref text not null,
    image_id uuid not null references images,
    min_disk_gib int not null,
    available boolean not null,
    primary key (provider_id, ref)
);
create index provider_images_of_image on provider_images (image_id);

-- Which size of which account delivers a plan.
create table plan_sizes (
    plan_id uuid not null references plans,
    provider_id uuid not null,
    size_ref text not null,
    primary key (plan_id, provider_id),
    foreign key (provider_id, size_ref) references provider_sizes
);
grant select, insert, update, delete
    on provider_regions, provider_sizes, provider_prices, provider_images, plan_sizes to skypanel_system;

-- What a plan costs in a region from a time on. Never changed: a new price is a new row.
create table price_versions (
    id uuid primary key,
    plan_id uuid not null references plans,
    region_id uuid not null references regions,
    cost_hour_micros bigint not null check (cost_hour_micros > 0),
    cost_month_micros bigint not null check (cost_month_micros > 0),
    cost_minimum_micros bigint not null check (cost_minimum_micros >= 0),
    markup_basis_points int not null check (markup_basis_points >= 0),
    markup_hour_micros bigint not null check (markup_hour_micros >= 0),
    markup_month_micros bigint not null check (markup_month_micros >= 0),
    sell_hour_micros bigint not null,
    sell_month_micros bigint not null,
    sell_minimum_micros bigint not null,
    effective_at timestamptz not null,
    published_by jsonb not null,
    created_at timestamptz not null default now(),
    check (sell_hour_micros >= cost_hour_micros),
    check (sell_month_micros >= cost_month_micros),
    check (sell_minimum_micros >= cost_minimum_micros)
);
create index price_versions_in_force on price_versions (plan_id, region_id, effective_at desc, id desc);
grant select, insert on price_versions to skypanel_system;
-- Customers' transactions see what they pay, and nothing of cost or markup.
grant select (id, plan_id, region_id, sell_hour_micros, sell_month_micros, sell_minimum_micros, effective_at)
    on price_versions to skypanel_tenant;

-- Where a plan can be ordered now: some active account sells the size there. Names no account.
create view orderable_plans as
    select distinct s.plan_id, r.region_id
    from plan_sizes s
    join plans p on p.id = s.plan_id and p.active
    join providers a on a.id = s.provider_id and a.state = 'active'
    join provider_prices c on c.provider_id = s.provider_id and c.size_ref = s.size_ref and c.available
    join provider_regions r on r.provider_id = c.provider_id and r.ref = c.region_ref and r.available;

-- Which images a plan can be ordered with in a region.
create view orderable_images as
    select distinct s.plan_id, r.region_id, i.image_id
    from plan_sizes s
    join plans p on p.id = s.plan_id and p.active
    join providers a on a.id = s.provider_id and a.state = 'active'
    join provider_prices c on c.provider_id = s.provider_id and c.size_ref = s.size_ref and c.available
    join provider_regions r on r.provider_id = c.provider_id and r.ref = c.region_ref and r.available
    join provider_images i on i.provider_id = s.provider_id and i.available and i.min_disk_gib <= p.disk_gib;

-- The price in force of every plan in every region.
create view current_prices as
    select distinct on (plan_id, region_id)
        id, plan_id, region_id, sell_hour_micros, sell_month_micros, sell_minimum_micros, effective_at
    from price_versions
    where effective_at <= now()
    order by plan_id, region_id, effective_at desc, id desc;
grant select on orderable_plans, orderable_images, current_prices to skypanel_tenant, skypanel_system;
