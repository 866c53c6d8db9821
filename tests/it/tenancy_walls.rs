//! The walls between organizations, as the database itself keeps them: row security, roles, keys.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};
use store::SystemPurpose;
use store::setup::{UnsafeLogin, check_login};
use testkit::Panel;
use uuid::Uuid;

use crate::tenancy::{TENANT_TABLES, become_role, login, two_full_organizations};

/// What went wrong, by PostgreSQL's code; the transaction is over after it.
async fn refusal(connection: &mut PgConnection, statement: impl Into<String>) -> Option<String> {
    let statement = statement.into();
    let outcome = connection.execute(AssertSqlSafe(format!("savepoint s; {statement}; release s"))).await;
    let code = outcome.err().map(|e| e.as_database_error().unwrap().code().unwrap().into_owned());
    if code.is_some() {
        connection.execute("rollback to s").await.unwrap();
    }
    code
}

const DENIED: Option<&str> = Some("42501");

#[tokio::test]
async fn every_table_with_an_organization_is_under_row_security() {
    let panel = Panel::start().await;
    let rows = sqlx::query(TENANT_TABLES).fetch_all(panel.superuser()).await.unwrap();
    assert!(rows.len() >= 18, "the query finds the tables");
    for row in rows {
        let (name, secured): (String, bool) = (row.get("name"), row.get("secured"));
        let column = if name == "organizations" { "id" } else { "organization_id" };
        assert!(secured, "{name}: row security is off");
        let expected = [
            "system|skypanel_system|*|true".to_owned(),
            format!("tenant|skypanel_tenant|*|({column} = current_organization())"),
        ];
        let policies: Option<Vec<String>> = row.get("policies");
        assert_eq!(policies.unwrap_or_default(), expected, "{name}");
    }
}

#[tokio::test]
async fn every_key_between_tables_of_organizations_includes_the_organization() {
    let panel = Panel::start().await;
    let lone: Vec<String> = panel
        .fetch_all(
            "with tenant as (select attrelid as id from pg_attribute where attname = 'organization_id')
            select conrelid::regclass || '.' || conname from pg_constraint k
            where contype = 'f' and conrelid in (select id from tenant) and confrelid in (select id from tenant)
                and not exists (select from pg_attribute a
                    where a.attrelid = k.conrelid and a.attname = 'organization_id' and a.attnum = any(k.conkey))",
        )
        .await;
    assert!(lone.is_empty(), "checks of foreign keys bypass row security: {lone:?}");
}

#[tokio::test]
async fn the_login_alone_may_read_and_write_nothing() {
    let panel = Panel::start().await;
    assert_eq!(check_login(&panel.store).await.unwrap(), None);
    let superuser = store::Store::connect_lazy(&panel.database().superuser_url(), 1).unwrap();
    assert_eq!(check_login(&superuser).await.unwrap(), Some(UnsafeLogin::Privileged));

    let mut connection = login(&panel).await;
    connection.execute("begin").await.unwrap();
    let all = "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')";
    for table in panel.fetch_all::<String>(all).await {
        for statement in [format!("select from {table}"), format!("lock table {table}")] {
            assert_eq!(refusal(&mut connection, &statement).await.as_deref(), DENIED, "{statement}");
        }
    }
}

#[tokio::test]
async fn whoever_only_looks_cannot_write() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let _tenant = panel.store.org_read(&acme.scope).await.unwrap();
    let _system = panel.store.system_read(SystemPurpose::Operator).await.unwrap();
    let _identify = panel.store.identify().await.unwrap();
    let mut begun: Vec<String> = panel
        .fetch_all("select query from pg_stat_activity where datname = current_database() and state = 'idle in transaction'")
        .await;
    begun.sort();
    let tenant = format!("skypanel_tenant; set local app.organization_id = '{}'", acme.organization_id());
    let expected = ["skypanel_system", "skypanel_system", &tenant];
    assert_eq!(begun, expected.map(|role| format!("begin read only; set local role {role}")));
}

#[tokio::test]
async fn a_tenant_reads_nothing_of_clouds_costs_and_the_machinery() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let mut connection = login(&panel).await;
    become_role(&mut connection, "skypanel_tenant", &acme.organization_id().to_string()).await;
    for table in [
        "providers",
        "provider_regions",
        "provider_sizes",
        "provider_prices",
        "provider_images",
        "plan_sizes",
        "orphan_servers",
        "rate_buckets",
        "recurring_jobs",
        "document_series",
        "statement_months",
        "_sqlx_migrations",
    ] {
        let refused = refusal(&mut connection, format!("select 1 from {table}")).await;
        assert_eq!(refused.as_deref(), DENIED, "{table}");
    }
    let hidden: Vec<String> = panel
        .fetch_all(
            "select attname::text from pg_attribute where attrelid = 'price_versions'::regclass and attnum > 0
                and attname ~ 'cost|markup|published'",
        )
        .await;
    assert_eq!(hidden.len(), 7, "the query finds the columns");
    let hidden = hidden.into_iter().map(|column| (column, "price_versions"));
    let of_transfer = ["cost_gb_micros", "published_by"].map(|column| (column.to_owned(), "transfer_prices"));
    for (column, table) in hidden.chain(of_transfer) {
        let refused = refusal(&mut connection, format!("select {column} from {table}")).await;
        assert_eq!(refused.as_deref(), DENIED, "{column}");
    }
    let shown =
        refusal(&mut connection, "select id, pool, sell_gb_micros, effective_at from transfer_prices").await;
    assert_eq!(shown, None);
    let shown =
        refusal(&mut connection, "select sell_hour_micros from price_versions; select * from current_prices")
            .await;
    assert_eq!(shown, None);
    for statement in [
        "update users set role = 'owner'",
        "insert into organizations (id, name) values (gen_random_uuid(), 'x')",
        "update organizations set name = 'x'",
        "update price_versions set sell_hour_micros = 0",
        "update plans set active = true",
        "update sessions set expires_at = now()",
        "update api_keys set digest = digest",
        "update documents set key = key",
        "delete from documents",
        "insert into tax_rates (id, country, effective_on) values (gen_random_uuid(), 'DE', now())",
        "select published_by from tax_rates",
        "update wallet_terms set credit_limit_micros = 1",
        "update transfer_readings set bytes_out = 0",
        "insert into transfer_readings select * from transfer_readings",
        "insert into transfer_charges select * from transfer_charges",
    ] {
        assert_eq!(refusal(&mut connection, statement).await.as_deref(), DENIED, "{statement}");
    }
}

#[tokio::test]
async fn a_row_that_points_into_another_organization_is_refused() {
    let (panel, _worker, [acme, bolt]) = two_full_organizations().await;
    let theirs: Uuid = panel
        .fetch(format!("select id from vps_instances where organization_id = '{}'", bolt.organization_id()))
        .await;
    let own = acme.organization_id();
    let mut connection = login(&panel).await;
    for role in ["skypanel_tenant", "skypanel_system"] {
        become_role(&mut connection, role, &own.to_string()).await;
        for statement in [
            format!(
                "insert into vps_actions (organization_id, id, vps_id, kind, state, actor)
                values ('{own}', gen_random_uuid(), '{theirs}', 'stop', 'done', '{{}}')"
            ),
            format!(
                "insert into holds (organization_id, id, vps_id, amount_micros)
                values ('{own}', gen_random_uuid(), '{theirs}', 1)"
            ),
        ] {
            assert_eq!(
                refusal(&mut connection, &statement).await.as_deref(),
                Some("23503"),
                "{role}: {statement}"
            );
        }
        connection.execute("rollback").await.unwrap();
    }
}
