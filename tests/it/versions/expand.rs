//! No migration takes away what the release before it uses: the catalog before and after each one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::Panel;

/// The schema of the first release: migrations up to this one had no release before them.
const FIRST_RELEASE: &str = "0007";

/// What looks like a breach and was read by a reviewer: the migration, what the checker says, and
/// why older programs can live with it.
const REVIEWED: &[(&str, &str, &str)] = &[
    (
        "0008_limits.sql",
        "stricter: rule api_keys id,organization_id UNIQUE (organization_id, id)",
        "the id alone is the primary key, so no row can break it",
    ),
    (
        "0014_set_checks.sql",
        "gone: rule ledger_entries organization_id,transaction_id FOREIGN KEY (organization_id, transaction_id) \
            REFERENCES ledger_transactions(organization_id, id)",
        "a trigger refuses what the key refused",
    ),
    (
        "0015_movement_kinds.sql",
        "gone: rule ledger_transactions kind CHECK ((kind = ANY (ARRAY['top_up'::text, 'hold'::text, \
            'release'::text, 'capture'::text, 'charge'::text, 'accrual'::text, 'settlement'::text])))",
        "its successor allows more",
    ),
    (
        "0015_movement_kinds.sql",
        "stricter: rule ledger_transactions kind CHECK ((kind = ANY (ARRAY['top_up'::text, 'hold'::text, \
            'release'::text, 'capture'::text, 'charge'::text, 'accrual'::text, 'settlement'::text, \
            'refund'::text, 'reversal'::text, 'reversal_returned'::text, 'dispute_freeze'::text, \
            'dispute_release'::text, 'credit'::text, 'credit_expiry'::text, 'adjustment'::text])))",
        "allows all that was allowed",
    ),
    (
        "0021_prices.sql",
        "stricter: rule price_versions created_at,effective_at CHECK ((effective_at >= created_at))",
        "older programs publish at the present alone",
    ),
    (
        "0021_prices.sql",
        "stricter: rule price_versions effective_at,id UNIQUE (id, effective_at)",
        "the id alone is the primary key, so no row can break it",
    ),
    (
        "0021_prices.sql",
        "stricter: rule price_versions id,plan_id,region_id UNIQUE (id, plan_id, region_id)",
        "the id alone is the primary key, so no row can break it",
    ),
    (
        "0023_auto_top_up.sql",
        "stricter: rule top_ups auto_top_up_id,organization_id FOREIGN KEY (organization_id, auto_top_up_id) REFERENCES auto_top_ups(organization_id, id)",
        "older programs write no automatic top-ups",
    ),
    (
        "0023_auto_top_up.sql",
        "stricter: rule top_ups organization_id CREATE UNIQUE INDEX top_ups_one_automatic ON public.top_ups USING btree (organization_id) \
            WHERE ((auto_top_up_id IS NOT NULL) AND (state = ANY (ARRAY['created'::text, 'awaiting_approval'::text, 'pending'::text])))",
        "older programs write no automatic top-ups, and end those they meet",
    ),
    (
        "0024_hourly_cost.sql",
        "gone: function forget_flat_hours   -> trigger",
        "no program calls it; keep_meter_terms does what it did, for the older ones, too",
    ),
    (
        "0024_hourly_cost.sql",
        "gone: rule events organization_id FOREIGN KEY (organization_id) REFERENCES organizations(id)",
        "it could only refuse; organizations are never deleted",
    ),
    (
        "0024_hourly_cost.sql",
        "gone: rule ledger_transactions id,organization_id UNIQUE (organization_id, id)",
        "the id alone is the primary key, and no `on conflict` names both",
    ),
    (
        "0024_hourly_cost.sql",
        "gone: rule meters month CHECK ((EXTRACT(day FROM month) = (1)::numeric))",
        "the next one says the same",
    ),
    (
        "0024_hourly_cost.sql",
        "stricter: rule meters month CHECK ((date_part('day'::text, month) = (1)::double precision))",
        "the one before said the same",
    ),
    (
        "0027_resources.sql",
        "stricter: rule holds organization_id,resource_id FOREIGN KEY (organization_id, resource_id) \
            REFERENCES resources(organization_id, id)",
        "older programs hold for VPSs alone",
    ),
    (
        "0027_resources.sql",
        "stricter: rule holds resource_id,vps_id CHECK ((num_nonnulls(vps_id, resource_id) = 1))",
        "older programs hold for VPSs alone, and always for one",
    ),
    (
        "0027_resources.sql",
        "stricter: rule meters organization_id,resource_id FOREIGN KEY (organization_id, resource_id) \
            REFERENCES resources(organization_id, id)",
        "older programs count hours of VPSs alone",
    ),
    (
        "0027_resources.sql",
        "stricter: rule meters resource_id,vps_id CHECK ((num_nonnulls(vps_id, resource_id) = 1))",
        "older programs count hours of VPSs alone, and always of one",
    ),
    (
        "0027_resources.sql",
        "stricter: rule price_versions id,kind UNIQUE (id, kind)",
        "the id alone is the primary key, so no row can break it",
    ),
    (
        "0027_resources.sql",
        "stricter: rule price_versions kind,plan_id CHECK (((kind = 'vps'::text) = (plan_id IS NOT NULL)))",
        "older programs publish prices of VPSs alone, which the default says, and always of a plan",
    ),
    (
        "0029_resizes.sql",
        "gone: rule holds resource_id,vps_id CHECK ((num_nonnulls(vps_id, resource_id) = 1))",
        "its successor allows more",
    ),
    (
        "0029_resizes.sql",
        "stricter: rule holds organization_id,resize_id FOREIGN KEY (organization_id, resize_id) \
            REFERENCES resizes(organization_id, id)",
        "older programs resize nothing",
    ),
    (
        "0029_resizes.sql",
        "stricter: rule holds resize_id,resource_id,vps_id CHECK ((num_nonnulls(vps_id, resource_id, resize_id) = 1))",
        "allows all that was allowed",
    ),
];

/// Kind, table, columns and what is true of them.
type Fact = (String, String, Vec<String>, String);

/// Everything in the schema that a program may rely on or that may refuse it.
const CATALOG: &str = "
    with tables as (select oid, relname::text as name, relkind from pg_class
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm')),
        fields as (select t.name, array[attname::text] as field, format_type(atttypid, atttypmod) as type,
                attnotnull, atthasdef or attidentity <> '' as filled
            from pg_attribute join tables t on t.oid = attrelid where attnum > 0 and not attisdropped)
    select 'table', name, '{}'::text[], relkind::text from tables
    union all select 'column', name, field, type from fields
    union all select 'nullable', name, field, '' from fields where not attnotnull
    union all select 'optional', name, field, '' from fields where not attnotnull or filled
    union all select 'rule', t.name, array(select attname::text from pg_attribute
            where attrelid = conrelid and attnum = any(conkey) order by 1), pg_get_constraintdef(c.oid)
        from pg_constraint c join tables t on t.oid = conrelid where contype in ('p', 'u', 'f', 'c', 'x')
    union all select 'rule', t.name, array(select attname::text from pg_attribute
            where attrelid = indrelid and attnum = any(indkey) order by 1), pg_get_indexdef(indexrelid)
        from pg_index join tables t on t.oid = indrelid
        where indisunique and not exists (select from pg_constraint where conindid = indexrelid)
    union all select 'grant', table_name::text, '{}', grantee || ' ' || privilege_type
        from information_schema.role_table_grants where table_schema = 'public'
    union all select 'grant', table_name::text, array[column_name::text], grantee || ' ' || privilege_type
        from information_schema.role_column_grants where table_schema = 'public'
    union all select 'function', proname::text, '{}',
            pg_get_function_identity_arguments(oid) || ' -> ' || coalesce(pg_get_function_result(oid), '')
        from pg_proc where pronamespace = 'public'::regnamespace
    union all select 'policy', tablename::text, '{}', concat_ws(' ', policyname, roles, cmd, qual, with_check)
        from pg_policies where schemaname = 'public'";

async fn catalog(connection: &mut PgConnection) -> BTreeSet<Fact> {
    let facts: Vec<Fact> = sqlx::query_as(CATALOG).fetch_all(connection).await.unwrap();
    facts.into_iter().collect()
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.expect(sql);
}

/// What a program built for the schema before cannot live with.
fn breaches(before: &BTreeSet<Fact>, after: &BTreeSet<Fact>) -> Vec<String> {
    let was = |kind: &str, table: &str, field: Option<&String>| {
        before.iter().any(|(k, t, f, _)| k == kind && t == table && field.is_none_or(|name| f.contains(name)))
    };
    let show = |how: &str, (kind, table, fields, what): &Fact| {
        format!("{how}: {kind} {table} {} {what}", fields.join(","))
    };
    let gone = before.difference(after).map(|fact| show("gone", fact));
    let new = after.difference(before).filter(|(_, table, ..)| was("table", table, None));
    let stricter = new.filter_map(|fact| {
        let (kind, table, fields, _) = fact;
        let optional = ("optional".to_owned(), table.clone(), fields.clone(), String::new());
        match kind.as_str() {
            "rule" if fields.iter().any(|field| was("column", table, Some(field))) => {
                Some(show("stricter", fact))
            }
            "column" if !after.contains(&optional) => Some(show("must be filled", fact)),
            _ => None,
        }
    });
    gone.chain(stricter).collect()
}

/// Name and text of each migration, in order.
fn migrations() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/store/migrations");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut all: Vec<_> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn every_migration_leaves_what_the_release_before_uses() {
    let panel = Panel::start().await;
    let mut connection = PgConnection::connect(&panel.database().superuser_url()).await.unwrap();
    execute(&mut connection, "drop schema public cascade; create schema public").await;
    let mut found = Vec::new();
    let mut checked = 0;
    for (name, sql) in migrations() {
        let before = catalog(&mut connection).await;
        execute(&mut connection, &sql).await;
        if &name[..4] > FIRST_RELEASE {
            let broken = breaches(&before, &catalog(&mut connection).await);
            found.extend(broken.into_iter().map(|breach| (name.clone(), breach)));
            checked += 1;
        }
    }
    assert!(checked >= 3, "the migrations are found");
    let reviewed: Vec<_> =
        REVIEWED.iter().map(|(name, breach, _)| ((*name).to_owned(), (*breach).to_owned())).collect();
    assert_eq!(found, reviewed, "older programs go on working, or a reviewer said why they do");
}

#[tokio::test]
async fn the_checker_sees_each_way_to_break_an_older_program() {
    let panel = Panel::start().await;
    let mut connection = PgConnection::connect(&panel.database().superuser_url()).await.unwrap();
    let bad = [
        ("drop table told_alarms", "gone: table told_alarms"),
        ("alter table jobs rename column key to word", "gone: column jobs key text"),
        ("alter table jobs alter column attempts type bigint", "gone: column jobs attempts integer"),
        ("alter table jobs alter column key set not null", "gone: nullable jobs key"),
        ("alter table jobs alter column priority drop default", "gone: optional jobs priority"),
        ("alter table jobs add column trace text not null", "must be filled: column jobs trace"),
        ("alter table jobs add check (attempts < 99)", "stricter: rule jobs attempts"),
        ("create unique index on jobs (created_at)", "stricter: rule jobs created_at"),
        ("drop index jobs_dedupe", "gone: rule jobs dedupe CREATE"),
        ("revoke insert on jobs from skypanel_tenant", "gone: grant jobs  skypanel_tenant INSERT"),
        ("drop function wake_workers cascade", "gone: function wake_workers"),
        ("drop policy tenant on jobs", "gone: policy jobs"),
    ];
    for (sql, expected) in bad {
        execute(&mut connection, "truncate jobs, told_alarms; begin").await;
        let before = catalog(&mut connection).await;
        execute(&mut connection, sql).await;
        let broken = breaches(&before, &catalog(&mut connection).await);
        assert!(broken.iter().any(|breach| breach.starts_with(expected)), "{sql}: {broken:#?}");
        execute(&mut connection, "rollback").await;
    }
    let before = catalog(&mut connection).await;
    execute(
        &mut connection,
        "alter table jobs add column trace text check (length(trace) < 9), add column tier int not null default 1;
        create table gadgets (id uuid primary key, name text not null unique);
        create index on jobs (created_at); grant select on gadgets to skypanel_system",
    )
    .await;
    assert_eq!(breaches(&before, &catalog(&mut connection).await), [] as [String; 0]);
}
