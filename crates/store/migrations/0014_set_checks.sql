-- What was asked once for each row is asked once for each statement: a billing run writes thousands of rows in one.

-- The movement of a new entry is of the same organization and was written by this database transaction. That is all the
-- foreign key said and more; nobody may change or delete either of them later.
create or replace function check_ledger_entry() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    if exists (select from new_entries e
               left join ledger_transactions t on t.id = e.transaction_id and t.organization_id = e.organization_id
               where t.xmin is distinct from pg_current_xact_id()::xid) then
        raise exception 'ledger entries belong to a movement of the same transaction' using errcode = 'check_violation';
    end if;
    return null;
end $$;
alter table ledger_entries drop constraint ledger_entries_organization_id_transaction_id_fkey;

-- Whoever writes a movement sees its entries, so this needs no other rights.
create or replace function check_ledger_balance() returns trigger language plpgsql as $$
begin
    if (select coalesce(sum(amount_micros), 1) from public.ledger_entries where transaction_id = new.id) <> 0 then
        raise exception 'ledger transaction % does not balance', new.id using errcode = 'check_violation';
    end if;
    return null;
end $$;

create or replace function announce_event() returns trigger language plpgsql as $$
begin
    perform pg_notify('events', word)
    from (select distinct coalesce(organization_id::text, '') as word from new_events) words;
    return null;
end $$;
drop trigger events_announce on events;
create trigger events_announce after insert on events referencing new table as new_events
    for each statement execute function announce_event();
