-- Resizes: a VPS gets the price of another plan, a volume another quantity (docs/adr/0020-resizes.md). This release holds,
-- charges and explains them; the one that sells them comes after it.

create table resizes (
    organization_id uuid not null references organizations,
    id uuid primary key,
    vps_id uuid,
    resource_id uuid,
    -- What it becomes.
    price_version_id uuid not null references price_versions,
    quantity bigint not null default 1 check (quantity > 0),
    state text not null default 'open' check (state in ('open', 'done', 'failed')),
    created_by jsonb not null,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    unique (organization_id, id),
    foreign key (organization_id, vps_id) references vps_instances (organization_id, id),
    foreign key (organization_id, resource_id) references resources (organization_id, id),
    check (num_nonnulls(vps_id, resource_id) = 1),
    check (resource_id is not null or quantity = 1),
    check ((state = 'open') = (ended_at is null))
);
call enable_tenancy('resizes');
grant select, insert, update on resizes to skypanel_tenant, skypanel_system;
create unique index resizes_one_open_of_vps on resizes (vps_id) where state = 'open';
create unique index resizes_one_open_of_resource on resizes (resource_id) where state = 'open';

-- A resize up holds the difference of an hour.
alter table holds
    add column resize_id uuid,
    add foreign key (organization_id, resize_id) references resizes (organization_id, id),
    drop constraint holds_check1,
    add constraint holds_one_order check (num_nonnulls(vps_id, resource_id, resize_id) = 1);
create unique index holds_one_of_resize on holds (resize_id);

-- What a resize added to the hour that ran: never changed, like the hour. Without foreign keys, as charges are.
create table raised_hours (
    organization_id uuid not null,
    resize_id uuid primary key,
    meter_id uuid not null,
    span_start timestamptz not null,
    amount_micros bigint not null check (amount_micros > 0),
    transaction_id uuid not null
);
call enable_tenancy('raised_hours');
grant select, insert on raised_hours to skypanel_tenant, skypanel_system;
create index raised_hours_of_hour on raised_hours (meter_id, span_start);
create index raised_hours_of_transaction on raised_hours (transaction_id);

-- Everything hours cost: each hour, and what resizes added to it.
create view charged with (security_invoker = true) as
    select organization_id, meter_id, span_start, amount_micros, tariff, transaction_id, true as is_hour from charges
    union all
    select organization_id, meter_id, span_start, amount_micros, 'sold', transaction_id, false from raised_hours;
grant select on charged to skypanel_tenant, skypanel_system;

-- A quantity is one of a meter's terms, and so is the resize with which they began: the history says of every change whether
-- it was one, and of which.
alter table meters add column resize_id uuid;
alter table meter_terms
    add column quantity bigint not null default 1 check (quantity > 0),
    add column resize_id uuid;
update meter_terms t set quantity = m.quantity from meters m where m.id = t.meter_id and m.quantity <> 1;
create or replace function keep_meter_terms() returns trigger language plpgsql as $$
begin
    insert into public.meter_terms (organization_id, meter_id, until, tariff, price_version_id, quantity, resize_id)
    values (old.organization_id, old.id, coalesce(
        (select min(span_start) from public.charges where old.tariff <> new.tariff
            and meter_id = old.id and span_start >= old.paid_until and tariff = new.tariff), new.paid_until),
        old.tariff, old.price_version_id, old.quantity, old.resize_id);
    return null;
end $$;
drop trigger meter_terms_are_kept on meters;
create trigger meter_terms_are_kept after update of tariff, price_version_id, resize_id on meters for each row
    when (old.tariff <> new.tariff or old.price_version_id <> new.price_version_id
        or old.resize_id is distinct from new.resize_id)
    execute function keep_meter_terms();
drop trigger meters_write_down_count on meters;
create trigger meters_write_down_count before update of tariff, ended_at, price_version_id, resize_id on meters
    for each row when (old.flat_until is not null and (old.tariff <> new.tariff
        or old.price_version_id <> new.price_version_id or old.resize_id is distinct from new.resize_id
        or old.ended_at is distinct from new.ended_at))
    execute function write_down_count();

-- A change of price that was announced for a VPS is over once the VPS is of another plan.
grant update (state) on vps_price_moves to skypanel_tenant;
