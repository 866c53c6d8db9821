//! Several releases on one database: what an upgrade and a roll-back rest on
//! (docs/adr/0009-expand-then-contract.md).

mod expand;
mod rolling;

use std::process::Output;

use testkit::Panel;

/// Runs a command of the product on the panel's database to its end.
async fn run(panel: &Panel, command: &str) -> Output {
    let mut command = panel.command(command, &panel.database().login_url());
    command.env("RUST_LOG", "info").env("DATABASE_OWNER_URL", panel.database().superuser_url());
    let output = command.output();
    output.await.expect("the skypanel binary is built: cargo build -p skypanel")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn programs_refuse_a_schema_older_than_themselves() {
    let panel = Panel::start().await;
    let last = "version = (select max(version) from _sqlx_migrations)";
    let name: String = panel
        .fetch(format!(
            "select to_char(version, 'FM0000') || ' (' || description || ')' from _sqlx_migrations where {last}"
        ))
        .await;
    panel.execute(format!("delete from _sqlx_migrations where {last}")).await;
    for command in ["serve", "work"] {
        let output = run(&panel, command).await;
        let wanted = format!("migration {name} is not applied; run `skypanel migrate`");
        assert!(!output.status.success(), "{command} starts");
        assert!(said(&output).contains(&wanted), "{command}: {}", said(&output));
    }
}

#[tokio::test]
async fn a_list_of_migrations_nobody_may_read_is_an_older_schema() {
    let panel = Panel::start().await;
    panel.execute("revoke select on _sqlx_migrations from skypanel_system").await;
    let old = store::setup::check_schema(&panel.store).await.unwrap().expect("it is old");
    assert_eq!(old.first, "0001 (tenancy)");
}

#[tokio::test]
async fn an_older_migrate_leaves_a_newer_schema_alone() {
    let panel = Panel::start().await;
    panel
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
            values (9999, 'newer', true, '', 0)",
        )
        .await;
    let before: Vec<i64> = panel.fetch_all("select version from _sqlx_migrations order by 1").await;
    let output = run(&panel, "migrate").await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("newer release and stays as it is"), "{}", said(&output));
    let after: Vec<i64> = panel.fetch_all("select version from _sqlx_migrations order by 1").await;
    assert_eq!(before, after);
    assert_eq!(store::setup::check_schema(&panel.store).await.unwrap(), None);
}

#[tokio::test]
async fn two_migrate_at_once_both_succeed() {
    let panel = Panel::start().await;
    panel.execute("drop schema public cascade").await;
    panel.execute("create schema public").await;
    panel.execute("grant usage on schema public to public").await;
    let (one, other) = tokio::join!(run(&panel, "migrate"), run(&panel, "migrate"));
    for output in [one, other] {
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("the schema is up to date"), "{}", said(&output));
    }
    assert_eq!(store::setup::check_schema(&panel.store).await.unwrap(), None);
}
