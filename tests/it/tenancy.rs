//! One organization never sees another: table by table, and use case by use case.

use std::collections::BTreeSet;

use app::identity::{create_api_key, revoke_api_key, revoke_session};
use app::vps::{delete, power, ssh_key};
use app::{Caller, Error, IdempotencyKey};
use domain::billing::Subject;
use domain::billing::transfer::GB;
use domain::catalog::Product;
use domain::payment::{AutoTerms, Threshold};
use domain::vps::PowerRequest;
use domain::{ApiKeyId, SessionId, VpsId};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use store::identity::LimitSubject;
use store::wallet::terms::Terms;
use testkit::{Panel, RunningWorker};
use uuid::Uuid;

/// Tables with an organization, that column's name, whether row security is on, and its policies.
pub(crate) const TENANT_TABLES: &str = "
    select c.relname::text as name, c.relrowsecurity as secured,
        (select array_agg(concat_ws('|', polname, pg_get_userbyid(polroles[1]), polcmd,
                pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) order by polname)
            from pg_policy where polrelid = c.oid) as policies
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and (c.relname = 'organizations' or exists (select from pg_attribute a
            where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped))
    order by 1";

async fn tenant_tables(panel: &Panel) -> Vec<(String, &'static str)> {
    let names: Vec<String> = panel.fetch_all(format!("select name from ({TENANT_TABLES}) t")).await;
    let column = |name: &str| if name == "organizations" { "id" } else { "organization_id" };
    names
        .into_iter()
        .map(|name| {
            let column = column(&name);
            (name, column)
        })
        .collect()
}

/// A connection of the login role.
pub(crate) async fn login(panel: &Panel) -> PgConnection {
    PgConnection::connect(&panel.database().login_url()).await.unwrap()
}

/// What a transaction of the panel sees: the login role, having become `role` for an organization.
pub(crate) async fn become_role(connection: &mut PgConnection, role: &str, organization: &str) {
    let begin = format!("begin; set local role {role}; set local app.organization_id = '{organization}'");
    connection.execute(AssertSqlSafe(begin)).await.unwrap();
}

/// Two organizations that have used everything the panel has.
pub(crate) async fn two_full_organizations() -> (Panel, RunningWorker, [Caller; 2]) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let callers = [panel.customer("acme").await, panel.customer("bolt").await];
    for caller in &callers {
        panel.top_up(caller, "50.00").await;
        let threshold = Threshold::Amount("0.01".parse().unwrap());
        let (amount, ceiling) = ("25.00".parse().unwrap(), "100.00".parse().unwrap());
        panel.agree(caller, AutoTerms { threshold, amount, ceiling }).await;
        create_api_key(&panel.app, caller, "ci").await.unwrap();
        panel.limit(caller, LimitSubject::Organization, "9000/60").await;
        panel.give_and_take(caller).await;
        let new = panel.new_vps(caller, "small", "web").await;
        let key = IdempotencyKey::new("k", "POST", "/vps", b"").unwrap();
        let web = app::vps::create(&panel.app, caller, new, Some(&key)).await.unwrap().effect();
        panel.until_state(web, "active").await;
        panel.documents(caller).await;
        let price = panel.publish_resource(Product::Volume, None, (148_810, 100_000_000, 1_000), 2_500).await;
        let disk = panel.active_resource(caller, Product::Volume, (None, 10), price).await;
        let larger = panel.order_resize(caller, Subject::Resource(disk), (price, 20)).await.unwrap();
        panel.confirm_resize(caller, larger).await;
    }
    panel.publish("small", 3_000).await;
    panel.announce_move("small", Some(chrono::Utc::now() + chrono::Days::new(40))).await;
    let operator = panel.operator().await;
    for (caller, hours) in callers.iter().zip([100, 200]).rev() {
        let terms = Terms { retention_hours: Some(hours), ..Terms::default() };
        app::billing::set_terms(&panel.app, &operator, caller.organization_id(), terms).await.unwrap();
        let of = format!("from top_ups where organization_id = '{}'", caller.organization_id());
        panel.execute(format!("insert into disputes (organization_id, id, top_up_id, dispute_ref, state, stage, reason,
            disputed_micros, began_at, decided_at) select organization_id, gen_random_uuid(), id, 'PP-' || id, 'won', 'INQUIRY', 'OTHER',
            1000000, now(), now() {of}")).await;
        panel.execute(format!("insert into refunds (organization_id, id, top_up_id, kind, state, amount_micros, requested_by)
            select organization_id, gen_random_uuid(), id, 'refund', 'failed', 1000000, requested_by {of}")).await;
    }
    panel.price_transfer(1_000, "date_trunc('month', now(), 'utc')").await;
    let month = panel.fetch("select date_trunc('month', now() at time zone 'utc')::date").await;
    for vps in panel.fetch_all::<Uuid>("select id from vps_instances").await {
        panel.read_transfer(VpsId(vps), month, 2_000 * GB).await;
    }
    let charged = app::billing::charge_transfer(&panel.store, chrono::Utc::now()).await.unwrap();
    assert_eq!(charged, 2, "both used more than what is included");
    panel.until_idle().await;
    // As if suspended and resumed within an hour.
    for tariff in ["at_cost", "sold"] {
        panel.execute(format!("update meters set tariff = '{tariff}'")).await;
    }
    (panel, worker, callers)
}

#[tokio::test]
async fn a_tenant_sees_and_touches_its_own_rows_alone_in_every_table() {
    let (panel, _worker, [acme, bolt]) = two_full_organizations().await;
    let (acme, bolt) = (acme.organization_id(), bolt.organization_id());
    let mut connection = login(&panel).await;
    for (table, column) in tenant_tables(&panel).await {
        let there = |organization| format!("select count(*) from {table} where {column} = '{organization}'");
        let own: i64 = panel.fetch(there(acme)).await;
        assert!(
            own > 0 && panel.fetch::<i64>(there(bolt)).await > 0,
            "{table} is empty: this proves nothing"
        );

        become_role(&mut connection, "skypanel_tenant", &acme.to_string()).await;
        let all = format!("select count(*) from {table}");
        let Ok(seen) = sqlx::query_scalar::<_, i64>(AssertSqlSafe(all)).fetch_one(&mut connection).await
        else {
            panic!("{table} cannot be read by tenants")
        };
        assert_eq!(seen, own, "{table}");
        for change in [
            format!("update {table} set {column} = {column} where {column} = '{bolt}'"),
            format!("update {table} set {column} = '{bolt}'"),
            format!("delete from {table} where {column} = '{bolt}'"),
        ] {
            connection.execute("savepoint s").await.unwrap();
            match connection.execute(AssertSqlSafe(change.clone())).await {
                Ok(done) => assert_eq!(done.rows_affected(), 0, "{change}"),
                Err(error) => {
                    let code = error.as_database_error().unwrap().code().unwrap();
                    assert_eq!(code, "42501", "{change}: {error}");
                }
            }
            connection.execute("rollback to s").await.unwrap();
        }
        connection.execute("rollback").await.unwrap();

        for nobody in ["", &Uuid::nil().to_string()] {
            become_role(&mut connection, "skypanel_tenant", nobody).await;
            let all = format!("select count(*) from {table}");
            let seen: i64 = sqlx::query_scalar(AssertSqlSafe(all)).fetch_one(&mut connection).await.unwrap();
            assert_eq!(seen, 0, "{table} without an organization");
            connection.execute("rollback").await.unwrap();
        }
    }
    assert!(sqlx::query("select current_organization()").fetch_one(&mut connection).await.is_ok());
}

#[tokio::test]
async fn the_ids_of_another_organization_do_not_exist_in_any_use_case() {
    let (panel, _worker, [acme, bolt]) = two_full_organizations().await;
    let of_bolt = |table: &str| {
        format!("select id from {table} where organization_id = '{}' limit 1", bolt.organization_id())
    };
    let vps = VpsId(panel.fetch(of_bolt("vps_instances")).await);
    let key = domain::SshKeyId(panel.fetch(of_bolt("ssh_keys")).await);
    let api_key = ApiKeyId(panel.fetch(of_bolt("api_keys")).await);
    let session = SessionId(panel.fetch(of_bolt("sessions")).await);
    let top_up = domain::TopUpId(panel.fetch(of_bolt("top_ups")).await);

    let app = &panel.app;
    let outcomes = [
        ("start", power(app, &acme, vps, PowerRequest::Start).await.map(drop)),
        ("stop", power(app, &acme, vps, PowerRequest::Stop).await.map(drop)),
        ("reboot", power(app, &acme, vps, PowerRequest::Reboot).await.map(drop)),
        ("delete", delete(app, &acme, vps).await),
        ("delete ssh key", ssh_key::delete(app, &acme, key).await),
        ("revoke api key", revoke_api_key(app, &acme, api_key).await),
        ("revoke session", revoke_session(app, &acme, session).await),
        ("capture", app::payment::ask_for_capture(app, &acme, top_up).await),
    ];
    for (what, outcome) in outcomes {
        assert!(matches!(outcome, Err(Error::NotFound)), "{what}: {outcome:?}");
    }
    let mut order = panel.new_vps(&acme, "small", "db").await;
    order.ssh_keys.push(key);
    let refused = app::vps::create(app, &acme, order, None).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "ssh_keys", .. })), "{refused:?}");

    let touched =
        format!("select count(*) from vps_actions where organization_id = '{}'", bolt.organization_id());
    assert_eq!(panel.fetch::<i64>(touched).await, 1, "its own create alone");
    panel.verify().await;
}

#[tokio::test]
async fn what_an_organization_changes_is_in_its_own_trail() {
    let (panel, _worker, callers) = two_full_organizations().await;
    let trails: BTreeSet<Uuid> = panel
        .fetch_all::<Option<Uuid>>("select distinct organization_id from activity_logs where target_kind in ('vps', 'top_up', 'api_key', 'ssh_key')")
        .await
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(trails, callers.iter().map(|c| c.organization_id().0).collect());
}
