-- `skypanel doctor` compares what was applied with what the program knows. The table is the migration runner's own: a
-- schema made from these files by other means has none.
do $$
begin
    if to_regclass('_sqlx_migrations') is not null then
        grant select on _sqlx_migrations to skypanel_system;
    end if;
end $$;
