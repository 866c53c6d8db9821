-- Most hours cost what the hour before cost. Until `flat_until` every span of the meter that is sold costs `flat_micros`:
-- the rule of hours said so when the cursor last stood here (`domain::billing::Meter::flat`), so that the billing run
-- can charge such hours where they lie. Null: the rule has to be asked. Older programs leave both alone, which stays
-- right, because they move the cursor by the same rule.
alter table meters
    add column flat_micros bigint not null default 0 check (flat_micros >= 0),
    add column flat_until timestamptz;

-- What was worked out does not outlive what it was worked out from.
create function forget_flat_hours() returns trigger language plpgsql as $$
begin
    new.flat_until := null;
    return new;
end $$;
create trigger meters_forget_flat_hours before update of started_at, price_version_id on meters
    for each row execute function forget_flat_hours();
